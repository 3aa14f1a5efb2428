// The rules of services that move between two clusters: both have the service, and tell each other its sessions.
import type { ClusterSpec, DesiredState, ServiceSpec } from "./document.js";
import { reference } from "./rules.js";
import type { Source } from "./source.js";

/** How many LDs an LD can know: those of both clusters (stateful-ld/dataplane/config/cluster.h). */
const MAX_LDS = 64;

/** What is wrong with the two clusters of a service, whoever else is in them. */
function problemOf(a: ClusterSpec, b: ClusterSpec): string | undefined {
  const without = [a, b].find(({ failover }) => failover === undefined);
  if (without !== undefined) {
    return `cluster ${without.name} does not replicate its sessions (give it failover:)`;
  }
  const lds = a.lds.length + b.lds.length;
  return lds > MAX_LDS
    ? `clusters ${a.name} and ${b.name} have ${lds} LDs (services can migrate between clusters of at most ${MAX_LDS} together)`
    : undefined;
}

/** The clusters between which a service moves; undefined: it does not, or they are not known. */
function pairOf(
  clusters: ReadonlyMap<string, ClusterSpec>,
  { cluster, migrates_with }: ServiceSpec,
): [ClusterSpec, ClusterSpec] | undefined {
  const [a, b] = [clusters.get(cluster), clusters.get(migrates_with ?? "")];
  return a === undefined || b === undefined ? undefined : [a, b];
}

export function checkMigrations(source: Source, state: DesiredState): void {
  const clusters = new Map(state.clusters.map((cluster) => [cluster.name, cluster]));
  /** Of each cluster the other one, and the service that says so. */
  const others = new Map<string, { other: string; service: string }>();
  for (const service of state.services.filter(({ migrates_with }) => migrates_with !== undefined)) {
    const subject = `service ${service.name}: migrates_with`;
    const report = (message: string) => source.report(source.at(service, "migrates_with"), message);
    reference(source, service, "migrates_with", "cluster", "clusters", service.migrates_with, subject);
    if (service.migrates_with === service.cluster) {
      report(`${subject}: ${service.cluster} is the cluster that the service is in (name the other one)`);
      continue;
    }
    const pair = pairOf(clusters, service);
    if (pair === undefined) continue;
    const problem = problemOf(...pair);
    if (problem !== undefined) {
      report(`${subject}: ${problem}`);
    }
    for (const [one, other] of [pair, pair.toReversed()] as [ClusterSpec, ClusterSpec][]) {
      const known = others.get(one.name);
      if (known !== undefined && known.other !== other.name) {
        report(
          `${subject}: cluster ${one.name} migrates services with cluster ${known.other} already (service ${known.service}; one pair of clusters at a time)`,
        );
      }
      others.set(one.name, known ?? { other: other.name, service: service.name });
    }
  }
}
