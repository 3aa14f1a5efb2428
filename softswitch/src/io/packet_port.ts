// One port of the switch on a network interface: an AF_PACKET socket (packet(7)) that receives and sends in bursts.
import * as libc from "./libc.js";
import { isMerged, restore } from "./received.js";
import { BURST, FRAME_BYTES, Ring } from "./ring.js";

/** Room in the kernel for bursts: some thousand small frames. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

export interface PortCounters {
  port: number;
  interface: string;
  rxFrames: number;
  rxBytes: number;
  /** longer than {@link FRAME_BYTES} */
  rxTooLong: number;
  /** merged by the sender's or receiver's offloads; the kernel lets some of them be known by an error only */
  rxMerged: number;
  /** the kernel's: the switch was too slow */
  rxOverrun: number;
  txFrames: number;
  txBytes: number;
  /** queue full, interface down, longer than its MTU */
  txDropped: number;
}

export type OnFrame = (port: number, frame: Uint8Array, length: number) => void;

/** Cannot be opened; the message says why and what to do. */
export class PortError extends Error {
  override name = "PortError";
}

export class PacketPort {
  readonly counters: PortCounters;
  readonly #rx = new Ring();
  readonly #tx = new Ring();
  #fd: number;
  /** frames in the tx ring */
  #queued = 0;
  /** The interface went down or away, once: frames that waited in the socket then do not tell that it is back. */
  #lost = false;

  /** @throws PortError */
  constructor(
    readonly number: number,
    readonly name: string,
  ) {
    this.#fd = open(name, libc.interfaceIndex(name));
    this.counters = {
      port: number,
      interface: name,
      rxFrames: 0,
      rxBytes: 0,
      rxTooLong: 0,
      rxMerged: 0,
      rxOverrun: 0,
      txFrames: 0,
      txBytes: 0,
      txDropped: 0,
    };
    this.#rx.prepareToReceive();
  }

  get fd(): number {
    return this.#fd;
  }

  get lost(): boolean {
    return this.#lost;
  }

  close(): void {
    libc.close(this.#fd);
  }

  /**
   * Receives at most one burst.
   *
   * @param onFrame - may use the frame's memory until it returns
   * @returns true when there may be more
   */
  receive(onFrame: OnFrame): boolean {
    const ring = this.#rx;
    const received = libc.recvmmsg(this.#fd, ring.headers, BURST, 0, null);
    if (received < 0) return this.#failed(libc.errno());
    if (received === 0) return false;
    const { counters } = this;
    for (let slot = 0; slot < received; slot++) {
      const length = ring.receivedLength(slot);
      counters.rxFrames++;
      counters.rxBytes += length;
      if (isMerged(ring, slot)) {
        counters.rxMerged++;
      } else if ((ring.flags(slot) & libc.MSG_TRUNC) !== 0) {
        counters.rxTooLong++;
      } else {
        const frame = restore(ring, slot, length);
        onFrame(this.number, frame, frame.length);
      }
    }
    ring.prepareToReceive(received);
    return received === BURST;
  }

  /**
   * The socket has told of an error, once: to whichever call came next.
   *
   * @returns true when frames may wait behind it
   */
  #failed(errno: number): boolean {
    const { EAGAIN, EINTR, EINVAL } = libc.Errno;
    if (errno === EAGAIN || errno === EINTR) return false;
    if (errno === EINVAL) {
      // A struct virtio_net_hdr cannot say how it was merged (UDP before Linux 6.2, for one), and the kernel has dropped it.
      this.counters.rxFrames++;
      this.counters.rxMerged++;
      return true;
    }
    this.#lost = true; // it went down or away; the socket works again when it comes up
    return false;
  }

  /** Puts a frame into the next burst to be sent. @returns true when it is the burst's first */
  queue(frame: Uint8Array, length: number): boolean {
    if (length > FRAME_BYTES) {
      this.counters.txDropped++;
      return false;
    }
    if (this.#queued === BURST) this.flush();
    this.#tx.put(this.#queued, frame, length);
    return this.#queued++ === 0;
  }

  /** Sends what was queued. Never waits: what the interface does not take is dropped and counted. */
  flush(): void {
    const { EAGAIN, ENOBUFS, EINTR, ENETDOWN, ENXIO } = libc.Errno;
    const queued = this.#queued;
    let done = 0;
    let pending = 0;
    while (done < queued) {
      const sent = libc.sendmmsg(this.#fd, this.#tx.headersFrom(done), queued - done, 0);
      if (sent > 0) {
        if (pending !== 0) this.#failed(pending); // the socket's it was
        pending = 0;
        for (let slot = done; slot < done + sent; slot++) this.counters.txBytes += this.#tx.putLength(slot);
        this.counters.txFrames += sent;
        done += sent;
        continue;
      }
      const errno = libc.errno();
      if (errno === EINTR) continue;
      if (errno === EAGAIN || errno === ENOBUFS) {
        if (pending !== 0) this.#failed(pending);
        this.counters.txDropped += queued - done; // a full queue refuses the rest as well
        break;
      }
      if (pending === 0) {
        pending = errno; // maybe the socket's, which any call tells: of the interface, or of a frame that came
        continue;
      }
      if (errno === ENETDOWN || errno === ENXIO) this.#failed(errno);
      pending = 0;
      this.counters.txDropped++; // this frame's own
      done++;
    }
    this.#queued = 0;
  }

  /**
   * The socket of an interface that was taken away stays deaf, whatever comes back under its name.
   *
   * @param onFrame - gets the frames that still wait in it, as by {@link receive}
   * @returns true when the port works on a new interface
   */
  revive(onFrame: OnFrame): boolean {
    const index = libc.interfaceIndex(this.name);
    if (index === 0 || index === boundIndex(this.#fd)) return false;
    const fd = open(this.name, index);
    while (this.receive(onFrame));
    this.readOverruns(); // the socket takes them with it
    libc.close(this.#fd);
    this.#fd = fd;
    this.#lost = false;
    return true;
  }

  /** Brings {@link counters} up to date with the kernel's. */
  readOverruns(): void {
    const statistics = new Uint8Array(new ArrayBuffer(8)); // struct tpacket_stats; reading resets it
    const length = new Uint8Array(new Uint32Array([8]).buffer);
    if (libc.getsockopt(this.#fd, libc.SOL_PACKET, libc.PACKET_STATISTICS, statistics, length) === 0) {
      this.counters.rxOverrun += new DataView(statistics.buffer).getUint32(4, true);
    }
  }
}

function open(name: string, interfaceIndex: number): number {
  if (interfaceIndex === 0) {
    throw new PortError(`interface ${name} does not exist (see: ip link)`);
  }
  // Protocol 0: the socket receives nothing before it is bound to its interface.
  const fd = libc.socket(libc.AF_PACKET, libc.SOCK_RAW_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) {
    const reason = libc.errorName();
    throw new PortError(
      reason === "EPERM" || reason === "EACCES"
        ? `interface ${name}: packet sockets need the privilege CAP_NET_RAW (run as root)`
        : `interface ${name}: socket: ${reason}`,
    );
  }
  try {
    configure(fd, interfaceIndex);
  } catch (error) {
    libc.close(fd);
    throw new PortError(`interface ${name}: ${(error as Error).message}`);
  }
  return fd;
}

function configure(fd: number, interfaceIndex: number): void {
  const flag = (option: string, name: number) => setOption(fd, option, libc.SOL_PACKET, name, int32(1));
  flag("PACKET_AUXDATA", libc.PACKET_AUXDATA);
  flag("PACKET_VNET_HDR", libc.PACKET_VNET_HDR);
  flag("PACKET_IGNORE_OUTGOING", libc.PACKET_IGNORE_OUTGOING); // Linux 4.20
  growBuffer(fd, libc.SO_RCVBUFFORCE, libc.SO_RCVBUF);
  growBuffer(fd, libc.SO_SNDBUFFORCE, libc.SO_SNDBUF);
  setOption(
    fd,
    "promiscuous mode",
    libc.SOL_PACKET,
    libc.PACKET_ADD_MEMBERSHIP,
    packetMembership(interfaceIndex),
  );
  const address = socketAddress(interfaceIndex);
  if (libc.bind(fd, address, address.length) < 0) throw new Error(`bind: ${libc.errorName()}`);
}

function setOption(fd: number, what: string, level: number, name: number, value: Uint8Array): void {
  if (libc.setsockopt(fd, level, name, value, value.length) < 0) {
    throw new Error(`${what}: ${libc.errorName()}`);
  }
}

/** Beyond the system's limit with the privilege, else as far as the limit goes. */
function growBuffer(fd: number, forced: number, limited: number): void {
  const bytes = int32(SOCKET_BUFFER_BYTES);
  if (libc.setsockopt(fd, libc.SOL_SOCKET, forced, bytes, bytes.length) < 0) {
    libc.setsockopt(fd, libc.SOL_SOCKET, limited, bytes, bytes.length);
  }
}

function int32(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}

/** struct sockaddr_ll */
function socketAddress(interfaceIndex: number): Uint8Array {
  const address = new DataView(new ArrayBuffer(20));
  address.setUint16(0, libc.AF_PACKET, true);
  address.setUint16(2, libc.ETH_P_ALL, false);
  address.setInt32(4, interfaceIndex, true);
  return new Uint8Array(address.buffer);
}

/** The index of the interface that a socket is bound to; -1 once that was taken away (packet(7)). */
function boundIndex(fd: number): number {
  const address = new Uint8Array(new ArrayBuffer(20)); // struct sockaddr_ll
  const length = new Uint8Array(new Uint32Array([address.length]).buffer);
  if (libc.getsockname(fd, address, length) < 0) return -1;
  return new DataView(address.buffer).getInt32(4, true);
}

/** struct packet_mreq */
function packetMembership(interfaceIndex: number): Uint8Array {
  const membership = new DataView(new ArrayBuffer(16));
  membership.setInt32(0, interfaceIndex, true);
  membership.setUint16(4, libc.PACKET_MR_PROMISC, true);
  return new Uint8Array(membership.buffer);
}
