// A frame as a packet socket hands it over is not always the frame as it was on the wire: its VLAN tag comes beside it, its
// checksum may be left to hardware that does not exist, and several TCP segments may have been merged into one.
import type { Ring } from "./ring.js";

const CMSG_DATA = 16;
const AUXDATA_BYTES = 20;
const TP_STATUS_VLAN_VALID = 1 << 4;
const TP_STATUS_VLAN_TPID_VALID = 1 << 6;
const DEFAULT_TPID = 0x8100;

const VNET_NEEDS_CHECKSUM = 1;

/** Whether the kernel merged segments into this frame: it does not fit any wire. */
export function isMerged(ring: Ring, slot: number): boolean {
  return ring.vnet(slot).getUint8(1) !== 0;
}

/** The frame as it was, or was meant to be, on the wire. `length`: as received. */
export function restore(ring: Ring, slot: number, length: number): Uint8Array {
  const vnet = ring.vnet(slot);
  if ((vnet.getUint8(0) & VNET_NEEDS_CHECKSUM) !== 0) {
    completeChecksum(ring.frame(slot), length, vnet.getUint16(6, true), vnet.getUint16(8, true));
  }
  if (ring.controlLength(slot) >= CMSG_DATA + AUXDATA_BYTES) {
    const auxdata = ring.control(slot);
    const status = auxdata.getUint32(CMSG_DATA, true);
    if ((status & TP_STATUS_VLAN_VALID) !== 0) {
      const tci = auxdata.getUint16(CMSG_DATA + 16, true);
      const hasTpid = (status & TP_STATUS_VLAN_TPID_VALID) !== 0;
      const tpid = hasTpid ? auxdata.getUint16(CMSG_DATA + 18, true) : DEFAULT_TPID;
      return ring.insertVlanTag(slot, length, tpid, tci);
    }
  }
  return ring.frame(slot).subarray(0, length);
}

/**
 * Does what the sender left to a network card: the ones' complement sum from `start` to the end, which already contains the
 * pseudo header's sum, goes to `start + offset`.
 */
export function completeChecksum(frame: Uint8Array, length: number, start: number, offset: number): void {
  const field = start + offset;
  if (field + 2 > length) return;
  let sum = 0;
  let at = start;
  for (; at + 1 < length; at += 2) sum += (frame[at]! << 8) | frame[at + 1]!;
  if (at < length) sum += frame[at]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  // 0 would mean "no checksum" to UDP (RFC 768); to TCP both are zero.
  const checksum = ~sum & 0xffff || 0xffff;
  frame[field] = checksum >> 8;
  frame[field + 1] = checksum;
}
