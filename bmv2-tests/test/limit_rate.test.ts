// The bandwidth of an EIP over 5 s, in simulated time: what the limit lets through is the limit, and high priority within it
// loses nothing, whatever low priority sends. Only the soft switch's clock can be set.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { from, packetOf } from "../src/frames.js";
import { build, type Layer, payload, tcp } from "../src/packet/index.js";
import { type Eip, fromVm, PRODUCT_ENTRIES, VERSIONS } from "../src/products.js";
import { entry, FABRIC, UPSTREAM } from "../src/standard.js";
import { targetName } from "../src/target/index.js";
import { type Simulated, startSimulated } from "../src/target/softswitch.js";

const HAS_CLOCK = targetName() === "softswitch";
const RATE_BPS = 10e6;
const SECOND_US = 1e6;
const DURATION_US = 5 * SECOND_US;
/** As the controller has them: what each class may send at once, as time at the rate. */
const LOW_TOLERANCE_US = 50_000;
const HIGH_TOLERANCE_US = 100_000;
/** 2^-20 us a byte at the rate. */
const BYTE_TIME = Math.round((8 * SECOND_US * 2 ** 20) / RATE_BPS);
const HIGH_PORT = 22;
const LOW_PORT = 8080;

let simulated: Simulated;
/** Time goes on from test to test. */
let startUs = SECOND_US;

beforeAll(async () => {
  if (!HAS_CLOCK) return;
  simulated = await startSimulated();
  const limited = [5, 6].flatMap((index) =>
    (["in", "out"] as const).map((direction) =>
      entry.eipLimit(index, direction, BYTE_TIME, LOW_TOLERANCE_US, HIGH_TOLERANCE_US),
    ),
  );
  await simulated.target.control.insert(...PRODUCT_ENTRIES, ...limited, entry.priorityPort(6, HIGH_PORT));
});
afterAll(() => simulated?.target.stop());

/** Packets of one size, evenly spaced, in bursts: a burst's packets come at once. */
interface Stream {
  ipBytes: number;
  /** Of the limit. */
  share: number;
  burst?: number;
}

interface Result {
  sent: number;
  passed: number;
  passedBytes: number;
}

const paced = (share: number, ipBytes = 500): Stream => ({ ipBytes, share });
const NOTHING: Stream = { ipBytes: 1500, share: 0 };

describe.skipIf(!HAS_CLOCK).each(VERSIONS)("$version", ({ client, a: eip }) => {
  describe.each(["in", "out"] as const)("%s", (direction) => {
    function run(high: Stream, low: Stream): { high: Result; low: Result } {
      const of = (stream: Stream, ownerPort: number) => {
        const port = direction === "in" ? UPSTREAM.port : FABRIC.port;
        const frame = build(frameOf(direction, eip, client, ownerPort, stream.ipBytes));
        const burst = stream.burst ?? 1;
        const gapUs = (8 * SECOND_US * stream.ipBytes * burst) / (RATE_BPS * stream.share);
        return { stream, port, frame, burst, gapUs, nextUs: 0, sent: 0, passed: 0 };
      };
      const streams = [of(high, HIGH_PORT), of(low, LOW_PORT)] as const;
      for (;;) {
        const [first, second] = streams;
        const next = first.nextUs <= second.nextUs ? first : second;
        const due = next.stream.share === 0 ? (next === first ? second : first) : next;
        if (due.nextUs >= DURATION_US) break;
        for (let i = 0; i < due.burst; i++) {
          due.sent++;
          due.passed += simulated.at(startUs + Math.floor(due.nextUs), due.port, due.frame);
        }
        due.nextUs += due.gapUs;
      }
      startUs += 2 * DURATION_US; // all is forgotten by then
      const [h, l] = streams.map(({ stream, sent, passed }) => ({
        sent,
        passed,
        passedBytes: passed * stream.ipBytes,
      })) as [Result, Result];
      return { high: h, low: l };
    }
    const share = (...results: Result[]) =>
      results.reduce((sum, { passedBytes }) => sum + passedBytes, 0) / ((RATE_BPS / 8) * 5);

    test.each([
      ["a small paced flow, low priority 3 times the limit", paced(0.2), { ipBytes: 1500, share: 3 }],
      ["most of the limit, low priority 3 times the limit", paced(0.9), { ipBytes: 1500, share: 3 }],
      ["all of the limit, in large packets", { ipBytes: 1500, share: 1 }, { ipBytes: 1500, share: 2 }],
      ["tiny packets, low priority 10 times the limit", paced(0.01, 64), { ipBytes: 1500, share: 10 }],
      ["bursts of 40 ms", { ipBytes: 1000, share: 0.5, burst: 50 }, { ipBytes: 1500, share: 3 }],
      ["low priority in bursts of 20 ms", paced(0.3), { ipBytes: 1500, share: 2, burst: 34 }],
      ["low priority in small packets", paced(0.5), { ipBytes: 300, share: 2 }],
    ])("high priority within the limit loses nothing: %s", (_name, high, low) => {
      const result = run(high, low);
      expect(result.high.sent).toBeGreaterThan(100);
      expect(result.high.passed).toBe(result.high.sent);
      expect(result.low.passed).toBeLessThan(result.low.sent);
      expect(share(result.high, result.low)).toBeGreaterThan(0.95);
      expect(share(result.high, result.low)).toBeLessThan(1.05);
    });

    test.each([
      ["low priority alone", NOTHING, { ipBytes: 1500, share: 3 }],
      ["high priority alone", { ipBytes: 1500, share: 3 }, NOTHING],
      ["both", { ipBytes: 1500, share: 2 }, { ipBytes: 1500, share: 2 }],
      ["low priority in small packets", NOTHING, { ipBytes: 300, share: 2 }],
    ])("above the limit the sum is the limit: %s", (_name, high, low) => {
      const result = run(high, low);
      expect(share(result.high, result.low)).toBeGreaterThan(0.95);
      expect(share(result.high, result.low)).toBeLessThan(1.05);
    });

    test("within the limit nothing is lost", () => {
      const result = run(paced(0.3), { ipBytes: 1500, share: 0.6 });
      expect([result.high.passed, result.low.passed]).toEqual([result.high.sent, result.low.sent]);
    });
  });
});

function frameOf(
  direction: "in" | "out",
  eip: Eip,
  client: string,
  ownerPort: number,
  ipBytes: number,
): Layer[] {
  const segment = (src: string, dst: string, srcPort: number, dstPort: number) => {
    const headers = packetOf(src, dst, [tcp({ srcPort, dstPort })]);
    const [headerBytes, etherBytes] = [build([...from(UPSTREAM), ...headers]).length, 14];
    return [...headers, payload(new Uint8Array(Math.max(0, ipBytes - (headerBytes - etherBytes))))];
  };
  return direction === "in"
    ? [...from(UPSTREAM), ...segment(client, eip.eip, 40_000, ownerPort)]
    : fromVm(eip, segment(eip.address, client, ownerPort, 40_000));
}
