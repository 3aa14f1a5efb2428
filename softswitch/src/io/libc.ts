// The few functions of the C library that packet sockets need. LP64 Linux; numbers from the kernel's and libc's headers.
import koffi from "koffi";

export const AF_PACKET = 17;
export const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
export const ETH_P_ALL = 3;
export const MSG_TRUNC = 0x20;

export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
export const SO_SNDBUF = 7;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;

export const SOL_PACKET = 263;
export const PACKET_ADD_MEMBERSHIP = 1;
export const PACKET_MR_PROMISC = 1;
export const PACKET_STATISTICS = 6;
export const PACKET_AUXDATA = 8;
export const PACKET_VNET_HDR = 15;
export const PACKET_IGNORE_OUTGOING = 23;

export const POLLIN = 1;

const EFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;

export const Errno = koffi.os.errno as Record<string, number>;

/** Where memory is whose address C gets. Whoever calls it must keep `memory` reachable for as long as C may use it. */
export function addressOf(memory: Uint8Array): bigint {
  return koffi.address(memory);
}

/** The name of the last failed call's error, such as ENETDOWN. */
export function errorName(errno = koffi.errno()): string {
  return Object.entries(Errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}

export const errno = (): number => koffi.errno();

const libc = koffi.load("libc.so.6");

type Pointer = Uint8Array | bigint | null;

export const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  "int socket(int domain, int type, int protocol)",
);
export const bind: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  "int bind(int fd, void *address, unsigned int length)",
);
export const setsockopt: (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  length: number,
) => number = libc.func("int setsockopt(int fd, int level, int name, void *value, unsigned int length)");
export const getsockopt: (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  length: Uint8Array,
) => number = libc.func("int getsockopt(int fd, int level, int name, void *value, void *length)");
export const getsockname: (fd: number, address: Uint8Array, length: Uint8Array) => number = libc.func(
  "int getsockname(int fd, void *address, void *length)",
);
export const close: (fd: number) => number = libc.func("int close(int fd)");
export const poll: (fds: Pointer, count: number, timeoutMs: number) => number = libc.func(
  "int poll(void *fds, unsigned long count, int timeout)",
);
export const recvmmsg: (
  fd: number,
  messages: Pointer,
  count: number,
  flags: number,
  timeout: null,
) => number = libc.func("int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)");
export const sendmmsg: (fd: number, messages: Pointer, count: number, flags: number) => number = libc.func(
  "int sendmmsg(int fd, void *messages, unsigned int count, int flags)",
);
/** @returns 0 when there is no such interface */
export const interfaceIndex: (name: string) => number = libc.func("unsigned int if_nametoindex(str name)");

const eventfd: (initial: number, flags: number) => number = libc.func(
  "int eventfd(unsigned int initial, int flags)",
);

/** A file descriptor that poll() sees as readable once 8 bytes, a number, were written to it. @throws Error */
export function wakeUpFd(): number {
  const fd = eventfd(0, EFD_NONBLOCK_CLOEXEC);
  if (fd < 0) throw new Error(`eventfd: ${errorName()}`);
  return fd;
}
