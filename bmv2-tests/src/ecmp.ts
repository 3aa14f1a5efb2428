// ECMP groups as p4src/controls/routing.p4 has them: a fixed number of slots, each a member that names a next hop.
import { ActionProfileGroup, ActionProfileMember, TableEntry } from "@sluice/proto/p4runtime";
import { uint } from "./packet/index.js";
import type { EntityKind, Raw } from "./target/raw.js";

// As in p4src/ids.p4.
const TABLE_ECMP_GROUP = 0x02000022;
const ACTION_SELECT_NEXTHOP = 0x01000023;
const PROFILE_ECMP = 0x11000001;

export class EcmpGroup {
  readonly #raw: Raw;
  readonly #id: number;
  #slots: number[];

  /** @param nexthops - of each slot */
  constructor(raw: Raw, id: number, nexthops: readonly number[]) {
    this.#raw = raw;
    this.#id = id;
    this.#slots = [...nexthops];
  }

  /** The slot that a hash falls into. */
  slotOf(hash: number): number {
    return hash % this.#slots.length;
  }

  async insert(): Promise<void> {
    await this.#raw.write("insert", ...this.#slots.map((_, slot) => this.#member(slot)));
    await this.#raw.write("insert", this.#group());
    await this.#raw.write("insert", this.#entry());
  }

  /** Puts another next hop into a slot; the others are not touched. */
  async replace(slot: number, nexthop: number): Promise<void> {
    this.#slots[slot] = nexthop;
    await this.#raw.write("modify", this.#member(slot));
  }

  async delete(): Promise<void> {
    await this.#raw.write("delete", this.#entry());
    await this.#raw.write("delete", this.#group());
    await this.#raw.write("delete", ...this.#slots.map((_, slot) => this.#member(slot)));
  }

  #memberId(slot: number): number {
    return this.#id * 1000 + slot + 1;
  }

  #member(slot: number): EntityKind {
    const params = [{ paramId: 1, value: significant(uint(this.#slots[slot]!, 2)) }];
    return {
      $case: "actionProfileMember",
      value: ActionProfileMember.fromPartial({
        actionProfileId: PROFILE_ECMP,
        memberId: this.#memberId(slot),
        action: { actionId: ACTION_SELECT_NEXTHOP, params },
      }),
    };
  }

  #group(): EntityKind {
    return {
      $case: "actionProfileGroup",
      value: ActionProfileGroup.fromPartial({
        actionProfileId: PROFILE_ECMP,
        groupId: this.#id,
        maxSize: this.#slots.length,
        members: this.#slots.map((_, slot) => ({ memberId: this.#memberId(slot), weight: 1 })),
      }),
    };
  }

  #entry(): EntityKind {
    const value = significant(uint(this.#id, 2));
    return {
      $case: "tableEntry",
      value: TableEntry.fromPartial({
        tableId: TABLE_ECMP_GROUP,
        match: [{ fieldId: 1, fieldMatchType: { $case: "exact", value: { value } } }],
        action: { type: { $case: "actionProfileGroupId", value: this.#id } },
      }),
    };
  }
}

/** Without leading zeros: P4Runtime's canonical form (specification, section 8.4). */
function significant(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? new Uint8Array(1) : bytes.subarray(first);
}
