// sluice trace: the way of one packet by what the file says, through the P4 program itself (the soft switch, in this process).
// sluice explain: what a thing of the file became, and where.
import { status } from "@grpc/grpc-js";
import { Update_Type } from "@sluice/proto/p4runtime";
import type { SoftSwitch } from "@sluice/softswitch";
import { type Command, InvalidArgumentError } from "commander";
import { compile, nameOf } from "../../compile/index.js";
import {
  codeName,
  decodeEntry,
  describeAction,
  describeEffect,
  describeItem,
  describeKey,
  encodeItem,
  type Item,
  nearest,
  type Pipeline,
  placeOf,
  Schema,
} from "../../p4runtime/index.js";
import { diffFacts, factsOf, writeOrder } from "../../reconcile/index.js";
import { type DesiredState, endpointOf, fabricNetworks, loadState } from "../../state/index.js";
import { BUCKETS, DROP_REASONS } from "../../tables/constants.js";
import {
  type CommonOptions,
  type Io,
  loadPipeline,
  type PipelineOptions,
  print,
  withCommonOptions,
  withPipelineOptions,
} from "../context.js";
import { EXIT, UsageError } from "../exit.js";
import { painter } from "../output.js";
import { buildProbe, type SeenPacket, seePacket } from "../probe.js";

const PROTOCOLS: Record<string, number> = { tcp: 6, udp: 17 };
const DEFAULT_CLIENT_PORT = 40_000;

interface Endpoint {
  address: string;
  port: number | undefined;
  protocol: string;
}

/** `203.0.113.10:80/tcp`, `[2001:db8::1]:80`, or an address alone. */
function endpoint(text: string): Endpoint {
  const found =
    /^(?:\[([0-9a-f:.]+)\](?::(\d{1,5}))?|([0-9.]+)(?::(\d{1,5}))?|([0-9a-f:]+))(?:\/(tcp|udp))?$/i.exec(
      text,
    );
  if (found === null) {
    throw new InvalidArgumentError("write it like 203.0.113.10:80/tcp or [2001:db8::1]:80");
  }
  const [, bracketed, portV6, v4, portV4, bare, protocol] = found;
  const port = portV6 ?? portV4;
  return {
    address: (bracketed ?? v4 ?? bare)!,
    port: port === undefined ? undefined : Number(port),
    protocol: protocol ?? "tcp",
  };
}

interface Step {
  table: string;
  /** Undefined: nothing matched. */
  entry: string | undefined;
  action: string | undefined;
}

interface TraceResult {
  switch: string;
  network: string;
  port: number;
  packet: SeenPacket;
  steps: Step[];
  /** Where it goes, in words; undefined: it is dropped. */
  to: string | undefined;
  drop: string | undefined;
  out: SeenPacket | undefined;
  /** What the LD does with it, in words. */
  at_ld: string | undefined;
}

interface TraceOptions extends CommonOptions, PipelineOptions {
  from: Endpoint;
  to: Endpoint;
  network?: string;
  switch?: string;
}

/** A switch in this process that holds what the file says. */
function fill(gateway: SoftSwitch, pipeline: Pipeline, items: readonly Item[]): Schema {
  const schema = new Schema(pipeline.p4info);
  gateway.setPipeline(pipeline.p4info, pipeline.deviceConfig);
  const order = new Map(writeOrder(schema).map((place, i) => [place, i]));
  const sorted = items.toSorted((a, b) => order.get(placeOf(a))! - order.get(placeOf(b))!);
  gateway.write(sorted.map((item) => ({ type: Update_Type.INSERT, entity: encodeItem(schema, item) })));
  return schema;
}

function dropsOf(gateway: SoftSwitch, schema: Schema): Map<number, bigint> {
  const counterId = schema.counters.get("drops").id;
  const cells = gateway.read([
    { entity: { $case: "counterEntry", value: { counterId, index: undefined, data: undefined } } },
  ]);
  return new Map(
    cells.flatMap(({ entity }) =>
      entity?.$case === "counterEntry"
        ? [[Number(entity.value.index?.index ?? 0n), entity.value.data?.packetCount ?? 0n] as const]
        : [],
    ),
  );
}

/** Who has the tunnel endpoint that a packet goes to. */
function destination(state: DesiredState, packet: SeenPacket, port: number): string {
  const where = `port ${port}`;
  if (packet.inner === undefined) {
    return `${packet.dst}, plain, by ${where}`;
  }
  const lds = state.clusters.flatMap(({ lds }) => lds);
  const ld = lds.find(({ address }) => address.split("/")[0] === packet.dst);
  const tunnel = `VXLAN ${packet.vni} to ${packet.dst}, by ${where}`;
  return ld === undefined ? `the host ${packet.dst}: ${tunnel}` : `LD ${ld.name}: ${tunnel}`;
}

/** The tunnel's source port carries the bucket (docs/design.md). */
function bucketOf({ srcPort }: SeenPacket): number {
  return ((srcPort ?? 0) >> 4) % BUCKETS;
}

/** What the LD that gets a client's packet does with it. */
function atLd(state: DesiredState, out: SeenPacket | undefined, to: Endpoint): string | undefined {
  const cluster = state.clusters.find(({ lds }) =>
    lds.some(({ address }) => address.split("/")[0] === out?.dst),
  );
  const vni = (vpc: string | undefined) => state.vpcs.find(({ name }) => name === vpc)?.vni ?? 0;
  if (out?.inner === undefined || cluster === undefined) {
    return undefined;
  }
  const service = state.services.find(
    ({ vip, vpc, port, protocol }) =>
      vip === out.inner?.dst && vni(vpc) === out.vni && port === to.port && protocol === to.protocol,
  );
  const servers = service?.real_servers.filter(({ weight }) => weight > 0) ?? [];
  if (service === undefined || servers.length === 0) {
    return `it has no ${service === undefined ? "service" : "real server"} for it`;
  }
  const choice = servers.map((server) => `${server.name} ${endpointOf(server)} (weight ${server.weight})`);
  return `service ${service.name}: to ${choice.join(" or ")}, from ${cluster.local_ips.join(" or ")} and a port of bucket ${bucketOf(out)}`;
}

async function trace(options: TraceOptions): Promise<TraceResult> {
  const state = loadState(options.file);
  const spec =
    options.switch === undefined
      ? state.switches[0]
      : state.switches.find(({ name }) => name === options.switch);
  if (spec === undefined) {
    const names = state.switches.map(({ name }) => name);
    throw new UsageError(
      `switch "${options.switch ?? ""}" is not in ${options.file} (${nearest(options.switch ?? "", names)})`,
    );
  }
  const fabric = fabricNetworks(state);
  const port = spec.ports.find(({ network }) =>
    options.network === undefined ? !fabric.has(network) : network === options.network,
  );
  if (port === undefined) {
    const known = [...new Set(spec.ports.map(({ network }) => network))];
    throw new UsageError(
      `switch ${spec.name} has no port in network "${options.network ?? "upstream"}" (${nearest(options.network ?? "", known)})`,
    );
  }
  const steps: Step[] = [];
  let schema: Schema | undefined;
  const { SoftSwitch } = await import("@sluice/softswitch"); // takes long to load, and no other command needs it
  const gateway = new SoftSwitch({
    onLookUp: (table, action, entry) => {
      const wire = entry();
      const decoded = wire && schema && decodeEntry(schema, wire);
      steps.push({
        table: schema?.tables.get(table).alias ?? table,
        entry: decoded && describeKey(decoded),
        action: decoded ? describeAction(decoded) : action,
      });
    },
  });
  const { switches } = compile(state);
  const compiled = switches.find((item) => item.spec === spec)!;
  schema = fill(gateway, await loadPipeline(options), [...compiled.profiles, ...compiled.allEntries()]);
  const frame = buildProbe({
    srcMac: spec.neighbors.find((neighbor) => neighbor.port === port.port)?.mac ?? "02:00:00:ff:ff:fe",
    dstMac: spec.mac,
    vlan: port.vlan,
    src: options.from.address,
    dst: options.to.address,
    protocol: PROTOCOLS[options.to.protocol]!,
    srcPort: options.from.port ?? DEFAULT_CLIENT_PORT,
    dstPort: options.to.port ?? 0,
  });
  const [out] = gateway.inject(port.port, frame);
  const packet = out && seePacket(out.frame);
  const dropped = [...dropsOf(gateway, schema)].find(([, packets]) => packets > 0n)?.[0];
  const reason = DROP_REASONS.find(({ index }) => index === dropped);
  return {
    switch: spec.name,
    network: port.network,
    port: port.port,
    packet: seePacket(frame)!,
    steps,
    to: out && packet && destination(state, packet, out.port),
    drop: reason && `${reason.name}: ${reason.meaning}`,
    out: packet,
    at_ld: atLd(state, packet, options.to),
  };
}

function showPacket({ src, dst, protocol, srcPort, dstPort, vni, inner }: SeenPacket): string {
  const host = (address: string) => (address.includes(":") ? `[${address}]` : address);
  const ends =
    srcPort === undefined ? `${src} → ${dst}` : `${host(src)}:${srcPort} → ${host(dst)}:${dstPort}`;
  return `${protocol} ${ends}${inner === undefined ? "" : ` (VNI ${vni}: ${showPacket(inner)})`}`;
}

function renderTrace(io: Io, result: TraceResult): string {
  const paint = painter(io.stdout);
  const width = Math.max(...result.steps.map(({ table }) => table.length));
  return [
    `${paint("bold", `switch ${result.switch}`)}, port ${result.port} (${result.network})`,
    `  in   ${showPacket(result.packet)}`,
    ...result.steps.map(({ table, entry, action }) =>
      entry === undefined
        ? paint("dim", `       ${table.padEnd(width)}  no match`)
        : `       ${table.padEnd(width)}  ${entry.slice(table.length)} ${action ?? ""}`,
    ),
    result.out === undefined
      ? paint("red", `  drop ${result.drop ?? "for no counted reason"}`)
      : `  out  ${showPacket(result.out)}`,
    ...(result.to === undefined ? [] : [paint("green", `  to   ${result.to}`)]),
    ...(result.at_ld === undefined ? [] : [`  then ${result.at_ld}`]),
    "",
  ].join("\n");
}

// ---- explain -----------------------------------------------------------------------------------------------------------

interface Explanation {
  part: string;
  lines: string[];
}

const KINDS = ["service", "eip", "cluster", "vpc"] as const;

/** The state without one thing. @throws UsageError when it is not there */
function without(state: DesiredState, kind: (typeof KINDS)[number], name: string): DesiredState {
  const section = `${kind}s` as "services" | "eips" | "clusters" | "vpcs";
  const items = state[section] as { name: string }[];
  if (!items.some((item) => item.name === name)) {
    throw new UsageError(
      `${kind} "${name}" does not exist (${nearest(
        name,
        items.map((item) => item.name),
      )})`,
    );
  }
  const rest = { ...state, [section]: items.filter((item) => item.name !== name) } as DesiredState;
  if (kind !== "cluster") {
    return rest;
  }
  return { ...rest, services: rest.services.filter(({ cluster }) => cluster !== name) };
}

/** What is there because of one thing: the difference from a region that is the same but for it. */
function explain(state: DesiredState, kind: (typeof KINDS)[number], name: string): Explanation[] {
  const [all, rest] = [compile(state), compile(without(state, kind, name))];
  const text = (item: Item) => `${describeItem(item)} ${describeEffect(item)}`;
  const ofSwitches = all.switches.map(({ spec, profiles, allEntries }, i) => {
    const other = rest.switches[i]!;
    const known = new Set([...other.profiles, ...other.allEntries()].map(text));
    const lines = [...profiles, ...allEntries()].filter((item) => !known.has(text(item)));
    return { part: `switch ${spec.name}`, lines: shorten(lines, all.ids.lds, text) };
  });
  const configs = new Map(rest.lds.map(({ spec, config }) => [spec.name, config]));
  const ofLds = all.lds.map(({ spec, config }) => ({
    part: `LD ${spec.name}`,
    lines: diffFacts(factsOf(configs.get(spec.name)), factsOf(config))
      .filter(({ after }) => after !== undefined)
      .map(({ fact, after }) => `${fact}: ${after}`),
  }));
  return [...ofSwitches, ...ofLds].filter(({ lines }) => lines.length > 0);
}

/** A thousand buckets are one line for each LD. */
function shorten(
  items: readonly Item[],
  lds: ReadonlyMap<string, number>,
  text: (item: Item) => string,
): string[] {
  const buckets = new Map<string, number>();
  const lines = items.flatMap((item) => {
    if (!("table" in item) || item.table !== "ld_of_bucket") {
      return [text(item)];
    }
    const ld = nameOf(lds, Number(item.params?.ld_id));
    buckets.set(ld, (buckets.get(ld) ?? 0) + 1);
    return [];
  });
  return [...lines, ...[...buckets].map(([ld, count]) => `ld_of_bucket: ${count} buckets of LD ${ld}`)];
}

export function addTrace(program: Command, io: Io): void {
  const command = program
    .command("trace")
    .description(
      "the way of one packet by what the file says: every table it meets, what matched, where it goes",
    )
    .requiredOption("--from <address[:port]>", "the client", endpoint)
    .requiredOption("--to <address[:port[/protocol]]>", "a VIP or EIP", endpoint)
    .option("--network <name>", "where the packet comes from; default: the first upstream network")
    .option("--switch <name>", "which switch; default: the first");
  withPipelineOptions(withCommonOptions(command)).action(async (options: TraceOptions) => {
    try {
      const result = await trace(options);
      print(io, options, result, (value) => renderTrace(io, value));
      io.exitCode = result.out === undefined ? EXIT.differs : EXIT.ok;
    } catch (error) {
      const results = (error as { results?: { code: number; message: string }[] }).results;
      const refused = results?.find(({ code }) => code !== status.OK);
      throw refused === undefined ? error : new Error(`${codeName(refused.code)}: ${refused.message}`);
    }
  });

  const explainCommand = program
    .command("explain <kind> <name>")
    .description(
      `what a ${KINDS.join(", ")} of the file becomes: entries of the switches, configuration of the LDs`,
    );
  withCommonOptions(explainCommand).action((kind: string, name: string, options: CommonOptions) => {
    const known = KINDS.find((item) => item === kind.replace(/s$/, ""));
    if (known === undefined) {
      throw new UsageError(`"${kind}" cannot be explained (${nearest(kind, KINDS)})`);
    }
    print(io, options, explain(loadState(options.file), known, name), (parts) =>
      parts
        .map(
          ({ part, lines }) =>
            `${painter(io.stdout)("bold", part)}\n${lines.map((line) => `  ${line}\n`).join("")}`,
        )
        .join(""),
    );
  });
}
