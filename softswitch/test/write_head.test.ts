import { Update, WriteRequest, WriteRequest_Atomicity } from "@sluice/proto/p4runtime";
import { expect, it } from "vitest";
import { decodeWriteHead } from "../src/p4runtime/write_head.js";
import { insert, TABLE } from "./support/messages.js";

const head = WriteRequest.fromPartial({
  deviceId: 2n ** 63n,
  role: "r",
  roleId: 300n,
  electionId: { high: 1n, low: 2n ** 63n },
  atomicity: WriteRequest_Atomicity.DATAPLANE_ATOMIC,
});
const long = Update.fromPartial({
  entity: { entity: { $case: "tableEntry", value: { tableId: TABLE, metadata: new Uint8Array(20_000) } } },
});
const updates = [long, insert(7)];

it("is all of a write but its updates, whatever their order", () => {
  const whole = WriteRequest.encode({ ...head, updates }).finish();
  const [first, last] = [WriteRequest.fromPartial({ updates }), head].map((part) =>
    WriteRequest.encode(part).finish(),
  );
  for (const bytes of [whole, Buffer.concat([first!, last!])]) {
    expect(decodeWriteHead(bytes)).toEqual({ head, bytes });
  }
  expect(decodeWriteHead(new Uint8Array())).toMatchObject({ head: WriteRequest.fromPartial({}) });
});

it("is refused when the message is cut off anywhere but between two fields", () => {
  const whole = WriteRequest.encode({ ...WriteRequest.fromPartial({}), updates: updates.slice(1) }).finish();
  for (let length = 1; length < whole.length; length++) {
    expect(() => decodeWriteHead(whole.subarray(0, length))).toThrow();
  }
});
