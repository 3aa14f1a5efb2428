// The rules of services that move between two clusters: both have the service, and tell each other its sessions.
import type { ClusterSpec, DesiredState } from "./document.js";
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

export function checkMigrations(source: Source, state: DesiredState): void {
  const clusters = new Map(state.clusters.map((cluster) => [cluster.name, cluster]));
  /** Of each cluster the other one, and the service that says so. */
  const others = new Map<string, { other: string; service: string }>();
  for (const service of state.services) {
    const { migration } = service;
    if (migration === undefined) continue;
    const subject = `service ${service.name}: migration`;
    const report = (message: string, field?: string) =>
      source.report(source.at(migration, field), `${subject}: ${message}`);
    for (const field of ["from", "to"] as const) {
      reference(source, migration, field, "cluster", "clusters", migration[field], `${subject}: ${field}`);
    }
    if (migration.from === migration.to) {
      report(`from and to are both ${migration.to} (name two clusters)`, "to");
      continue;
    }
    if (![migration.from, migration.to].includes(service.cluster)) {
      report(
        `cluster ${service.cluster}, which gets the service's packets, is neither of the two (name it as from or to)`,
      );
      continue;
    }
    const pair = [clusters.get(migration.from), clusters.get(migration.to)] as const;
    if (pair[0] === undefined || pair[1] === undefined) continue;
    const problem = problemOf(pair[0], pair[1]);
    if (problem !== undefined) {
      report(problem);
    }
    for (const [one, other] of [
      [pair[0], pair[1]],
      [pair[1], pair[0]],
    ] as const) {
      const known = others.get(one.name);
      if (known !== undefined && known.other !== other.name) {
        report(
          `cluster ${one.name} migrates services with cluster ${known.other} already (service ${known.service}; one pair of clusters at a time)`,
        );
      }
      others.set(one.name, known ?? { other: other.name, service: service.name });
    }
  }
}
