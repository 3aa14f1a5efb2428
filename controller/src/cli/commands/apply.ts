import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import { executePlan, isEmpty, makePlan, type Plan } from "../../reconcile/index.js";
import { loadState, plainDocument } from "../../state/index.js";
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
import { EXIT, NothingChanged } from "../exit.js";
import { leavingIn, warnOfLeaving } from "../leaving.js";
import { count } from "../output.js";
import { withProgress } from "../progress.js";
import {
  type ChangeOptions,
  type ChangeResult,
  clientOf,
  renderResult,
  waitFor,
  withControllerOption,
} from "../server.js";
import { announce, showDiff } from "./diff.js";

const WRITING = { doing: "writing", units: "entries" };

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

interface ApplyOptions extends CommonOptions, PipelineOptions, ChangeOptions {}

async function applyDirectly(io: Io, options: ApplyOptions): Promise<void> {
  let begun = false;
  try {
    await withParts(options, options.dryRun !== true, async (parts) => {
      const plan = await makePlan(parts, await loadPipeline(options));
      if (options.dryRun === true) {
        showDiff(io, options, plan, parts.ids);
        return;
      }
      announce(io, options, plan, parts.ids);
      begun = true;
      const applied = await withProgress(io, options, WRITING, (progress) => {
        progress.expect(plan.switches.reduce((sum, { changes }) => sum + changes.length, 0));
        return executePlan(plan, progress.advance.bind(progress));
      });
      print(io, options, { changed: !isEmpty(plan), ...applied }, () => `${summary(plan).join("\n")}\n`);
    });
  } catch (error) {
    throw begun ? error : new NothingChanged(error);
  }
}

/** The controller gets the whole document; what is not in it any more goes. */
async function applyByController(io: Io, options: ApplyOptions): Promise<void> {
  const client = clientOf(options);
  loadState(options.file); // its problems have lines here
  const document = plainDocument(readFileSync(options.file, "utf8"));
  const path = `/v1/state${options.dryRun === true ? "?dry_run=true" : ""}`;
  const { body } = await client.put<ChangeResult>(path, document, `apply -f ${basename(options.file)}`);
  warnOfLeaving(io, leavingIn(body.changes));
  const settled =
    options.wait && options.dryRun !== true ? await waitFor(client, body.revision, options) : undefined;
  print(io, options, body, () => renderResult(body, options, settled, io));
  if (settled?.settled === false) {
    io.exitCode = EXIT.unsettled;
  }
}

export function addApply(program: Command, io: Io): void {
  const command = program
    .command("apply")
    .description("make all switches and LDs hold what the file says, by the controller where there is one");
  withControllerOption(withPipelineOptions(withCommonOptions(command)))
    .option("--dry-run", "show what would change, and change nothing")
    .option("--no-wait", "with a controller: do not wait until the parts have it")
    .action((options: ApplyOptions) =>
      options.server === undefined ? applyDirectly(io, options) : applyByController(io, options),
    );
}
