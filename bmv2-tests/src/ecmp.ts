// ECMP groups as p4src/controls/routing.p4 has them: a fixed number of slots, each a member that names a next hop.
import type { Entry, ProfileGroup, ProfileMember, Switch } from "@sluice/controller/p4runtime";

const PROFILE = "ecmp_members";

export class EcmpGroup {
  readonly #control: Switch;
  readonly #id: number;
  #slots: number[];

  /** @param nexthops - of each slot */
  constructor(control: Switch, id: number, nexthops: readonly number[]) {
    this.#control = control;
    this.#id = id;
    this.#slots = [...nexthops];
  }

  /** The slot that a hash falls into. */
  slotOf(hash: number): number {
    return hash % this.#slots.length;
  }

  async insert(): Promise<void> {
    await this.#control.insert(...this.members());
    await this.#control.insert(this.group());
    await this.#control.insert(this.entry());
  }

  /** Puts another next hop into a slot; the others are not touched. */
  async replace(slot: number, nexthop: number): Promise<void> {
    this.#slots[slot] = nexthop;
    await this.#control.modify(this.members()[slot]!);
  }

  async delete(): Promise<void> {
    await this.#control.delete(this.entry());
    await this.#control.delete(this.group());
    await this.#control.delete(...this.members());
  }

  members(): ProfileMember[] {
    return this.#slots.map((nexthop, slot) => ({
      profile: PROFILE,
      member: this.#memberId(slot),
      action: "select_nexthop",
      params: { nexthop_id: nexthop },
    }));
  }

  group(): ProfileGroup {
    const members = this.#slots.map((_, slot) => ({ member: this.#memberId(slot), weight: 1 }));
    return { profile: PROFILE, group: this.#id, members };
  }

  entry(): Entry {
    return { table: "ecmp_group", match: { group_id: this.#id }, group: this.#id };
  }

  #memberId(slot: number): number {
    return this.#id * 1000 + slot + 1;
  }
}
