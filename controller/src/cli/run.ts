// The command line as a function: arguments and streams in, exit code out.
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { addApply } from "./commands/apply.js";
import { addCapture } from "./commands/capture.js";
import { addCompletion } from "./commands/completion.js";
import { addDiff } from "./commands/diff.js";
import { addDoctor } from "./commands/doctor.js";
import { addDrain } from "./commands/drain.js";
import { addGet } from "./commands/get.js";
import { addLd } from "./commands/ld.js";
import { addMigrate } from "./commands/migrate.js";
import { addPki } from "./commands/pki.js";
import { addProducts } from "./commands/products.js";
import { addSchema } from "./commands/schema.js";
import { addServe } from "./commands/serve.js";
import { addTable } from "./commands/table.js";
import { addTrace } from "./commands/trace.js";
import type { Io } from "./context.js";
import { addExamples } from "./examples.js";
import { EXIT, explain } from "./exit.js";
import { painter } from "./output.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

const EXIT_CODES = `
Exit codes:
  ${EXIT.ok}   done; diff: no difference
  ${EXIT.differs}   diff: something differs; doctor: something is wrong; trace: the packet is dropped
  ${EXIT.invalid}   the file is wrong; nothing was changed
  ${EXIT.unreachable}   a switch cannot be reached, or the controller; nothing was changed
  ${EXIT.failed}   a switch or LD refused, or was lost, in the middle; apply again
  ${EXIT.unsettled}   done as far as it can be now: an LD cannot be reached, or has not all of it yet
  ${EXIT.conflict}   somebody else changed the desired state in between; nothing was changed
  ${EXIT.denied}   your role does not allow it; nothing was changed
  ${EXIT.declined}   you were asked, and said no; nothing was changed
  ${EXIT.usage}  wrong option or argument`;

/** The whole command line, before it is given anything. */
export function makeProgram(io: Io): Command {
  const program = new Command("sluice")
    .description("Keeps every switch and LD of a gateway as declared in one file.")
    .version(version)
    .showHelpAfterError("(sluice --help shows the commands)")
    .addHelpText("after", EXIT_CODES);
  addApply(program, io);
  addDiff(program, io);
  addGet(program, io);
  addCapture(program, io);
  addTable(program, io);
  addTrace(program, io);
  addDoctor(program, io);
  addSchema(program, io);
  addServe(program, io);
  addProducts(program, io);
  addLd(program, io);
  addDrain(program, io);
  addMigrate(program, io);
  addPki(program, io);
  addCompletion(program, io);
  const adopt = (command: Command, words: string) => {
    addExamples(command, words);
    command.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    });
    for (const child of command.commands) {
      adopt(child, `${words} ${child.name()}`.trimStart());
    }
  };
  adopt(program, "");
  return program;
}

/**
 * Runs one command.
 *
 * @param argv - without the interpreter and the script
 * @returns the exit code (exit.ts)
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    await makeProgram(io).parseAsync(argv, { from: "user" });
    return Number(io.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    const { code, text } = explain(error);
    const label = code === EXIT.declined ? "" : `${painter(io.stderr)("red", "error:")} `;
    io.stderr.write(`${label}${text}\n`);
    return code;
  }
}
