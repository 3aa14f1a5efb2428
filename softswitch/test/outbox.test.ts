// What the packet thread tells the main thread, when that is slow.
import { expect, test } from "vitest";
import { MOST_UNTAKEN, makeUntaken, Outbox, take } from "../src/io/outbox.js";

const BYTES = Uint8Array.of(1);

test("everything is told, in order and once", () => {
  const untaken = makeUntaken();
  const outbox = new Outbox(untaken);
  expect(outbox.empty()).toBeUndefined();
  outbox.packetIn(Uint8Array.of(1));
  outbox.notice(Uint8Array.of(2));
  outbox.frame({ port: 3, frame: BYTES });
  outbox.packetIn(Uint8Array.of(4));
  expect(outbox.empty()).toEqual({
    kind: "events",
    packetIns: [Uint8Array.of(1), Uint8Array.of(4)],
    notices: [Uint8Array.of(2)],
    frames: [{ port: 3, frame: BYTES }],
  });
  expect(outbox.empty()).toBeUndefined();
});

test("what the main thread is too slow for is dropped and counted, until it has taken what it was told", () => {
  const untaken = makeUntaken();
  const outbox = new Outbox(untaken);
  const fill = () => {
    for (let sent = 0; sent < MOST_UNTAKEN; sent += 3) {
      outbox.packetIn(BYTES);
      outbox.notice(BYTES);
      outbox.frame({ port: 1, frame: BYTES });
    }
  };
  fill();
  const told = outbox.empty()!;
  const count = told.packetIns.length + told.notices.length + told.frames.length;
  expect(count).toBe(MOST_UNTAKEN);
  const before = outbox.untold;
  fill();
  expect(outbox.empty()).toBeUndefined();
  expect(outbox.untold).toBeGreaterThanOrEqual(before + MOST_UNTAKEN);
  take(untaken, told);
  outbox.notice(BYTES);
  expect(outbox.empty()!.notices).toHaveLength(1);
});
