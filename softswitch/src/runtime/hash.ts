// The hash functions of v1model as BMv2 computes them. Input: the first `length` bytes of an array.

function crcTable(polynomial: number, bits: 16 | 32): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return bits === 16 ? crc & 0xffff : crc;
  });
}

const CRC32 = crcTable(0xedb88320, 32);
const CRC16 = crcTable(0xa001, 16);

/** CRC-32 of IEEE 802.3. */
export function crc32(bytes: Uint8Array, length: number): number {
  let crc = -1;
  for (let i = 0; i < length; i++) crc = CRC32[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** CRC-16/ARC: polynomial 0x8005, reflected, from 0. */
export function crc16(bytes: Uint8Array, length: number): number {
  let crc = 0;
  for (let i = 0; i < length; i++) crc = CRC16[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return crc;
}

/** CRC-16/CCITT-FALSE: polynomial 0x1021, from 0xffff. */
export function crcCcitt(bytes: Uint8Array, length: number): number {
  let crc = 0xffff;
  for (let i = 0; i < length; i++) {
    crc ^= bytes[i]! << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc;
}

/** The Internet checksum (RFC 1071): the complement of the ones' complement sum of 16-bit words. */
export function csum16(bytes: Uint8Array, length: number): number {
  let sum = 0;
  let i = 0;
  for (; i + 1 < length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (i < length) sum += bytes[i]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export function xor16(bytes: Uint8Array, length: number): number {
  let result = 0;
  for (let i = 0; i < length; i += 2) result ^= (bytes[i]! << 8) | (i + 1 < length ? bytes[i + 1]! : 0);
  return result;
}

/** The first 8 bytes as a number. More than 53 bits cannot be told apart, so the compiler allows 6 bytes of input. */
export function identity64(bytes: Uint8Array, length: number): number {
  let result = 0;
  for (let i = 0; i < Math.min(8, length); i++) result = result * 256 + bytes[i]!;
  return result;
}
