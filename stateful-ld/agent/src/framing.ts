// Messages on the data plane's socket: 4 bytes of length, big endian, then so many bytes (dataplane.proto).

/** The longest message that either side accepts, in bytes. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const LENGTH_BYTES = 4;

export class FramingError extends Error {
  override name = "FramingError";
}

/** Puts the length before a message. @throws FramingError when it is too long for the other side */
export function frame(message: Uint8Array): Uint8Array {
  if (message.length > MAX_MESSAGE_BYTES) {
    throw new FramingError(`a message of ${message.length} bytes is longer than ${MAX_MESSAGE_BYTES}`);
  }
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  framed.writeUInt32BE(message.length, 0);
  framed.set(message, LENGTH_BYTES);
  return framed;
}

/** Cuts a byte stream into messages, however the bytes arrive. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Bytes needed before anything can be cut: the length, or the whole frame once its length is known. */
  #needed = LENGTH_BYTES;

  /**
   * Takes the next bytes of the stream.
   *
   * @returns the messages that are complete now, in order
   * @throws FramingError for a length beyond {@link MAX_MESSAGE_BYTES}: the stream cannot be followed any further
   */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const messages: Uint8Array[] = [];
    while (this.#bytes >= this.#needed) {
      // Joined only when something can be cut, so a long message in small chunks costs no repeated copies.
      const buffer = Buffer.concat(this.#chunks);
      const length = buffer.readUInt32BE(0);
      if (length > MAX_MESSAGE_BYTES) {
        throw new FramingError(`a message claims ${length} bytes, more than ${MAX_MESSAGE_BYTES}`);
      }
      const end = LENGTH_BYTES + length;
      if (buffer.length < end) {
        this.#chunks = [buffer];
        this.#needed = end;
      } else {
        messages.push(buffer.subarray(LENGTH_BYTES, end));
        this.#chunks = [buffer.subarray(end)];
        this.#bytes = buffer.length - end;
        this.#needed = LENGTH_BYTES;
      }
    }
    return messages;
  }
}
