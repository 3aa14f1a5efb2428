// The packet replication engine: multicast groups and clone sessions (specification, section 9.5).
import {
  CloneSessionEntry,
  MulticastGroupEntry,
  type PacketReplicationEngineEntry,
  Update_Type,
  type Replica as WireReplica,
} from "@sluice/proto/p4runtime";
import type { Replica } from "../runtime/memory.js";
import { alreadyExists, invalid, notFound, unimplemented } from "./errors.js";
import type { Schema } from "./schema.js";

/** Sessions have 15 bits in simple_switch, and groups 16; from 0x8000 on groups are kept for sessions. */
const MAX_ID = 0x7fff;
const MAX_PORT = 511;
const MAX_INSTANCE = 0xffff;

/** @throws UpdateError; nothing has changed then */
export function writeReplication(
  schema: Schema,
  type: Update_Type,
  { type: item }: PacketReplicationEngineEntry,
): void {
  const { memory, groups, sessions } = schema.replication;
  switch (item?.$case) {
    case "multicastGroupEntry": {
      const { value } = item;
      const what = `multicast group ${value.multicastGroupId}`;
      checkExistence(what, value.multicastGroupId, type, groups);
      write(value.multicastGroupId, type, MulticastGroupEntry.fromPartial(value), groups, () =>
        memory.groups.set(value.multicastGroupId, toReplicas(what, value.replicas)),
      );
      if (type === Update_Type.DELETE) memory.groups.delete(value.multicastGroupId);
      return;
    }
    case "cloneSessionEntry": {
      const { value } = item;
      const what = `clone session ${value.sessionId}`;
      checkExistence(what, value.sessionId, type, sessions);
      if (value.classOfService !== 0) throw unimplemented(`${what}: a class of service`);
      if (value.packetLengthBytes !== 0) throw unimplemented(`${what}: clones of the first bytes only`);
      write(value.sessionId, type, CloneSessionEntry.fromPartial(value), sessions, () =>
        memory.sessions.set(value.sessionId, toReplicas(what, value.replicas)),
      );
      if (type === Update_Type.DELETE) memory.sessions.delete(value.sessionId);
      return;
    }
    default:
      throw invalid("a packet replication entry needs a multicast group or a clone session");
  }
}

function checkExistence(
  what: string,
  id: number,
  type: Update_Type,
  held: ReadonlyMap<number, unknown>,
): void {
  if (id < 1 || id > MAX_ID) throw invalid(`${what}: the id is not from 1 to ${MAX_ID}`);
  if (type === Update_Type.INSERT && held.has(id)) throw alreadyExists(`${what} is there already`);
  if (type !== Update_Type.INSERT && !held.has(id)) throw notFound(`${what} does not exist`);
}

function write<T>(id: number, type: Update_Type, entry: T, held: Map<number, T>, apply: () => void): void {
  if (type === Update_Type.DELETE) {
    held.delete(id);
    return;
  }
  apply();
  held.set(id, entry);
}

function toReplicas(what: string, wire: readonly WireReplica[]): Replica[] {
  const seen = new Set<string>();
  return wire.map(({ portKind, instance, backupReplicas }) => {
    if (backupReplicas.length > 0) throw unimplemented(`${what}: backup replicas`);
    const port = portOf(what, portKind);
    if (instance > MAX_INSTANCE)
      throw invalid(`${what}: the instance ${instance} is not from 0 to ${MAX_INSTANCE}`);
    const key = `${port}/${instance}`;
    if (seen.has(key))
      throw invalid(`${what}: the replica of port ${port}, instance ${instance} is given twice`);
    seen.add(key);
    return { port, instance };
  });
}

function portOf(what: string, kind: WireReplica["portKind"]): number {
  if (kind === undefined || (kind.$case === "port" && kind.value.length === 0))
    throw invalid(`${what}: a replica has no port`);
  const port =
    kind.$case === "egressPort" ? kind.value : kind.value.reduce((sum, byte) => sum * 256 + byte, 0);
  if (port > MAX_PORT) throw invalid(`${what}: the port ${port} is not from 0 to ${MAX_PORT}`);
  return port;
}

/** One group or session by its id, or with the id 0 all of its kind; all of both when no kind is given. */
export function* readReplication(
  { replication }: Schema,
  { type: item }: PacketReplicationEngineEntry,
): Generator<PacketReplicationEngineEntry> {
  if (item?.$case !== "cloneSessionEntry") {
    const id = item?.value.multicastGroupId ?? 0;
    for (const [groupId, value] of replication.groups) {
      if (id === 0 || id === groupId) yield { type: { $case: "multicastGroupEntry", value } };
    }
  }
  if (item?.$case !== "multicastGroupEntry") {
    const id = item?.value.sessionId ?? 0;
    for (const [sessionId, value] of replication.sessions) {
      if (id === 0 || id === sessionId) yield { type: { $case: "cloneSessionEntry", value } };
    }
  }
}
