// Members and groups of an action profile. An entry of an indirect table refers to a member by its slot, to a group by the
// negative of its slot.
import type { Action, ActionProfile } from "../ir/program.js";

interface Group {
  id: number;
  /** Member slots with their weights, in the order of their slots. */
  members: { slot: number; weight: number }[];
  /** Every member slot as often as its weight. */
  choices: number[];
  maxSize: number;
}

export class ProfileStore {
  readonly profile: ActionProfile;
  readonly stride: number;
  /** By member slot; slot 0 is none and does nothing. */
  actions = new Int32Array(1024).fill(-1);
  data: Int32Array;
  readonly members = new Map<number, number>();
  readonly groups = new Map<number, number>();
  readonly #memberIds: (number | undefined)[] = [undefined];
  /** Below it no member slot is free. */
  #firstFree = 1;
  /** Groups that have the member, by its slot. */
  readonly #uses: number[] = [0];
  readonly #groups: (Group | undefined)[] = [undefined];

  constructor(profile: ActionProfile, actions: readonly Action[]) {
    this.profile = profile;
    this.stride = Math.max(1, ...actions.map(({ dataLanes }) => dataLanes));
    this.data = new Int32Array(this.actions.length * this.stride);
  }

  /** The member that a reference names, when the profile has no selector. */
  memberOf(reference: number): number {
    return Math.max(reference, 0);
  }

  /** The member that a reference names: of a group the one that the hash falls to, in the order of their creation. */
  select(reference: number, hash: number): number {
    if (reference >= 0) return reference;
    const { choices } = this.#groups[-reference]!;
    return choices.length === 0 ? 0 : choices[hash % choices.length]!;
  }

  addMember(id: number): number {
    const free = this.#memberIds.indexOf(undefined, this.#firstFree);
    const slot = free === -1 ? this.#memberIds.length : free;
    if (slot >= this.actions.length) this.#grow();
    this.#memberIds[slot] = id;
    this.#uses[slot] = 0;
    this.#firstFree = slot + 1;
    this.members.set(id, slot);
    return slot;
  }

  removeMember(id: number): void {
    const slot = this.members.get(id)!;
    this.actions[slot] = -1;
    this.#memberIds[slot] = undefined;
    this.#firstFree = Math.min(this.#firstFree, slot);
    this.members.delete(id);
  }

  memberId(slot: number): number {
    return this.#memberIds[slot]!;
  }

  /** True when a group has the member. */
  isMemberInUse(id: number): boolean {
    return this.#uses[this.members.get(id)!]! > 0;
  }

  setGroup(id: number, members: readonly { id: number; weight: number }[], maxSize: number): number {
    let slot = this.groups.get(id);
    if (slot === undefined) {
      const free = this.#groups.indexOf(undefined, 1);
      slot = free === -1 ? this.#groups.length : free;
      this.groups.set(id, slot);
    }
    const placed = members
      .map((member) => ({ slot: this.members.get(member.id)!, weight: member.weight }))
      .sort((a, b) => a.slot - b.slot);
    for (const member of this.#groups[slot]?.members ?? []) this.#uses[member.slot]!--;
    for (const member of placed) this.#uses[member.slot]!++;
    const choices = placed.flatMap((member) => Array<number>(member.weight).fill(member.slot));
    this.#groups[slot] = { id, members: placed, choices, maxSize };
    return slot;
  }

  removeGroup(id: number): void {
    const slot = this.groups.get(id)!;
    for (const member of this.#groups[slot]!.members) this.#uses[member.slot]!--;
    this.#groups[slot] = undefined;
    this.groups.delete(id);
  }

  group(slot: number): { id: number; members: { id: number; weight: number }[]; maxSize: number } {
    const { id, members, maxSize } = this.#groups[slot]!;
    return {
      id,
      maxSize,
      members: members.map((member) => ({ id: this.memberId(member.slot), weight: member.weight })),
    };
  }

  #grow(): void {
    const actions = new Int32Array(this.actions.length * 2).fill(-1);
    actions.set(this.actions);
    this.actions = actions;
    const data = new Int32Array(actions.length * this.stride);
    data.set(this.data);
    this.data = data;
  }
}
