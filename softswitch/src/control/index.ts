// One update, one read: by the kind of the entity.
import { type Entity, type Update, Update_Type } from "@sluice/proto/p4runtime";
import {
  readCounters,
  readDirectCounters,
  readRegisters,
  writeCounter,
  writeDirectCounter,
  writeRegister,
} from "./cells.js";
import { readDigests, writeDigest } from "./digests.js";
import { invalid, unimplemented } from "./errors.js";
import { readGroups, readMembers, writeGroup, writeMember } from "./profile_writes.js";
import { readReplication, writeReplication } from "./replication.js";
import type { Schema } from "./schema.js";
import { readTableEntries, writeTableEntry } from "./table_writes.js";

/** @throws UpdateError; nothing has changed then */
export function applyUpdate(schema: Schema, { type, entity }: Update): void {
  const item = entity?.entity;
  if (item === undefined) throw invalid("an update needs an entity");
  if (type !== Update_Type.INSERT && type !== Update_Type.MODIFY && type !== Update_Type.DELETE)
    throw invalid("an update needs a type: INSERT, MODIFY or DELETE");
  switch (item.$case) {
    case "tableEntry":
      writeTableEntry(schema, type, item.value);
      return;
    case "actionProfileMember":
      writeMember(schema, type, item.value);
      return;
    case "actionProfileGroup":
      writeGroup(schema, type, item.value);
      return;
    case "counterEntry":
      writeCounter(schema, type, item.value);
      return;
    case "directCounterEntry":
      writeDirectCounter(schema, type, item.value);
      return;
    case "registerEntry":
      writeRegister(schema, type, item.value);
      return;
    case "packetReplicationEngineEntry":
      writeReplication(schema, type, item.value);
      return;
    case "digestEntry":
      writeDigest(schema, type, item.value);
      return;
    default:
      throw unimplemented(`the soft switch does not support a ${item.$case}`);
  }
}

/** @throws UpdateError for an id that does not exist */
export function* readEntity(schema: Schema, { entity }: Entity): Generator<Entity> {
  if (entity === undefined) throw invalid("a read needs an entity");
  switch (entity.$case) {
    case "tableEntry":
      for (const value of readTableEntries(schema, entity.value))
        yield { entity: { $case: "tableEntry", value } };
      return;
    case "actionProfileMember":
      for (const value of readMembers(schema, entity.value))
        yield { entity: { $case: "actionProfileMember", value } };
      return;
    case "actionProfileGroup":
      for (const value of readGroups(schema, entity.value))
        yield { entity: { $case: "actionProfileGroup", value } };
      return;
    case "counterEntry":
      for (const value of readCounters(schema, entity.value))
        yield { entity: { $case: "counterEntry", value } };
      return;
    case "directCounterEntry":
      for (const value of readDirectCounters(schema, entity.value)) {
        yield { entity: { $case: "directCounterEntry", value } };
      }
      return;
    case "registerEntry":
      for (const value of readRegisters(schema, entity.value))
        yield { entity: { $case: "registerEntry", value } };
      return;
    case "packetReplicationEngineEntry":
      for (const value of readReplication(schema, entity.value))
        yield { entity: { $case: "packetReplicationEngineEntry", value } };
      return;
    case "digestEntry":
      for (const value of readDigests(schema, entity.value))
        yield { entity: { $case: "digestEntry", value } };
      return;
    default:
      throw unimplemented(`the soft switch does not support a ${entity.$case}`);
  }
}
