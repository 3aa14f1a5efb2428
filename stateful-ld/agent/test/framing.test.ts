import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader, FramingError, frame, MAX_MESSAGE_BYTES } from "../src/framing.js";

describe("framing", () => {
  it("writes the length first, 4 bytes, big endian", () => {
    expect([...frame(Uint8Array.of(7, 8, 9))]).toEqual([0, 0, 0, 3, 7, 8, 9]);
    expect([...frame(new Uint8Array())]).toEqual([0, 0, 0, 0]);
  });

  it("gives back the messages however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1 }),
        (messages, cuts) => {
          const stream = Buffer.concat(messages.map(frame));
          const reader = new FrameReader();
          const got: number[][] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = cuts[i % cuts.length]!;
            got.push(...reader.push(stream.subarray(at, at + size)).map((message) => [...message]));
            at += size;
          }
          expect(got).toEqual(messages.map((message) => [...message]));
        },
      ),
    );
  });

  it("refuses a length beyond the limit, before it waits for the bytes", () => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(MAX_MESSAGE_BYTES + 1);
    expect(() => new FrameReader().push(length)).toThrow(FramingError);
    length.writeUInt32BE(MAX_MESSAGE_BYTES);
    expect(new FrameReader().push(length)).toEqual([]);
    expect(() => frame(new Uint8Array(MAX_MESSAGE_BYTES + 1))).toThrow(/longer than 16777216/);
  });
});
