// Memory for one burst of recvmmsg() or sendmmsg(): headers, lengths, ancillary data and frames, laid out once and used for
// ever. C holds addresses into it, so a ring must stay reachable as long as its socket is open.
import { addressOf } from "./libc.js";

/** Frames a burst: enough to make a system call cheap, few enough that nobody else waits long. */
export const BURST = 64;
/** The longest frame: jumbo frames of 9,216 bytes and some tunnel headers. */
export const FRAME_BYTES = 10_240;

/** struct virtio_net_hdr, before each frame (PACKET_VNET_HDR) */
export const VNET_BYTES = 10;
/** The frame starts at a multiple of 16, after the header, which leaves room for a VLAN tag to be put back. */
const FRAME_OFFSET = 16;
/** An odd number of cache lines, so that the heads of frames do not all fall on the same ones. */
const SLOT_BYTES = FRAME_OFFSET + FRAME_BYTES + 48;

// struct mmsghdr and what it points to, LP64
const HEADER_BYTES = 64;
const IOV = 16;
const IOV_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;
const MESSAGE_LENGTH = 56;
const IOV_BYTES = 16;
const CONTROL_BYTES = 64;

export class Ring {
  /** struct mmsghdr[BURST] */
  readonly headers: Uint8Array;
  readonly #words: Uint32Array;
  readonly #iovWords: Uint32Array;
  readonly #frameMemory: Uint8Array;
  readonly #frames: Uint8Array[];
  readonly #vnets: DataView[];
  readonly #controls: DataView[];
  readonly #iovs: Uint8Array;

  constructor() {
    // An ArrayBuffer of its own for each: small typed arrays live on V8's heap and move.
    const headers = new ArrayBuffer(BURST * HEADER_BYTES);
    const iovs = new ArrayBuffer(BURST * IOV_BYTES);
    const control = new ArrayBuffer(BURST * CONTROL_BYTES);
    const frames = new ArrayBuffer(BURST * SLOT_BYTES);
    this.headers = new Uint8Array(headers);
    this.#words = new Uint32Array(headers);
    this.#iovs = new Uint8Array(iovs);
    this.#iovWords = new Uint32Array(iovs);
    this.#frameMemory = new Uint8Array(frames);
    const slots = Array.from({ length: BURST }, (_, slot) => slot);
    this.#frames = slots.map((slot) => new Uint8Array(frames, slot * SLOT_BYTES + FRAME_OFFSET, FRAME_BYTES));
    this.#vnets = slots.map((slot) => new DataView(frames, vnetOffset(slot), VNET_BYTES));
    this.#controls = slots.map((slot) => new DataView(control, slot * CONTROL_BYTES, CONTROL_BYTES));
    this.#link(addressOf(this.#iovs), addressOf(new Uint8Array(control)));
  }

  #link(iovs: bigint, control: bigint): void {
    const frames = addressOf(this.#frameMemory);
    const header = new DataView(this.headers.buffer);
    const iov = new DataView(this.#iovs.buffer);
    for (let slot = 0; slot < BURST; slot++) {
      const at = slot * HEADER_BYTES;
      header.setBigUint64(at + IOV, iovs + BigInt(slot * IOV_BYTES), true);
      header.setBigUint64(at + IOV_COUNT, 1n, true);
      header.setBigUint64(at + CONTROL, control + BigInt(slot * CONTROL_BYTES), true);
      iov.setBigUint64(slot * IOV_BYTES, frames + BigInt(vnetOffset(slot)), true);
      iov.setBigUint64(slot * IOV_BYTES + 8, BigInt(VNET_BYTES + FRAME_BYTES), true);
    }
  }

  /** Makes slots ready to receive with ancillary data. */
  prepareToReceive(slots = BURST): void {
    for (let slot = 0; slot < slots; slot++) {
      this.#words[(slot * HEADER_BYTES + CONTROL_LENGTH) >> 2] = CONTROL_BYTES;
    }
  }

  /** The frame's memory, FRAME_BYTES long. */
  frame(slot: number): Uint8Array {
    return this.#frames[slot]!;
  }

  /** The frame with a VLAN tag between the addresses and the type; the vnet header is lost. */
  insertVlanTag(slot: number, length: number, tpid: number, tci: number): Uint8Array {
    const start = slot * SLOT_BYTES + FRAME_OFFSET - 4;
    this.#frameMemory.copyWithin(start, start + 4, start + 16);
    this.#frameMemory[start + 12] = tpid >> 8;
    this.#frameMemory[start + 13] = tpid;
    this.#frameMemory[start + 14] = tci >> 8;
    this.#frameMemory[start + 15] = tci;
    return this.#frameMemory.subarray(start, start + length + 4);
  }

  vnet(slot: number): DataView {
    return this.#vnets[slot]!;
  }

  /** struct cmsghdr and its data. */
  control(slot: number): DataView {
    return this.#controls[slot]!;
  }

  /** Bytes of ancillary data that were received. */
  controlLength(slot: number): number {
    return this.#words[(slot * HEADER_BYTES + CONTROL_LENGTH) >> 2]!;
  }

  /** msg_flags of a message that was received. */
  flags(slot: number): number {
    return this.#words[(slot * HEADER_BYTES + FLAGS) >> 2]!;
  }

  /** Bytes of the frame that was received. */
  receivedLength(slot: number): number {
    return this.#words[(slot * HEADER_BYTES + MESSAGE_LENGTH) >> 2]! - VNET_BYTES;
  }

  /** Copies a frame into a slot that is to be sent; its vnet header stays all zero: nothing is left to the driver. */
  put(slot: number, frame: Uint8Array, length: number): void {
    this.#frames[slot]!.set(frame.length === length ? frame : frame.subarray(0, length));
    this.#iovWords[(slot * IOV_BYTES + 8) >> 2] = VNET_BYTES + length;
  }

  /** Bytes of the frame that was put into a slot. */
  putLength(slot: number): number {
    return this.#iovWords[(slot * IOV_BYTES + 8) >> 2]! - VNET_BYTES;
  }

  /** The headers from a slot on. */
  headersFrom(slot: number): Uint8Array {
    return slot === 0 ? this.headers : this.headers.subarray(slot * HEADER_BYTES);
  }
}

function vnetOffset(slot: number): number {
  return slot * SLOT_BYTES + FRAME_OFFSET - VNET_BYTES;
}
