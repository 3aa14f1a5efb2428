// Protobuf's wire format, as far as messages are looked into without being decoded.

export const LENGTH_DELIMITED = 2;

/** @returns the position after the varint @throws RangeError when there is none */
function skipVarint(bytes: Uint8Array, at: number): number {
  let end = at;
  while (bytes[end]! > 0x7f) end++;
  if (end >= bytes.length) throw new RangeError("the message is cut off");
  return end + 1;
}

function varint(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at, scale = 1; ; i++, scale *= 128) {
    value += (bytes[i]! & 0x7f) * scale;
    if (bytes[i]! < 0x80) return value;
  }
}

/** Where the value of a field of this wire type ends. */
function endOfValue(bytes: Uint8Array, at: number, wireType: number): number {
  switch (wireType) {
    case 0:
      return skipVarint(bytes, at);
    case 1:
      return at + 8;
    case LENGTH_DELIMITED:
      return skipVarint(bytes, at) + varint(bytes, at);
    case 5:
      return at + 4;
    default:
      throw new RangeError(`wire type ${wireType}`);
  }
}

/** One field of a message. */
export interface WireField {
  number: number;
  wireType: number;
  /** of its tag */
  start: number;
  /** of its value; of a length-delimited one, after the length */
  value: number;
  end: number;
}

/**
 * The fields of a message, one after the other; the object is the same each time.
 *
 * @throws RangeError when the bytes are no message
 */
export function* fieldsOf(bytes: Uint8Array): Generator<Readonly<WireField>> {
  const field: WireField = { number: 0, wireType: 0, start: 0, value: 0, end: 0 };
  for (let start = 0; start < bytes.length; start = field.end) {
    const at = skipVarint(bytes, start);
    const tag = varint(bytes, start);
    field.number = tag >>> 3;
    field.wireType = tag & 7;
    field.start = start;
    field.value = field.wireType === LENGTH_DELIMITED ? skipVarint(bytes, at) : at;
    field.end = endOfValue(bytes, at, field.wireType);
    if (field.end > bytes.length) throw new RangeError("the message is cut off");
    yield field;
  }
}
