// Two clusters, and what leads parts that hold one document of them to another one.
import { compile } from "../../src/compile/index.js";
import { encodeItem } from "../../src/p4runtime/index.js";
import {
  diffEntries,
  type LdPart,
  type LdPlan,
  type SwitchPart,
  type Writes,
} from "../../src/reconcile/index.js";
import { planLds } from "../../src/reconcile/ld_steps.js";
import { parseValue, plainDocument } from "../../src/state/index.js";
import { gateway, gatewayPipeline, repositoryFile } from "./program.js";

export interface Cluster {
  name: string;
  local_ips: string[];
  lds: { name: string }[];
}

export interface Document {
  clusters: Cluster[];
  services: Record<string, unknown>[];
  [section: string]: unknown;
}

const example = plainDocument(repositoryFile("controller/examples/eips.yaml")) as Document;

/** Two clusters with an LD and a service each. */
export function twoClusters(): Document {
  const document = structuredClone(example);
  const [cluster] = document.clusters as [Cluster];
  const [ld1, ld2] = cluster.lds;
  const [shop] = document.services;
  const failover = { secret: "0123456789abcdef" };
  const base = { ...cluster, failover };
  return {
    ...document,
    clusters: [
      { ...base, lds: [ld1!] },
      { ...base, name: "west", local_ips: ["198.18.1.0/30"], lds: [ld2!] },
    ],
    services: [shop!, { ...shop, name: "away", port: 7000, cluster: "west" }],
  };
}

/**
 * A plan for the switches and the LDs.
 *
 * @param before - undefined: the parts are empty
 * @param connect - makes the connection to a part
 */
export function writesBetween(
  before: Document | undefined,
  after: Document,
  connect: (part: string) => unknown = () => undefined,
): Writes {
  const compiled = compile(parseValue("after", after));
  const was = before === undefined ? { switches: [], lds: [] } : compile(parseValue("before", before));
  const heldBySwitch = new Map(
    was.switches.map((item) => [
      item.spec.name,
      item.allEntries().map((entry) => encodeItem(gateway, entry)),
    ]),
  );
  const heldBy = new Map(was.lds.map(({ spec, config }) => [spec.name, { ...config, epoch: 1n }]));
  const steps = planLds(compiled.lds.map((target) => ({ target, held: heldBy.get(target.spec.name) })));
  const partOf = (spec: { name: string }) => ({ spec, connection: connect(spec.name) });
  return {
    pipeline: gatewayPipeline,
    schema: gateway,
    compiled,
    switches: compiled.switches.map((item) => ({
      part: partOf(item.spec) as SwitchPart,
      push: false,
      changes: diffEntries(gateway, heldBySwitch.get(item.spec.name) ?? [], item.allEntries()),
    })),
    lds: steps.map((step): LdPlan => ({ ...step, part: partOf(step.target.spec) as LdPart })),
  };
}
