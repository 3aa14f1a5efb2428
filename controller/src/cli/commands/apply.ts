import type { Command } from "commander";
import { executePlan, isEmpty, makePlan, type Plan } from "../../reconcile/index.js";
import {
  type CommonOptions,
  type Io,
  loadPipeline,
  type PipelineOptions,
  print,
  withCommonOptions,
  withParts,
  withPipelineOptions,
} from "../context.js";
import { NothingChanged } from "../exit.js";
import { count } from "../output.js";

function summary(plan: Plan): string[] {
  const parts = [count(plan.switches.length, "switch"), count(plan.lds.length, "LD")];
  if (isEmpty(plan)) {
    return [`Nothing to change: ${parts.join(" and ")} hold what is desired.`];
  }
  return [
    ...plan.switches
      .filter(({ push, changes }) => push || changes.length > 0)
      .map(({ part, push, changes }) => {
        const number = (type: string) => changes.filter((change) => change.type === type).length;
        return (
          `${part.connection.name}: ${push ? "pipeline pushed, " : ""}` +
          `${count(changes.length, "entry").replace("entrys", "entries")} written ` +
          `(${number("insert")} inserted, ${number("modify")} modified, ${number("delete")} deleted)`
        );
      }),
    ...plan.lds
      .filter(({ release, take, settle }) => release || take || settle)
      .map(({ part, final }) => {
        const buckets = final.ownedBuckets.reduce((sum, { first, last }) => sum + last - first + 1, 0);
        return `${part.connection.name}: configured (epoch ${final.epoch}, ${count(buckets, "bucket")}, ${count(final.services.length, "service")})`;
      }),
  ];
}

export function addApply(program: Command, io: Io): void {
  const command = program.command("apply").description("make all switches and LDs hold what the file says");
  withPipelineOptions(withCommonOptions(command)).action(async (options: CommonOptions & PipelineOptions) => {
    let begun = false;
    try {
      await withParts(options, true, async (parts) => {
        const plan = await makePlan(parts, await loadPipeline(options));
        begun = true;
        const applied = await executePlan(plan);
        print(io, options, { changed: !isEmpty(plan), ...applied }, () => `${summary(plan).join("\n")}\n`);
      });
    } catch (error) {
      throw begun ? error : new NothingChanged(error);
    }
  });
}
