// Protobuf fields written one after the other into a buffer that is used again and again. What is taken out of it are octets, or strings of
// octets, one character an octet: they are compared and hashed as fast as any string, and V8 keeps them in one byte a character.

const LENGTH_DELIMITED = 2;
const MAX_ONE_OCTET = 0x7f;
/** A message that is written here has a length of at most two octets as a varint. */
const MAX_NESTED = 0x3fff;
const TWO_TO_32 = 2 ** 32;

/** Of a number of 32 bits. */
function octetsOf(number: number): number {
  return number <= 0xff ? 1 : number <= 0xffff ? 2 : number <= 0xff_ffff ? 3 : 4;
}

/** As many octets as a number below 2^53 needs, at least one: P4Runtime's canonical form (section 8.4). */
function canonicalOctets(number: number): number {
  return number < TWO_TO_32 ? octetsOf(number) : 4 + octetsOf(Math.floor(number / TWO_TO_32));
}

/** The octets of a string that {@link OctetWriter.text} made. */
export function bytesOf(octets: string): Buffer {
  return Buffer.from(octets, "latin1");
}

/**
 * What is written before a value: the tags and lengths of the messages around it, and what is in them before it. The same for each value
 * that a field has, but for the value's own length, which is missing in the lengths.
 */
export interface Frame {
  octets: Uint8Array;
  /** Of one octet each: what is in a frame is short. */
  lengthsAt: readonly number[];
}

export class OctetWriter {
  #buffer = Buffer.allocUnsafe(4096);
  /** Octets written so far; may be set back to undo. */
  length = 0;

  /** What was written, and what was there before behind it; it is another one after the next octet. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  reset(): void {
    this.length = 0;
  }

  /** What was written from `start` to before `end`. */
  text(start: number, end: number): string {
    return this.#buffer.toString("latin1", start, end);
  }

  #reserve(octets: number): void {
    if (this.length + octets > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * (this.length + octets));
      this.#buffer.copy(larger, 0, 0, this.length);
      this.#buffer = larger;
    }
  }

  octet(value: number): void {
    this.#reserve(1);
    this.#buffer[this.length++] = value;
  }

  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > MAX_ONE_OCTET) {
      this.#buffer[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.length++] = rest;
  }

  /** A field of a non-negative integer; as proto3 has it, 0 is left out, unless it is in a oneof (`always`). */
  number(field: number, value: number, always = false): void {
    if (value !== 0 || always) {
      this.octet(field << 3);
      this.varint(value);
    }
  }

  bytes(field: number, value: Uint8Array): void {
    this.octet((field << 3) | LENGTH_DELIMITED);
    this.varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.length);
    this.length += value.length;
  }

  /** A field of a number's canonical form. */
  canonicalNumber(field: number, value: number): void {
    const octets = canonicalOctets(value);
    this.#reserve(2 + octets);
    this.#buffer[this.length++] = (field << 3) | LENGTH_DELIMITED;
    this.#buffer[this.length++] = octets;
    this.#putNumber(value, octets);
  }

  /** The same in the messages of a {@link frame}. */
  framedNumber({ octets: head, lengthsAt }: Frame, value: number): void {
    const octets = canonicalOctets(value);
    this.#reserve(head.length + octets);
    const buffer = this.#buffer;
    const start = this.length;
    for (let i = 0; i < head.length; i++) {
      buffer[start + i] = head[i]!;
    }
    for (let i = 0; i < lengthsAt.length; i++) {
      buffer[start + lengthsAt[i]!]! += octets;
    }
    this.length = start + head.length;
    this.#putNumber(value, octets);
  }

  #putNumber(value: number, octets: number): void {
    const buffer = this.#buffer;
    let at = this.length;
    // In halves of 32 bits, which are shifted; a number above that would be divided, octet by octet.
    if (octets > 4) {
      const high = Math.floor(value / TWO_TO_32);
      for (let shift = 8 * (octets - 5); shift >= 0; shift -= 8) {
        buffer[at++] = high >>> shift;
      }
    }
    for (let shift = 8 * (Math.min(octets, 4) - 1); shift >= 0; shift -= 8) {
      buffer[at++] = value >>> shift;
    }
    this.length = at;
  }

  /**
   * Makes a frame of what was written, up to a value that would come next in a field of its own.
   *
   * @param marks - of the messages that are open, the innermost first; the value is the last that is in them
   */
  frame(field: number, marks: readonly number[]): Frame {
    const own = this.open(field);
    for (const mark of [own, ...marks]) {
      this.close(mark);
    }
    return {
      octets: Uint8Array.from(this.#buffer.subarray(0, this.length)),
      lengthsAt: [own, ...marks].map((mark) => mark - 1),
    };
  }

  /** Begins a message in a field. @returns what `close` needs */
  open(field: number): number {
    this.octet((field << 3) | LENGTH_DELIMITED);
    this.octet(0);
    return this.length;
  }

  /** Ends the message that `open` began. */
  close(mark: number): void {
    const length = this.length - mark;
    if (length <= MAX_ONE_OCTET) {
      this.#buffer[mark - 1] = length;
      return;
    }
    if (length > MAX_NESTED) {
      throw new RangeError(`a message of ${length} octets in an entry`);
    }
    this.#reserve(1);
    this.#buffer.copyWithin(mark + 1, mark, this.length);
    this.#buffer[mark - 1] = (length & 0x7f) | 0x80;
    this.#buffer[mark] = length >> 7;
    this.length++;
  }
}
