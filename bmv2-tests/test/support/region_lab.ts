// A switch in this process and LDs that hold what they are given: a state is applied to them as the controller does it, update by update.
import { p4runtime, reconcile, type state } from "@sluice/controller";
import type { LdConfig } from "@sluice/proto/ld";
import { type Entity, Update_Type } from "@sluice/proto/p4runtime";
import { SoftSwitch } from "@sluice/softswitch";
import { loadPipeline } from "../../src/pipeline.js";

const { EntryDiff, executePlan, meaningOf, regionEntries } = reconcile;

const pipeline = await loadPipeline();
export const schema = new p4runtime.Schema(pipeline.p4info);
const BUCKETS_TABLE = schema.tables.get("ld_of_bucket").id;
const BUCKETS_A_CHECK = 61;

function isBucket({ entity }: Entity): boolean {
  return entity?.$case === "tableEntry" && entity.value.tableId === BUCKETS_TABLE;
}

export class Lab {
  readonly switch = new SoftSwitch();
  readonly lds = new Map<string, LdConfig | undefined>();
  #pushed = false;
  #buckets = 0;
  /** Called after each update of the switch and each configuration of an LD. */
  check: () => void = () => {};

  held(): Entity[] {
    const wildcards = [...schema.tables].map(
      ({ id }): Entity => ({ entity: { $case: "tableEntry", value: p4runtime.emptyTableEntry(id) } }),
    );
    return this.switch
      .read(wildcards)
      .filter(({ entity }) => entity?.$case !== "tableEntry" || !entity.value.isDefaultAction);
  }

  async apply(
    desired: state.DesiredState,
    shuffle: (items: readonly reconcile.EntryChange[]) => reconcile.EntryChange[],
  ) {
    const holdings = desired.clusters.flatMap((cluster) =>
      cluster.lds.map((spec) => ({ cluster, spec, held: this.lds.get(spec.name) })),
    );
    const meaning = meaningOf(desired, holdings, regionEntries(desired, schema));
    const diff = new EntryDiff(meaning.desired(0));
    if (this.#pushed) {
      for (const entity of this.held()) diff.see(entity);
    }
    const write = async (updates: readonly reconcile.EntryChange[]) => {
      // A server may do the updates of a batch in any order.
      for (const update of shuffle(updates)) {
        const type = { insert: Update_Type.INSERT, modify: Update_Type.MODIFY, delete: Update_Type.DELETE }[
          update.type
        ];
        const entity = update.message;
        this.switch.write([{ type, entity }]);
        // One bucket is like the other: it is enough to look after every so many.
        if (!isBucket(entity) || ++this.#buckets % BUCKETS_A_CHECK === 0) {
          this.check();
        }
      }
    };
    const connection = {
      name: "gw1",
      setPipeline: async () => this.switch.setPipeline(pipeline.p4info, pipeline.deviceConfig),
      writePacked: write,
    } as unknown as p4runtime.Switch;
    const ldConnection = (name: string) =>
      ({
        name,
        applyConfig: async (config: LdConfig) => {
          this.lds.set(name, config);
          this.check();
        },
      }) as unknown as reconcile.LdClient;
    await executePlan({
      pipeline,
      schema,
      compiled: meaning.compiled,
      switches: [
        { part: { spec: desired.switches[0]!, connection }, push: !this.#pushed, changes: diff.changes() },
      ],
      lds: meaning.steps.map((step) => {
        const { cluster, spec } = step.target;
        return { ...step, part: { cluster, spec, connection: ldConnection(spec.name) } };
      }),
    });
    this.#pushed = true;
  }
}

/** Everything but who has which bucket, and the LDs' epochs: those depend on what was before, so that few buckets move. */
export const lines = (lab: Lab) =>
  lab
    .held()
    .map((entity) => p4runtime.decodeItem(schema, entity) as p4runtime.Entry)
    .filter(({ table }) => table !== "ld_of_bucket")
    .map((entry) => `${p4runtime.describeKey(entry)} ${p4runtime.describeAction(entry)}`)
    .sort();

/** The same in another order, which a seed decides. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  return items
    .map((item, i) => ({ item, rank: Math.sin(seed + i * 7919) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
