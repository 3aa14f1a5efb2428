// Members and groups of action profiles (specification, section 9.2).
import { ActionProfileGroup, type ActionProfileMember, Update_Type } from "@sluice/proto/p4runtime";
import { alreadyExists, exhausted, failedPrecondition, invalid, notFound, unimplemented } from "./errors.js";
import type { BoundProfile, Schema } from "./schema.js";
import { readAction, writeAction } from "./table_writes.js";

/** The most that the weights of a group can sum up to: each is so many places in a list. */
const LARGEST_GROUP = 65_536;

function profileOf(schema: Schema, id: number): BoundProfile {
  const profile = schema.profiles.get(id);
  if (profile === undefined) throw notFound(`there is no action profile with id ${id}`);
  return profile;
}

function isReferred(schema: Schema, profile: BoundProfile, reference: number): boolean {
  for (const table of schema.tables.values()) {
    if (table.profile !== profile) continue;
    for (const entry of table.store.entries()) if (table.store.actions[entry] === reference) return true;
  }
  return false;
}

export function writeMember(schema: Schema, type: Update_Type, wire: ActionProfileMember): void {
  const profile = profileOf(schema, wire.actionProfileId);
  const { store, name } = profile;
  const held = store.members.get(wire.memberId);
  const what = `${name}: member ${wire.memberId}`;
  if (wire.memberId === 0) throw invalid(`${what}: 0 names all members, never one`);
  if (type === Update_Type.DELETE) {
    if (held === undefined) throw notFound(`${what} does not exist`);
    if (store.isMemberInUse(wire.memberId) || isReferred(schema, profile, held)) {
      throw failedPrecondition(`${what} is in use`);
    }
    store.removeMember(wire.memberId);
    return;
  }
  if (wire.action === undefined) throw invalid(`${what} has no action`);
  const data = new Int32Array(store.stride);
  const action = readAction(what, profile.actions, wire.action, data);
  let slot = held;
  if (type === Update_Type.INSERT) {
    if (held !== undefined) throw alreadyExists(`${what} is there already`);
    if (store.members.size >= profile.size)
      throw exhausted(`${name} is full: it holds ${profile.size} members`);
    slot = store.addMember(wire.memberId);
  } else if (held === undefined) throw notFound(`${what} does not exist`);
  store.data.set(data, slot! * store.stride);
  store.actions[slot!] = action.action.id;
}

export function writeGroup(schema: Schema, type: Update_Type, wire: ActionProfileGroup): void {
  const profile = profileOf(schema, wire.actionProfileId);
  const { store, name } = profile;
  const what = `${name}: group ${wire.groupId}`;
  const held = store.groups.get(wire.groupId);
  if (!profile.hasSelector) throw invalid(`${name} has no selector, so it has no groups`);
  if (wire.groupId === 0) throw invalid(`${what}: 0 names all groups, never one`);
  if (type === Update_Type.DELETE) {
    if (held === undefined) throw notFound(`${what} does not exist`);
    if (isReferred(schema, profile, -held)) throw failedPrecondition(`${what} is in use`);
    store.removeGroup(wire.groupId);
    return;
  }
  if (type === Update_Type.INSERT && held !== undefined) throw alreadyExists(`${what} is there already`);
  if (type === Update_Type.MODIFY && held === undefined) throw notFound(`${what} does not exist`);
  const seen = new Set<number>();
  for (const { memberId, weight, watchKind } of wire.members) {
    if (!store.members.has(memberId)) throw notFound(`${what}: member ${memberId} does not exist`);
    if (seen.has(memberId)) throw invalid(`${what}: member ${memberId} is given twice`);
    if (weight <= 0) throw invalid(`${what}: the weight of member ${memberId} is not above 0`);
    if (watchKind?.$case === "watch" ? watchKind.value !== 0 : (watchKind?.value.length ?? 0) > 0)
      throw unimplemented(`${what}: a port that member ${memberId} depends on`);
    seen.add(memberId);
  }
  if (wire.maxSize < 0 || (profile.maxGroupSize !== 0 && wire.maxSize > profile.maxGroupSize))
    throw invalid(`${what}: a size of ${wire.maxSize} is not from 0 to ${profile.maxGroupSize}`);
  if (held !== undefined && wire.maxSize !== store.group(held).maxSize)
    throw invalid(`${what}: its size was given when it was inserted, and stays ${store.group(held).maxSize}`);
  if (wire.maxSize > LARGEST_GROUP)
    throw exhausted(`${what}: a size of ${wire.maxSize} is above ${LARGEST_GROUP}`);
  const total = wire.members.reduce((sum, { weight }) => sum + weight, 0);
  const limit = Math.min(wire.maxSize || profile.maxGroupSize || LARGEST_GROUP, LARGEST_GROUP);
  if (total > limit) throw exhausted(`${what}: the weights' sum ${total} is above its size ${limit}`);
  const members = wire.members.map(({ memberId, weight }) => ({ id: memberId, weight }));
  store.setGroup(wire.groupId, members, wire.maxSize);
}

export function* readMembers(schema: Schema, wanted: ActionProfileMember): Generator<ActionProfileMember> {
  for (const profile of wantedProfiles(schema, wanted.actionProfileId)) {
    const { store } = profile;
    for (const [memberId, slot] of store.members) {
      if (wanted.memberId !== 0 && wanted.memberId !== memberId) continue;
      const action = profile.actionsByProgramId.get(store.actions[slot]!)!;
      yield {
        actionProfileId: profile.id,
        memberId,
        action: writeAction(action, store.data, slot * store.stride),
      };
    }
  }
}

export function* readGroups(schema: Schema, wanted: ActionProfileGroup): Generator<ActionProfileGroup> {
  for (const profile of wantedProfiles(schema, wanted.actionProfileId)) {
    for (const [groupId, slot] of profile.store.groups) {
      if (wanted.groupId !== 0 && wanted.groupId !== groupId) continue;
      const { members, maxSize } = profile.store.group(slot);
      yield ActionProfileGroup.fromPartial({
        actionProfileId: profile.id,
        groupId,
        maxSize,
        members: members.map(({ id, weight }) => ({ memberId: id, weight })),
      });
    }
  }
}

function wantedProfiles(schema: Schema, id: number): BoundProfile[] {
  return id === 0 ? [...schema.profiles.values()] : [profileOf(schema, id)];
}
