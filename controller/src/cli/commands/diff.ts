import type { Command } from "commander";
import type { Ids } from "../../compile/index.js";
import { leavingUndrained, makePlan, type Plan, UnreachableError } from "../../reconcile/index.js";
import { type Line, linesOf } from "../changes.js";
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
import { EXIT } from "../exit.js";
import { warnOfLeaving } from "../leaving.js";
import { count, painter } from "../output.js";

const SIGNS = { insert: ["+", "green"], modify: ["~", "yellow"], delete: ["-", "red"] } as const;

/** Before a change, more lines than this are no longer read by anybody; more changes are not even put into lines. */
const ANNOUNCED_LINES = 200;
const ANNOUNCED_CHANGES = 10_000;

function render(lines: Line[], paint: ReturnType<typeof painter>): string {
  if (lines.length === 0) {
    return "No difference.\n";
  }
  const changes = lines.reduce((sum, { entries }) => sum + entries, 0);
  return `${renderParts(lines, paint)}${count(changes, "change")}; sluice apply makes them.\n`;
}

function renderParts(lines: Line[], paint: ReturnType<typeof painter>): string {
  const parts = [...new Set(lines.map(({ part }) => part))];
  return [
    ...parts.flatMap((part) => [
      paint("bold", part),
      ...lines
        .filter((line) => line.part === part)
        .map(({ type, what }) => `  ${paint(SIGNS[type][1], `${SIGNS[type][0]} ${what}`)}`),
    ]),
    "",
  ].join("\n");
}

/** On a terminal, what is about to change; in scripts the summary afterwards is enough. @returns how many lines that is */
export function announce(io: Io, { output }: Pick<CommonOptions, "output">, plan: Plan, ids: Ids): number {
  warnOfLeaving(io, leavingOf(plan));
  if (output !== "table" || io.stdout.isTTY !== true) {
    return 0;
  }
  const changes = plan.switches.reduce((sum, item) => sum + item.changes.length, 0);
  const lines = changes > ANNOUNCED_CHANGES ? undefined : linesOf(plan, ids);
  if (lines === undefined || lines.length > ANNOUNCED_LINES) {
    io.stdout.write(`${count(changes, "change")} (sluice diff lists them)\n`);
  } else if (lines.length > 0) {
    io.stdout.write(renderParts(lines, painter(io.stdout)));
  }
  return lines?.length ?? changes;
}

function leavingOf({ lds }: Plan) {
  return lds.flatMap(({ held, final }) => leavingUndrained(held, final));
}

/** Prints what a plan would change. @returns how many lines that is */
export function showDiff(io: Io, options: Pick<CommonOptions, "output">, plan: Plan, ids: Ids): number {
  const lines = linesOf(plan, ids);
  print(io, options, lines, (changes) => render(changes, painter(io.stdout)));
  warnOfLeaving(io, leavingOf(plan));
  return lines.length;
}

export function addDiff(program: Command, io: Io): void {
  const command = program
    .command("diff")
    .description("show what apply would change (exit code 1: something)");
  withPipelineOptions(withCommonOptions(command)).action(async (options: CommonOptions & PipelineOptions) => {
    await withParts(options, false, async (parts) => {
      const plan = await makePlan(parts, await loadPipeline(options), { atOnce: true });
      if (plan.lost.size > 0) {
        throw new UnreachableError([...plan.lost.values()]);
      }
      const lines = showDiff(io, options, plan, parts.ids);
      io.exitCode = lines === 0 ? EXIT.ok : EXIT.differs;
    });
  });
}
