/** The low 64 bits of a product of 64-bit values, each in two int32 lanes, least significant first. */
export function multiply64(a0: number, a1: number, b0: number, b1: number, product: Int32Array): void {
  const al = a0 & 0xffff;
  const ah = a0 >>> 16;
  const bl = b0 & 0xffff;
  const bh = b0 >>> 16;
  // The low lanes in 16-bit halves: sums of their products stay below 2^53.
  const middle = al * bh + ah * bl;
  const low = al * bl + (middle % 65536) * 65536;
  const high = ah * bh + Math.floor(middle / 65536) + (low > 4294967295 ? Math.floor(low / 4294967296) : 0);
  product[0] = low | 0;
  // A double's `| 0` is exact modulo 2^32 below 2^53.
  product[1] = ((high | 0) + Math.imul(a0, b1) + Math.imul(a1, b0)) | 0;
}
