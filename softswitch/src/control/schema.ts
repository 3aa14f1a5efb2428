// P4Info bound to the compiled program: every id of P4Runtime to the store that holds it.
import { ActionRef_Scope, MatchField_MatchType, type P4Info } from "@sluice/proto/p4info";
import type { CloneSessionEntry, MulticastGroupEntry } from "@sluice/proto/p4runtime";
import type { Action, Digest, KeyField } from "../ir/program.js";
import type { Replication } from "../runtime/memory.js";
import type { SimpleSwitch } from "../runtime/simple_switch.js";
import type { ProfileStore } from "../tables/profile_store.js";
import type { TableStore } from "../tables/table_store.js";
import { BoundDigest } from "./digests.js";
import type { IdleTimer } from "./idle.js";

export interface BoundField {
  id: number;
  name: string;
  kind: KeyField["kind"];
  key: KeyField;
}

export interface BoundAction {
  id: number;
  name: string;
  action: Action;
  /** In the order of P4Info; `lane` is the first in the action data. */
  params: { id: number; name: string; bits: number; lane: number }[];
  scope: "entry-and-default" | "entry-only" | "default-only";
}

export interface BoundTable {
  id: number;
  name: string;
  store: TableStore;
  fields: BoundField[];
  actions: Map<number, BoundAction>;
  /** By the program's action id. */
  actionsByProgramId: Map<number, BoundAction>;
  size: number;
  isConst: boolean;
  isDefaultConst: boolean;
  needsPriority: boolean;
  profile: BoundProfile | undefined;
  /** Of entries that a controller gave some. */
  metadata: Map<number, Uint8Array>;
  constEntries: Set<number>;
  /** Of entries that have an idle timeout. */
  idleTimers: Map<number, IdleTimer>;
}

export interface BoundProfile {
  id: number;
  name: string;
  store: ProfileStore;
  hasSelector: boolean;
  size: number;
  maxGroupSize: number;
  actions: Map<number, BoundAction>;
  actionsByProgramId: Map<number, BoundAction>;
}

export interface PacketHeader {
  bytes: number;
  fields: { id: number; name: string; bits: number; bitOffset: number }[];
}

/** Multicast groups and clone sessions, as the controller wrote them; {@link Replication} is what packets see of them. */
export interface ReplicationEntries {
  memory: Replication;
  groups: Map<number, MulticastGroupEntry>;
  sessions: Map<number, CloneSessionEntry>;
}

export interface Schema {
  tables: Map<number, BoundTable>;
  profiles: Map<number, BoundProfile>;
  counters: Map<number, { name: string; cells: Float64Array; size: number }>;
  /** Table id by the id of its direct counter. */
  directCounters: Map<number, number>;
  registers: Map<number, { name: string; cells: Int32Array; size: number; bits: number }>;
  replication: ReplicationEntries;
  digests: Map<number, BoundDigest>;
  /** By what the program has of them. */
  digestsOf: Map<Digest, BoundDigest>;
  /** Microseconds since the switch started. */
  clockUs: () => number;
  /** By that clock: when `runTimers` has something to say, not before. */
  nextTimerUs: number;
  packetIn: PacketHeader | undefined;
  packetOut: PacketHeader | undefined;
}

const KINDS: Partial<Record<MatchField_MatchType, KeyField["kind"]>> = {
  [MatchField_MatchType.EXACT]: "exact",
  [MatchField_MatchType.LPM]: "lpm",
  [MatchField_MatchType.TERNARY]: "ternary",
  [MatchField_MatchType.RANGE]: "range",
  [MatchField_MatchType.OPTIONAL]: "optional",
};

const SCOPES: Partial<Record<ActionRef_Scope, BoundAction["scope"]>> = {
  [ActionRef_Scope.TABLE_ONLY]: "entry-only",
  [ActionRef_Scope.DEFAULT_ONLY]: "default-only",
};

/** @throws Error when P4Info and the device configuration are of different programs */
export function bindSchema(p4info: P4Info, device: SimpleSwitch, clockUs: () => number): Schema {
  const { program, memory } = device;
  const stores = new Map(
    memory.tables.flatMap((store) => (store === undefined ? [] : [[store.table.name, store]])),
  );
  const infoActions = new Map(p4info.actions.map((action) => [action.preamble!.id, action]));

  const bindAction = (
    id: number,
    scope: BoundAction["scope"],
    candidates: readonly Action[],
  ): BoundAction => {
    const info = infoActions.get(id);
    const name = info?.preamble?.name ?? `${id}`;
    const action = candidates.find((candidate) => candidate.name === name);
    if (info === undefined || action === undefined) {
      throw new Error(
        `action ${name} of P4Info is not in the device configuration: they are of different programs`,
      );
    }
    const params = info.params.map(({ id: paramId, name: paramName, bitwidth }, i) => ({
      id: paramId,
      name: paramName,
      bits: bitwidth,
      lane: action.params[i]!.lane,
    }));
    return { id, name: info.preamble!.alias, action, params, scope };
  };

  const profiles = new Map<number, BoundProfile>();
  for (const info of p4info.actionProfiles) {
    const store = memory.profiles.find(({ profile }) => profile.name === info.preamble!.name);
    if (store === undefined)
      throw new Error(`action profile ${info.preamble!.name} is not in the device configuration`);
    profiles.set(info.preamble!.id, {
      id: info.preamble!.id,
      name: info.preamble!.alias,
      store,
      hasSelector: info.withSelector,
      size: Number(info.size),
      maxGroupSize: info.maxGroupSize,
      actions: new Map(),
      actionsByProgramId: new Map(),
    });
  }

  const tables = new Map<number, BoundTable>();
  for (const info of p4info.tables) {
    const { id, name, alias } = info.preamble!;
    const store = stores.get(name);
    // A table that no packet can reach is not compiled; nothing can be written to it.
    if (store === undefined) continue;
    const fields = info.matchFields.map((field): BoundField => {
      const key = store.table.keys.find((candidate) => candidate.name === field.name);
      const type = field.match?.$case === "matchType" ? field.match.value : MatchField_MatchType.UNSPECIFIED;
      const kind = KINDS[type];
      if (key === undefined || kind === undefined) {
        throw new Error(`table ${alias}: field ${field.name} of P4Info is not in the device configuration`);
      }
      return { id: field.id, name: field.name, kind, key };
    });
    const actions = new Map(
      info.actionRefs.map((ref) => [
        ref.id,
        bindAction(ref.id, SCOPES[ref.scope] ?? "entry-and-default", store.table.actions),
      ]),
    );
    const byProgramId = new Map([...actions.values()].map((action) => [action.action.id, action]));
    const profile = profiles.get(info.implementationId);
    for (const [actionId, action] of actions) {
      if (action.scope !== "default-only") profile?.actions.set(actionId, action);
      profile?.actionsByProgramId.set(action.action.id, action);
    }
    tables.set(id, {
      id,
      name: alias,
      store,
      fields,
      actions,
      actionsByProgramId: byProgramId,
      size: Number(info.size),
      isConst: info.isConstTable,
      isDefaultConst: info.constDefaultActionId !== 0,
      needsPriority: fields.some(({ kind }) => kind !== "exact" && kind !== "lpm"),
      profile,
      metadata: new Map(),
      constEntries: new Set(),
      idleTimers: new Map(),
    });
  }

  const packetHeader = (name: string): PacketHeader | undefined => {
    const info = p4info.controllerPacketMetadata.find(({ preamble }) => preamble!.name === name);
    if (info === undefined) return undefined;
    let bitOffset = 0;
    const fields = info.metadata.map((field) => {
      const bound = { id: field.id, name: field.name, bits: field.bitwidth, bitOffset };
      bitOffset += field.bitwidth;
      return bound;
    });
    return { bytes: Math.ceil(bitOffset / 8), fields };
  };
  const digestsOf = new Map(
    p4info.digests.flatMap(({ preamble, typeSpec }): [Digest, BoundDigest][] => {
      const digest = program.digests.find(({ name }) => name === preamble!.name);
      return digest === undefined
        ? []
        : [[digest, new BoundDigest(preamble!.id, preamble!.alias, digest, typeSpec)]];
    }),
  );
  const counterIndex = new Map(program.counters.map(({ name }, i) => [name, i]));
  const registerIndex = new Map(program.registers.map(({ name }, i) => [name, i]));
  return {
    tables,
    profiles,
    counters: new Map(
      p4info.counters.flatMap(({ preamble }) => {
        const index = counterIndex.get(preamble!.name);
        if (index === undefined) return [];
        const { size } = program.counters[index]!;
        return [[preamble!.id, { name: preamble!.alias, cells: memory.counters[index]!, size }]];
      }),
    ),
    directCounters: new Map(
      p4info.directCounters.map(({ preamble, directTableId }) => [preamble!.id, directTableId]),
    ),
    registers: new Map(
      p4info.registers.flatMap(({ preamble }) => {
        const index = registerIndex.get(preamble!.name);
        if (index === undefined) return [];
        const { size, bits } = program.registers[index]!;
        return [[preamble!.id, { name: preamble!.alias, cells: memory.registers[index]!, size, bits }]];
      }),
    ),
    replication: { memory: memory.replication, groups: new Map(), sessions: new Map() },
    digests: new Map([...digestsOf.values()].map((digest) => [digest.id, digest])),
    digestsOf,
    clockUs,
    nextTimerUs: Number.POSITIVE_INFINITY,
    packetIn: packetHeader("packet_in"),
    packetOut: packetHeader("packet_out"),
  };
}
