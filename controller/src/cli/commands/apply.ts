import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import {
  type Applied,
  type ClusterMove,
  converge,
  type EntryChange,
  type LdPlan,
  makePlan,
  type Parts,
  type Plan,
} from "../../reconcile/index.js";
import { loadState, plainDocument } from "../../state/index.js";
import { askWhetherTo, canAsk, Declined } from "../consent.js";
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
import { leavingIn, warnOfEnds, warnOfLeaving } from "../leaving.js";
import { count, painter } from "../output.js";
import { type Progress, withProgress } from "../progress.js";
import {
  type ChangeOptions,
  type ChangeResult,
  clientOf,
  renderChanges,
  renderResult,
  waitFor,
  withConsentOptions,
  withControllerOption,
} from "../server.js";
import { announce, showDiff } from "./diff.js";

const WRITING = { doing: "writing", units: "entries" };
const COPYING = { doing: "copying", units: "sessions" };

/** What all rounds of an apply have written, by part. */
class Account {
  readonly #switches = new Map<string, { push: boolean; changes: EntryChange["type"][] }>();
  readonly #lds = new Map<string, LdPlan["final"]>();
  readonly #moved: string[] = [];
  lost: Plan["lost"] = new Map();
  #parts = "";
  #notYet: string[] = [];

  add({ switches, lds, moves, lost }: Plan): void {
    this.lost = lost;
    this.#parts = `${count(switches.length, "switch")} and ${count(lds.length, "LD")} hold what is desired`;
    for (const { part, push, changes } of switches.filter((item) => item.push || item.changes.length > 0)) {
      const known = this.#switches.get(part.connection.name) ?? { push: false, changes: [] };
      known.push ||= push;
      known.changes.push(...changes.map(({ type }) => type));
      this.#switches.set(part.connection.name, known);
    }
    for (const { part, final } of lds.filter(({ release, take, settle }) => release || take || settle)) {
      this.#lds.set(part.connection.name, final);
    }
    for (const { cluster, begins } of moves) {
      if (begins !== undefined) {
        this.#moved.push(`cluster ${cluster.name}: ${begins.step}, ${count(begins.buckets, "bucket")}`);
      }
    }
    this.#notYet = moves
      .filter(({ waiting, left }) => left > 0 || (waiting !== undefined && waiting.why !== "lost"))
      .map(
        ({ cluster, waiting }) => `cluster ${cluster.name}: ${waiting?.reasons[0] ?? "buckets still move"}`,
      );
  }

  get isEmpty(): boolean {
    return this.#switches.size === 0 && this.#lds.size === 0;
  }

  /** What is not as desired after all. */
  get left(): string[] {
    return [...this.lost.values(), ...this.#notYet];
  }

  lines(): string[] {
    if (this.isEmpty) {
      return [`Nothing to change: ${this.#parts}.`];
    }
    return [
      ...[...this.#switches].map(([name, { push, changes }]) => {
        const number = (type: string) => changes.filter((item) => item === type).length;
        return (
          `${name}: ${push ? "pipeline pushed, " : ""}` +
          `${count(changes.length, "entry").replace("entrys", "entries")} written ` +
          `(${number("insert")} inserted, ${number("modify")} modified, ${number("delete")} deleted)`
        );
      }),
      ...[...this.#lds].map(([name, { ownedBuckets, epoch, services }]) => {
        const buckets = ownedBuckets.reduce((sum, { first, last }) => sum + last - first + 1, 0);
        return `${name}: configured (epoch ${epoch}, ${count(buckets, "bucket")}, ${count(services.length, "service")})`;
      }),
      ...this.#moved,
    ];
  }
}

interface ApplyOptions extends CommonOptions, PipelineOptions, ChangeOptions {}

/** Tells a progress of what LDs say that they have copied. What they expect is an estimate, and may become less. */
function follow(progress: Progress): (moves: readonly ClusterMove[]) => void {
  const told = { copied: 0, toCopy: 0 };
  const news = (moves: readonly ClusterMove[], key: keyof typeof told) => {
    const now = moves.reduce((total, { waiting }) => total + (waiting?.[key] ?? 0), 0);
    const more = Math.max(0, now - told[key]);
    told[key] += more;
    return more;
  };
  return (moves) => {
    progress.expect(news(moves, "toCopy"));
    progress.advance(news(moves, "copied"));
  };
}

/** Carries all rounds out, and shows how far they are. On a terminal what they come to is shown before, and asked about. */
async function write(io: Io, options: ApplyOptions, parts: Parts, account: Account): Promise<Applied> {
  const pipeline = await loadPipeline(options);
  const isAsked = canAsk(io, options);
  if (isAsked && announce(io, options, await makePlan(parts, pipeline, { atOnce: true }), parts.ids) > 0) {
    await askWhetherTo(io, "apply this");
  }
  const { plan: _, ...applied } = await converge(parts, pipeline, {
    once: !options.wait,
    patienceMs: options.timeout,
    write: (plan, run) => {
      if (account.isEmpty && !isAsked) {
        announce(io, options, plan, parts.ids);
      }
      account.add(plan);
      return withProgress(io, options, WRITING, (progress) => {
        progress.expect(plan.switches.reduce((sum, { changes }) => sum + changes.length, 0));
        return run(progress.advance.bind(progress));
      });
    },
    wait: (run) => withProgress(io, options, COPYING, (progress) => run(follow(progress))),
  });
  return applied;
}

async function applyDirectly(io: Io, options: ApplyOptions): Promise<void> {
  const account = new Account();
  try {
    await withParts(options, options.dryRun !== true, async (parts) => {
      if (options.dryRun === true) {
        showDiff(
          io,
          options,
          await makePlan(parts, await loadPipeline(options), { atOnce: true }),
          parts.ids,
        );
        return;
      }
      const applied = await write(io, options, parts, account);
      const { left } = account;
      print(
        io,
        options,
        { changed: !account.isEmpty, ...applied, left },
        () => `${account.lines().join("\n")}\n`,
      );
      if (left.length > 0) {
        io.stderr.write(`${[...left, "Not everything is as desired yet: apply again."].join("\n")}\n`);
        io.exitCode = EXIT.unsettled;
      }
    });
  } catch (error) {
    throw account.isEmpty && !(error instanceof Declined) ? new NothingChanged(error) : error;
  }
}

function announceChanges(io: Io, changes: ChangeResult["changes"]): void {
  warnOfLeaving(io, leavingIn(changes));
  warnOfEnds(io, changes);
  if (changes.length > 0) {
    io.stdout.write(`${renderChanges(changes, painter(io.stdout))}\n`);
  }
}

/** The controller gets the whole document; what is not in it any more goes. */
async function applyByController(io: Io, options: ApplyOptions): Promise<void> {
  const client = clientOf(options);
  loadState(options.file); // its problems have lines here
  const document = plainDocument(readFileSync(options.file, "utf8"));
  const action = `apply -f ${basename(options.file)}`;
  const propose = () => client.put<ChangeResult>("/v1/state?dry_run=true", document, action);
  // On a terminal what is about to change is shown before it does; then it is that, or nothing.
  const isShown = io.stdout.isTTY === true && options.output === "table" && options.dryRun !== true;
  const shown = isShown ? (await propose()).body : undefined;
  if (shown !== undefined) {
    announceChanges(io, shown.changes);
    if (shown.changes.length > 0 && canAsk(io, options)) {
      await askWhetherTo(io, "apply this");
    }
  }
  const { body } =
    options.dryRun === true
      ? await propose()
      : await client.put<ChangeResult>("/v1/state", document, action, shown?.revision);
  if (shown === undefined) {
    warnOfLeaving(io, leavingIn(body.changes));
    warnOfEnds(io, body.changes);
  }
  const settled =
    options.wait && options.dryRun !== true ? await waitFor(client, body.revision, options) : undefined;
  print(io, options, { ...body, ...(settled && { settled: settled.settled, parts: settled.parts }) }, () =>
    renderResult(body, options, settled, io, isShown),
  );
  if (settled?.settled === false) {
    io.exitCode = EXIT.unsettled;
  }
}

export function addApply(program: Command, io: Io): void {
  const command = program
    .command("apply")
    .description("make all switches and LDs hold what the file says, by the controller where there is one");
  withConsentOptions(withControllerOption(withPipelineOptions(withCommonOptions(command))))
    .option(
      "--no-wait",
      "do not wait until sessions of buckets that move are copied, or with a controller, the parts have it",
    )
    .action((options: ApplyOptions) =>
      options.server === undefined ? applyDirectly(io, options) : applyByController(io, options),
    );
}
