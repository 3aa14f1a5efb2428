// What Prometheus reads of the controller and of how its parts are.
import { Gauge, Registry } from "prom-client";
import type { RegionController } from "../daemon/index.js";

const STATES = ["in sync", "changing", "unreachable", "waiting"] as const;

export async function renderMetrics({
  region,
  reconciler,
}: RegionController): Promise<{ type: string; text: string }> {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `sluice_${name}`, help, labelNames, registers: [registry] });
  gauge("desired_revision", "Revision of the desired state").set(region.revision);
  gauge("applied_revision", "Newest revision that all switches and LDs hold").set(
    Math.max(0, reconciler.applied),
  );
  const objects = gauge("objects", "Objects of the desired state", ["section"]);
  for (const [section, count] of region.counts()) {
    objects.set({ section }, count);
  }
  const state = gauge("part_state", "1 for the state that a switch or LD is in", ["part", "kind", "state"]);
  const mended = gauge("part_mended_updates", "Changes behind the controller's back that it mended", [
    "part",
    "kind",
  ]);
  const written = gauge("part_written_updates", "Updates written since the controller started", [
    "part",
    "kind",
  ]);
  for (const part of reconciler.parts) {
    const labels = { part: part.name, kind: part.kind };
    for (const name of STATES) {
      state.set({ ...labels, state: name.replace(" ", "_") }, part.state === name ? 1 : 0);
    }
    mended.set(labels, part.mended);
    written.set(labels, part.written);
  }
  return { type: registry.contentType, text: await registry.metrics() };
}
