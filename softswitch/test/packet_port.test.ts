// A port whose socket fails: the kernel's answers are made up, and every frame is sent, received or counted.
import { beforeEach, describe, expect, test, vi } from "vitest";
import { PacketPort } from "../src/io/packet_port.js";
import { BURST, VNET_BYTES } from "../src/io/ring.js";

const kernel = vi.hoisted(() => ({
  /** what recvmmsg() and sendmmsg() do, in order: a number of frames, or an error; then all is taken and nothing comes */
  receives: [] as (number | string)[],
  sends: [] as (number | string)[],
  errno: 0,
  /** tp_drops of the socket since it was last asked */
  drops: 0,
  opened: 0,
  index: 7,
  /** of the interface that the socket is bound to */
  bound: 7,
}));

vi.mock("../src/io/libc.js", async (original) => {
  const libc = await original<typeof import("../src/io/libc.js")>();
  const answer = (next: number | string): number => {
    if (typeof next === "number") return next;
    kernel.errno = libc.Errno[next]!;
    return -1;
  };
  return {
    ...libc,
    interfaceIndex: () => kernel.index,
    socket: () => 100 + kernel.opened++,
    setsockopt: () => 0,
    bind: () => {
      kernel.bound = kernel.index;
      return 0;
    },
    close: () => 0,
    errno: () => kernel.errno,
    getsockname: (_: number, address: Uint8Array) => {
      new DataView(address.buffer).setInt32(4, kernel.bound, true);
      return 0;
    },
    getsockopt: (_fd: number, _level: number, _name: number, value: Uint8Array) => {
      new DataView(value.buffer).setUint32(4, kernel.drops, true);
      kernel.drops = 0;
      return 0;
    },
    recvmmsg: (_fd: number, headers: Uint8Array) => {
      const received = answer(kernel.receives.shift() ?? "EAGAIN");
      for (let slot = 0; slot < received; slot++) {
        new DataView(headers.buffer).setUint32(slot * MMSGHDR_BYTES + MSG_LEN, VNET_BYTES + 60, true);
      }
      return received;
    },
    sendmmsg: (_fd: number, _headers: Uint8Array, count: number) => answer(kernel.sends.shift() ?? count),
  };
});

// struct mmsghdr, LP64
const MMSGHDR_BYTES = 64;
const MSG_LEN = 56;

const FRAME = new Uint8Array(60);
let port: PacketPort;

beforeEach(() => {
  Object.assign(kernel, { receives: [], sends: [], errno: 0, drops: 0, opened: 0, index: 7, bound: 7 });
  port = new PacketPort(1, "eth1");
});

describe("sending five frames", () => {
  test.each([
    ["all at once", [5], 5],
    ["in parts", [2, 1, 2], 5],
    ["a signal comes between", [2, "EINTR", 3], 5],
    ["the socket's buffer is full", [2, "EAGAIN"], 2],
    ["the interface's queue is full", [2, "ENOBUFS"], 2],
    ["one is longer than the MTU", [2, "EMSGSIZE", "EMSGSIZE", 2], 4],
    ["the interface is down", Array(10).fill("ENETDOWN"), 0],
    ["an error of the socket was pending: no frame is lost by it", ["ENETDOWN", 5], 5],
    ["an error was pending between two of them", [2, "ENETDOWN", 3], 5],
  ])("%s", (_, sends, sent) => {
    kernel.sends = sends as (number | string)[];
    for (let i = 0; i < 5; i++) port.queue(FRAME, FRAME.length);
    port.flush();
    expect(port.counters).toMatchObject({ txFrames: sent, txBytes: 60 * sent, txDropped: 5 - sent });
    expect(kernel.sends).toEqual([]);
  });
});

test("an interface that is lost is known by a send, too", () => {
  kernel.sends = ["ENXIO", "ENXIO"];
  port.queue(FRAME, FRAME.length);
  port.flush();
  expect(port.lost).toBe(true);
});

test("a frame that the kernel cannot describe is counted as merged, and others follow it", () => {
  kernel.receives = ["EINVAL", "EINVAL"];
  expect(port.receive(() => {})).toBe(true);
  expect(port.receive(() => {})).toBe(true);
  expect(port.receive(() => {})).toBe(false);
  expect(port.counters.rxMerged).toBe(2);
  expect(port.lost).toBe(false);
});

test("of which a send is told", () => {
  kernel.sends = ["EINVAL", 1];
  port.queue(FRAME, FRAME.length);
  port.flush();
  expect(port.counters).toMatchObject({ txFrames: 1, txDropped: 0, rxMerged: 1 });
});

test("frames that wait at an interface that is gone are forwarded before it is forgotten", () => {
  kernel.receives = ["ENETDOWN", BURST, 3];
  expect(port.receive(() => {})).toBe(false);
  expect(port.lost).toBe(true);
  kernel.index = 8;
  let forwarded = 0;
  expect(port.revive(() => forwarded++)).toBe(true);
  expect(forwarded).toBe(BURST + 3);
  expect(port.counters).toMatchObject({ rxFrames: BURST + 3, rxBytes: 60 * (BURST + 3) });
  expect(port.lost).toBe(false);
});

test("what the kernel has dropped at an interface that is gone is counted", () => {
  kernel.drops = 12;
  kernel.index = 8;
  expect(port.revive(() => {})).toBe(true);
  expect(port.counters.rxOverrun).toBe(12);
  kernel.drops = 3;
  port.readOverruns();
  expect(port.counters.rxOverrun).toBe(15);
});
