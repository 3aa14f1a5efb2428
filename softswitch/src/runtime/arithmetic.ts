// Arithmetic on values in int32 lanes, the least significant first, that is too long to be written out.

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

/** The low `lanes` lanes of the product of two values of as many lanes. */
export function multiplyWide(a: Int32Array, b: Int32Array, lanes: number, product: Int32Array): void {
  const digits = 2 * lanes;
  const digit = (x: Int32Array, i: number) => (i & 1 ? x[i >> 1]! >>> 16 : x[i >> 1]! & 0xffff);
  product.fill(0, 0, lanes);
  // Schoolbook, in 16-bit digits: each column's sum stays far below 2^53.
  let carry = 0;
  for (let column = 0; column < digits; column++) {
    let sum = carry;
    for (let i = 0; i <= column; i++) sum += digit(a, i) * digit(b, column - i);
    product[column >> 1]! |= (sum % 65536) << (column & 1 ? 16 : 0);
    carry = Math.floor(sum / 65536);
  }
}

/** Shifts a value of `lanes` lanes to the left, in place; zeros come in. */
export function shiftLeft(x: Int32Array, lanes: number, distance: number): void {
  const whole = Math.floor(distance / 32);
  const rest = distance & 31;
  for (let i = lanes - 1; i >= 0; i--) {
    const low = i - whole > 0 ? x[i - whole - 1]! : 0;
    const high = i - whole >= 0 ? x[i - whole]! : 0;
    x[i] = rest === 0 ? high : (high << rest) | (low >>> (32 - rest));
  }
}

/** Shifts a value of `lanes` lanes to the right, in place. @param fill - the lane that comes in: 0 or, for a negative value, -1 */
export function shiftRight(x: Int32Array, lanes: number, distance: number, fill: number): void {
  const whole = Math.floor(distance / 32);
  const rest = distance & 31;
  for (let i = 0; i < lanes; i++) {
    const low = i + whole < lanes ? x[i + whole]! : fill;
    const high = i + whole + 1 < lanes ? x[i + whole + 1]! : fill;
    x[i] = rest === 0 ? low : (low >>> rest) | (high << (32 - rest));
  }
}

/** Whether two runs of bytes are equal as numbers, whatever their lengths: so simple_switch compares varbit fields. */
export function equalNumbers(
  bytes: Uint8Array,
  a: number,
  aLength: number,
  b: number,
  bLength: number,
): boolean {
  for (let i = 1; i <= Math.max(aLength, bLength); i++) {
    const left = i <= aLength ? bytes[a + aLength - i] : 0;
    const right = i <= bLength ? bytes[b + bLength - i] : 0;
    if (left !== right) return false;
  }
  return true;
}

/** A number from `low` to `high`, both included, each of at most 64 bits; all are equally likely. */
export function randomBetween(low: bigint, high: bigint): bigint {
  const span = high - low + 1n;
  // The highest multiple of the span that 64 bits hold: what is above it would make small numbers likelier.
  const limit = (1n << 64n) - ((1n << 64n) % span);
  for (;;) {
    const words = [0, 1, 2, 3].map(() => BigInt(Math.floor(Math.random() * 65536)));
    const value = words.reduce((sum, word) => (sum << 16n) | word, 0n);
    if (value < limit) return low + (value % span);
  }
}
