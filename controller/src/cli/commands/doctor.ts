// sluice doctor: looks at a whole installation and says what is wrong with it, and what to do.
import { partCredentials } from "@sluice/proto/tls";
import type { Command } from "commander";
import { idsOf } from "../../compile/index.js";
import { type Pipeline, pipelineCookie, Schema, Switch } from "../../p4runtime/index.js";
import { LdClient, type LdHolding, meaningOf, planSwitch, regionEntries } from "../../reconcile/index.js";
import { type DesiredState, loadState, type SwitchSpec } from "../../state/index.js";
import { DROP_REASONS } from "../../tables/constants.js";
import {
  type CommonOptions,
  type Io,
  loadPipeline,
  type PipelineOptions,
  print,
  withCommonOptions,
  withPipelineOptions,
} from "../context.js";
import { EXIT } from "../exit.js";
import { count, painter } from "../output.js";

interface Finding {
  /** `switch gw1` */
  subject: string;
  state: "good" | "worth a look" | "wrong";
  what: string;
  remedy?: string;
}

/** Drops that say that somebody's configuration is wrong, rather than somebody's packets. */
const SUSPICIOUS = new Set([
  "unknown_network",
  "bucket_unassigned",
  "unknown_ld",
  "no_route",
  "unknown_nexthop",
  "no_tunnel_source",
  "hairpin_loop",
  "ip_length",
]);

const APPLY = "sluice apply makes it so";
const good = (subject: string, what: string): Finding => ({ subject, state: "good", what });
const wrong = (subject: string, what: string, remedy?: string): Finding => ({
  subject,
  state: "wrong",
  what,
  ...(remedy !== undefined && { remedy }),
});

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function checkRedundancy(state: DesiredState): Finding[] {
  return state.clusters.flatMap(({ name, lds, failover }): Finding[] => {
    const subject = `cluster ${name}`;
    const services = state.services.filter(({ cluster }) => cluster === name);
    const empty = services.filter(({ real_servers }) => real_servers.every(({ weight }) => weight === 0));
    return [
      ...(lds.length === 1
        ? [
            {
              subject,
              state: "worth a look" as const,
              what: "it has one LD: when that fails, nothing answers",
              remedy: "sluice cluster scale, or add one under lds:",
            },
          ]
        : failover === undefined
          ? [
              {
                subject,
                state: "worth a look" as const,
                what: "no LD stands in for another",
                remedy: "declare failover:",
              },
            ]
          : [good(subject, `${lds.length} LDs stand in for each other`)]),
      ...empty.map((service) => ({
        subject: `service ${service.name}`,
        state: "worth a look" as const,
        what: "it has no real server with a weight above 0: every client is refused",
        remedy: "sluice rs add, or real_servers:",
      })),
    ];
  });
}

async function checkDrops(connection: Switch, subject: string): Promise<Finding[]> {
  const cells = await connection.readCounter(
    "drops",
    DROP_REASONS.map(({ index }) => index),
  );
  return DROP_REASONS.filter(
    ({ index, name }) => SUSPICIOUS.has(name) && (cells.get(index)?.packets ?? 0n) > 0n,
  ).map(
    ({ index, name, meaning }): Finding => ({
      subject,
      state: "worth a look",
      what: `${count(Number(cells.get(index)!.packets), "packet")} dropped: ${name} (${meaning})`,
      remedy: "sluice trace shows the way of such a packet",
    }),
  );
}

interface Checked {
  options: CommonOptions;
  pipeline: Pipeline;
  meaning: ReturnType<typeof meaningOf>;
}

async function checkSwitch(
  spec: SwitchSpec,
  index: number,
  { options, pipeline, meaning }: Checked,
): Promise<Finding[]> {
  const subject = `switch ${spec.name}`;
  let connection: Switch | undefined;
  try {
    connection = await Switch.connect({
      name: spec.name,
      address: spec.p4runtime,
      deviceId: BigInt(spec.device_id),
      write: false,
      timeoutMs: options.timeout,
      credentials: partCredentials(options.pki, spec.p4runtime),
    });
    const cookie = await connection.runningCookie();
    if (cookie !== pipelineCookie(pipeline)) {
      return [wrong(subject, cookie === undefined ? "it runs no program" : "it runs another program", APPLY)];
    }
    const { changes } = await planSwitch({ spec, connection }, pipeline, meaning.desired(index));
    return [
      good(subject, "it answers, and runs the program of this version"),
      changes.length === 0
        ? good(subject, "its tables hold what the file says")
        : wrong(
            subject,
            `${count(changes.length, "entry").replace("entrys", "entries")} not as the file says (sluice diff lists them)`,
            APPLY,
          ),
      ...(await checkDrops(connection, subject)),
    ];
  } catch (error) {
    return [wrong(subject, reasonOf(error))];
  } finally {
    connection?.close();
  }
}

async function examine(options: CommonOptions & PipelineOptions): Promise<Finding[]> {
  const state = loadState(options.file);
  const pipeline = await loadPipeline(options);
  const schema = new Schema(pipeline.p4info);
  const findings: Finding[] = [good(options.file, "it is valid")];
  const holdings = await Promise.all(
    state.clusters.flatMap((cluster) =>
      cluster.lds.map(async (spec): Promise<LdHolding> => {
        const { name, agent } = spec;
        const client = new LdClient({
          name,
          address: agent,
          timeoutMs: options.timeout,
          ...(options.pki !== undefined && { pki: options.pki }),
        });
        const subject = `LD ${name}`;
        try {
          const held = await client.getConfig();
          const { dataPlaneUp } = await client.getStatus();
          findings.push(
            dataPlaneUp
              ? good(subject, "agent and data plane answer")
              : wrong(subject, "its data plane is down", "its agent's log says why"),
          );
          return { cluster, spec, held };
        } catch (error) {
          findings.push(wrong(subject, reasonOf(error)));
          return { cluster, spec, held: undefined, lost: true };
        } finally {
          client.close();
        }
      }),
    ),
  );
  const meaning = meaningOf(state, holdings, regionEntries(state, schema), true);
  for (const { target, release, take, settle } of meaning.steps) {
    const differs = [release, take, settle].some((step) => step !== undefined);
    const subject = `LD ${target.spec.name}`;
    findings.push(
      differs
        ? wrong(subject, "its configuration is not as the file says", APPLY)
        : good(subject, "its configuration is as the file says"),
    );
  }
  const switches = await Promise.all(
    state.switches.map((spec, i) => checkSwitch(spec, i, { options, pipeline, meaning })),
  );
  const known = idsOf(state);
  const unused = state.networks.filter(
    ({ name }) => !state.switches.some(({ ports }) => ports.some(({ network }) => network === name)),
  );
  return [
    ...findings,
    ...switches.flat(),
    ...checkRedundancy(state),
    ...unused.map(({ name }) => ({
      subject: `network ${name}`,
      state: "worth a look" as const,
      what: `no switch has a port in it (its number is ${known.networks.get(name)})`,
      remedy: "give a port this network, or remove it",
    })),
  ];
}

const SIGNS = { good: ["✓", "green"], "worth a look": ["!", "yellow"], wrong: ["✗", "red"] } as const;

export function addDoctor(program: Command, io: Io): void {
  const command = program
    .command("doctor")
    .description("look at a whole installation and say what is wrong (exit code 1: something is)");
  withPipelineOptions(withCommonOptions(command)).action(async (options: CommonOptions & PipelineOptions) => {
    const findings = await examine(options);
    const paint = painter(io.stdout);
    const number = (state: Finding["state"]) => findings.filter((finding) => finding.state === state).length;
    print(io, options, findings, () =>
      [
        ...findings.map(({ subject, state, what, remedy }) => {
          const [sign, colour] = SIGNS[state];
          return `${paint(colour, sign)} ${subject}: ${what}${remedy === undefined ? "" : ` → ${remedy}`}`;
        }),
        `${number("good")} good, ${number("worth a look")} worth a look, ${number("wrong")} wrong`,
        "",
      ].join("\n"),
    );
    io.exitCode = number("wrong") > 0 ? EXIT.differs : EXIT.ok;
  });
}
