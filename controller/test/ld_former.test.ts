// Who has left a bucket, as long as a switch may not know.
import { LdConfig } from "@sluice/proto/ld";
import { describe, expect, it } from "vitest";
import { factsOf } from "../src/reconcile/index.js";
import { formerLds, withFormer } from "../src/reconcile/ld_former.js";

const [A, B, C, D] = [1, 2, 3, 4];
const KEY = new Uint8Array(16);

/** One map for all buckets. `unsettled`: the switches may hold the map before it. */
function held(
  epoch: bigint,
  ldId: number,
  backupLdId: number,
  { formerLdId = 0, unsettled = false, members = [A, B, C, D], key = KEY } = {},
): LdConfig {
  const buckets = [{ first: 0, last: 1023, ldId, backupLdId, formerLdId }];
  const lds = members.map((id) => ({ ldId: id, vtep: Uint8Array.of(10, 0, 0, id) }));
  return LdConfig.fromPartial({
    vtep: Uint8Array.of(10, 0, 0, 1),
    gateway: Uint8Array.of(10, 0, 0, 254),
    gatewayVtep: Uint8Array.of(10, 0, 0, 253),
    epoch,
    heartbeat: { previousEpoch: unsettled ? Number(epoch) - 1 : 0 },
    cluster: { ldId: A, lds, buckets, replicationKey: key },
  });
}

/** Of bucket 0; all have the same. */
function former(present: LdConfig[], wanted: LdConfig, epoch?: bigint): number | undefined {
  const ids = new Set(formerLds(present, wanted.cluster!, epoch));
  expect(ids.size).toBe(1);
  return [...ids][0];
}

describe("who has left a bucket", () => {
  it("is the backup that another one takes the place of, or the primary", () => {
    expect(former([held(1n, A, B)], held(0n, A, C), 2n)).toBe(B);
    expect(former([held(1n, C, A)], held(0n, C, D), 2n)).toBe(A);
    expect(former([held(1n, A, B)], held(0n, B, D), 2n)).toBe(A);
  });

  it("is nobody when the two change places, when nothing changes, and when there was nothing before", () => {
    expect(former([held(1n, A, B)], held(0n, B, A), 2n)).toBe(0);
    expect(former([held(1n, A, B)], held(0n, A, B))).toBe(0);
    expect(former([], held(0n, A, B), 1n)).toBe(0);
  });

  it("stays that until the switches know, whoever has been told already", () => {
    const [told, untold] = [held(2n, A, C, { formerLdId: B, unsettled: true }), held(1n, A, B)];
    expect(former([untold, told], held(0n, A, C), 2n)).toBe(B);
    expect(former([told, told], held(0n, A, C))).toBe(B);
    const settled = held(2n, A, C);
    expect(former([settled, told], held(0n, A, C))).toBe(B);
    expect(former([settled, settled], held(0n, A, C))).toBe(0);
  });

  it("stays that when an LD dies meanwhile, and the map changes again: the switches know neither map", () => {
    const told = held(2n, A, C, { formerLdId: B, unsettled: true });
    expect(former([told], held(0n, C, D, { members: [B, C, D] }), 3n)).toBe(B);
    expect(former([told], held(0n, C, B, { members: [B, C, D] }), 3n)).toBe(0);
  });

  it("is no LD that is out of the file, and nobody without replication", () => {
    expect(former([held(1n, A, B)], held(0n, A, C, { members: [A, C] }), 2n)).toBe(0);
    expect(former([held(1n, A, B)], held(0n, A, C, { key: new Uint8Array() }), 2n)).toBe(0);
  });

  it("is named while the LD speaks for two epochs, and people see it", () => {
    const ids = new Uint32Array(1024).fill(B, 0, 512);
    const named = withFormer(held(2n, A, C, { unsettled: true }), ids);
    expect(named.cluster!.buckets.map(({ first, last, formerLdId }) => [first, last, formerLdId])).toEqual([
      [0, 511, B],
      [512, 1023, 0],
    ]);
    expect(factsOf(named).get("former LDs")).toBe("2 of 0-511");
    const settled = held(2n, A, C);
    expect(withFormer(settled, ids)).toBe(settled);
    expect(factsOf(settled).has("former LDs")).toBe(false);
  });
});
