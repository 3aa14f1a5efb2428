// Everything of a pipeline that a controller writes, as one kind of thing: table entries, and the members and groups of
// action profiles (specification, sections 9.1 and 9.2).
import { ActionProfileGroup, type Entity } from "@sluice/proto/p4runtime";
import {
  actionKey,
  callKey,
  decodeCall,
  decodeEntry,
  describeAction,
  describeKey,
  type Entry,
  EntryError,
  encodeCall,
  encodeEntry,
  entryKey,
} from "./entries.js";
import { type Schema, SchemaError } from "./schema.js";
import type { ValueInput } from "./values.js";

/** An action with its parameters in an action profile. */
export interface ProfileMember {
  profile: string;
  /** Its id, above 0. */
  member: number;
  action: string;
  params?: Record<string, ValueInput>;
}

/** Members among which a table chooses by a hash. */
export interface ProfileGroup {
  profile: string;
  /** Its id, above 0. */
  group: number;
  members: readonly { member: number; weight: number }[];
}

export type Item = Entry | ProfileMember | ProfileGroup;

export function isEntry(item: Item): item is Entry {
  return "table" in item;
}

function isMember(item: Item): item is ProfileMember {
  return !isEntry(item) && "member" in item;
}

/**
 * Where an item belongs, which is also what orders writes: a table's name, `profile members` or `profile groups`.
 */
export function placeOf(item: Item): string {
  return isEntry(item) ? item.table : isMember(item) ? `${item.profile} members` : `${item.profile} groups`;
}

function encodeMember(schema: Schema, item: ProfileMember): Entity {
  const profile = schema.profiles.get(item.profile);
  const action = profile.actions.find(({ alias, name }) => alias === item.action || name === item.action);
  if (action === undefined) {
    const known = profile.actions.map(({ alias }) => alias).join(", ");
    throw new SchemaError(`action profile ${profile.alias} has no action "${item.action}" (it has ${known})`);
  }
  const value = {
    actionProfileId: profile.id,
    memberId: item.member,
    action: encodeCall(action, item.params, profile.alias),
  };
  return { entity: { $case: "actionProfileMember", value } };
}

function encodeGroup(schema: Schema, item: ProfileGroup): Entity {
  const profile = schema.profiles.get(item.profile);
  const weight = item.members.reduce((sum, member) => sum + member.weight, 0);
  if (profile.maxGroupSize !== 0 && weight > profile.maxGroupSize) {
    throw new EntryError(
      `action profile ${profile.alias}: group ${item.group} has members of weight ${weight}, but holds ${profile.maxGroupSize}`,
    );
  }
  const value = ActionProfileGroup.fromPartial({
    actionProfileId: profile.id,
    groupId: item.group,
    maxSize: profile.maxGroupSize,
    members: item.members.map((member) => ({ memberId: member.member, weight: member.weight })),
  });
  return { entity: { $case: "actionProfileGroup", value } };
}

/** @throws EntryError | SchemaError as {@link encodeEntry} */
export function encodeItem(schema: Schema, item: Item): Entity {
  if (isEntry(item)) {
    return { entity: { $case: "tableEntry", value: encodeEntry(schema, item) } };
  }
  return isMember(item) ? encodeMember(schema, item) : encodeGroup(schema, item);
}

/** @throws SchemaError for an id that the program does not have, or an entity of another kind */
export function decodeItem(schema: Schema, { entity }: Entity): Item {
  switch (entity?.$case) {
    case "tableEntry":
      return decodeEntry(schema, entity.value);
    case "actionProfileMember": {
      const { actionProfileId, memberId, action } = entity.value;
      return {
        profile: schema.profiles.get(actionProfileId).alias,
        member: memberId,
        ...(action === undefined ? { action: "", params: {} } : decodeCall(schema, action)),
      };
    }
    case "actionProfileGroup": {
      const { actionProfileId, groupId, members } = entity.value;
      return {
        profile: schema.profiles.get(actionProfileId).alias,
        group: groupId,
        members: members.map(({ memberId, weight }) => ({ member: memberId, weight })),
      };
    }
    default:
      throw new SchemaError(`an entity of the kind ${entity?.$case} was not asked for`);
  }
}

/** Equal exactly for two messages that name the same item. */
export function itemKey({ entity }: Entity): string {
  switch (entity?.$case) {
    case "tableEntry":
      return entryKey(entity.value);
    case "actionProfileMember":
      return `member ${entity.value.actionProfileId} ${entity.value.memberId}`;
    case "actionProfileGroup":
      return `group ${entity.value.actionProfileId} ${entity.value.groupId}`;
    default:
      return `${entity?.$case}`;
  }
}

/** Equal exactly for two messages of the same key whose items do the same. */
export function effectKey({ entity }: Entity): string {
  switch (entity?.$case) {
    case "tableEntry":
      return actionKey(entity.value);
    case "actionProfileMember":
      return entity.value.action === undefined ? "" : callKey(entity.value.action);
    case "actionProfileGroup":
      return entity.value.members
        .map(({ memberId, weight }) => `${memberId}*${weight}`)
        .sort()
        .join(",");
    default:
      return "";
  }
}

/** Names an item in messages: `ecmp_members[member 7]` */
export function describeItem(item: Item): string {
  if (isEntry(item)) {
    return describeKey(item);
  }
  return isMember(item) ? `${item.profile}[member ${item.member}]` : `${item.profile}[group ${item.group}]`;
}

/** What an item does: `select_nexthop(nexthop_id=7)` */
export function describeEffect(item: Item): string {
  if (isEntry(item) || isMember(item)) {
    return describeAction(item);
  }
  return `${item.members.length} members`;
}
