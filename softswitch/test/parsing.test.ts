// Parsers, deparsers, header stacks and unions: frames through testdata/parsing.p4. A frame that comes out begins with the
// program's report: parser error (16 bits, 100 for the program's own), checksum error (16), the last and the number of labels
// (8 each, not used), what was peeked (16), and a bit for each header that is valid.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytes, TestProgram } from "./support/program.js";

const program = new TestProgram("parsing");
const LABEL = { first: 1, second: 2, third: 4 };
const BYTE = 8 | 128;
const SHORT = 16 | 128;
const ODD = 32;
const OPTIONS = 64;
const ERROR = { tooShort: 1, stack: 3, headerTooShort: 4, argument: 6, own: 100 };

interface Report {
  error?: number;
  checksum?: number;
  peeked?: number;
  valid?: number;
}

function expectOut(
  input: string,
  { error = 0, checksum = 0, peeked = 0, valid = 0 }: Report,
  rest: string,
  port = 0,
) {
  const report = Buffer.alloc(9);
  report.writeUInt16BE(error, 0);
  report.writeUInt16BE(checksum, 2);
  report.writeUInt16BE(peeked, 6);
  report[8] = valid;
  expect(program.send(input, port)).toEqual([`9: ${report.toString("hex")}${bytes(rest).toString("hex")}`]);
}

describe("extract", () => {
  // 3 + 33 + 4 bits, then 48, 128 and a signed 8.
  const odd = (b: bigint, d: string, e: string, f: string) =>
    ((0b101n << 37n) | (b << 4n) | 0b0110n).toString(16).padStart(10, "0") + d + e + f;

  test("fields at any bit, of any width, keep their bits", () => {
    expectOut(
      `01 ${odd(0x0_1234_5678n, "112233445566", "00000000000000000000000000000002", "7f")} c0ffee`,
      { valid: ODD },
      `01 ${odd(0x0_1234_5679n, "112233445566", "00000000000000000000000000000001", "7f")} c0ffee`,
    );
  });

  test("sums carry from lane to lane, differences borrow, and both stay in their width", () => {
    expectOut(
      `01 ${odd(0x0_ffff_ffffn, "ffffffffffff", "00000000000000010000000000000000", "00")}`,
      { valid: ODD },
      `01 ${odd(0x1_0000_0000n, "ffffffffffff", "0000000000000000ffffffffffffffff", "00")}`,
    );
    expectOut(
      `01 ${odd(0x1_ffff_ffffn, "000000000000", "00000000000000000000000000000000", "00")}`,
      { valid: ODD },
      `01 ${odd(0n, "000000000000", "ffffffffffffffffffffffffffffffff", "00")}`,
    );
  });

  test("a signed field is below 0 when its first bit is set", () => {
    const [before, after] = ["00000000000000000000000000000001", "00000000000000000000000000000000"];
    const withSign = (f: string, result: string) =>
      expectOut(
        `01 ${odd(0n, "000000000000", before, f)}`,
        { valid: ODD },
        `01 ${odd(1n, "000000000000", after, result)}`,
      );
    withSign("fb", "05");
    withSign("ff", "ff");
    withSign("80", "80");
    withSign("05", "05");
  });

  test("a frame that ends inside the header: PacketTooShort, the header stays invalid, its bytes stay payload", () => {
    expectOut("01 a0000000", { error: ERROR.tooShort }, "01 a0000000");
  });
});

describe("select", () => {
  test("by several keys and masks, the first that matches", () => {
    const odd = "00".repeat(28);
    expect(program.send(`43 ${odd}`, 3)[0]).toMatch(/^9: 0{16}2043/);
    expectOut("4f 7f01", { valid: BYTE }, "4f 7f01", 4);
    expectOut("40 ff01", { valid: SHORT }, "40 ff01", 4);
  });

  test("default, when none matches", () => {
    expectOut("90 1234 56", { valid: SHORT }, "90 1234 56");
  });
});

test("verify: an error of the program's own; what came before it stays", () => {
  expectOut("10 1234", { error: ERROR.own }, "10 1234");
});

describe("lookahead", () => {
  test("reads and does not take", () => {
    expectOut("04 abcd01", { peeked: 0xabcd }, "04 abcd01");
  });

  test("selects on what comes", () => {
    expectOut(
      `04 010203 ${"00".repeat(24)}`,
      { error: ERROR.tooShort, peeked: 0x0102 },
      `04 010203 ${"00".repeat(24)}`,
    );
    const rest = `010203${"00".repeat(25)}`;
    expect(program.send(`04 ${rest}`)[0]).toMatch(/^9: 00000000000001022004/);
  });

  test("beyond the end of the frame: PacketTooShort", () => {
    expectOut("04 ab", { error: ERROR.tooShort }, "04 ab");
  });
});

describe("advance", () => {
  test("leaves bytes out", () => {
    expectOut("05 03 aaaa 57aa", { valid: BYTE }, "05 57 aa");
    expectOut("05 03 aaaa 56aa", { valid: BYTE }, "05 56 aa");
  });

  test("beyond the end of the frame: PacketTooShort", () => {
    expectOut("05 09 aaaa", { error: ERROR.tooShort }, "05 09 aaaa");
  });
});

describe("varbit", () => {
  test("of every length up to its size", () => {
    for (const length of [0, 1, 20, 40]) {
      // The first byte says the length in bits: 40 bytes are more than it can say.
      if (length * 8 > 255) continue;
      const data = Array.from({ length }, (_, i) => (i + 1).toString(16).padStart(2, "0")).join("");
      const option = `${(length * 8).toString(16).padStart(2, "0")}${data}`;
      expectOut(`02 ${option} ffee`, { valid: OPTIONS }, `02 ${option} ffee`);
    }
  });

  test("no whole bytes: ParserInvalidArgument", () => {
    expectOut("02 0c ffff", { error: ERROR.argument }, "02 0c ffff");
  });

  test("longer than the frame: PacketTooShort", () => {
    expectOut("02 20 ffff", { error: ERROR.tooShort }, "02 20 ffff");
  });

  test("a packet without one does not see that of the packet before", () => {
    program.send("02 10 aabb");
    expectOut("02 00 ccdd", { valid: OPTIONS }, "02 00 ccdd");
  });
});

describe("header stacks", () => {
  test("next and last", () => {
    expectOut("03 02 04 07 aa", { valid: LABEL.first | LABEL.second | LABEL.third }, "03 02 04 07 aa");
    expectOut("03 02 05 aa", { valid: LABEL.first | LABEL.second }, "03 02 05 aa");
  });

  test("more than it holds: StackOutOfBounds", () => {
    expectOut("03 02 04 06 09", { error: ERROR.stack, valid: 7 }, "03 02 04 06 09");
  });

  test("pop_front moves the others to the front", () => {
    expectOut("03 fe 04 07 aa", { valid: 7 }, "03 04 07 aa");
    expectOut("03 ff aa", { valid: 1 }, "03 aa");
  });

  test("push_front moves them back, and the last falls out", () => {
    expectOut("03 fc 05 aa", { valid: 3 }, "03 22 fc 05 aa");
    expectOut("03 fc 04 07 aa", { valid: 7 }, "03 22 fc 04 aa");
  });

  test("a packet starts with an empty one", () => {
    program.send("03 02 04 07 aa");
    expectOut("03 03 aa", { valid: 1 }, "03 03 aa");
  });
});

describe("header unions", () => {
  test("one member at a time", () => {
    expectOut("06 12 34", { valid: BYTE }, "06 12 34");
    expectOut("06 92 34 56", { valid: SHORT }, "06 92 34 56");
  });

  test("a member that becomes valid takes the place of the other", () => {
    // The report is of before.
    expectOut("06 55 34", { valid: BYTE }, "06 abcd 34");
  });
});

describe("verify_checksum_with_payload", () => {
  // What is summed up: the kind and a zero byte, then all that follows the headers.
  test("right, for an even and an odd number of bytes", () => {
    expectOut("07 f8ff", {}, "07 f8ff");
    expectOut("07 b8d3 402c", {}, "07 b8d3 402c");
    expectOut("07 b7d3 402c 01", {}, "07 b7d3 402c 01");
  });

  test("wrong by one bit", () => {
    expectOut("07 b8d2 402c", { checksum: 1 }, "07 b8d2 402c");
  });

  test("not looked at without its header", () => {
    expectOut("00 1234", {}, "00 1234");
  });
});

test("a payload of any length comes out behind the headers", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 600 }), (payload) => {
      const frame = Buffer.concat([Buffer.of(0), payload]);
      expect(program.send(frame)).toEqual([`9: ${"00".repeat(9)}${frame.toString("hex")}`]);
    }),
  );
});

test("an empty frame: PacketTooShort, and what the program adds", () => {
  expectOut("", { error: ERROR.tooShort }, "");
});
