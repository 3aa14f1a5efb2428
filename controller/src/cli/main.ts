#!/usr/bin/env node
// sluice: the gateway's command line. Exit codes: exit.ts.
import { Command, CommanderError } from "commander";
import { addApply } from "./commands/apply.js";
import { addDiff } from "./commands/diff.js";
import { addGet } from "./commands/get.js";
import { addTable } from "./commands/table.js";
import { EXIT, explain } from "./exit.js";
import { painter } from "./output.js";

const program = new Command("sluice")
  .description("Keeps every switch and LD of a gateway as declared in one file.")
  .showHelpAfterError("(sluice --help shows the commands)")
  .exitOverride()
  .addHelpText(
    "after",
    `
Exit codes:
  ${EXIT.ok}   done; diff: no difference
  ${EXIT.differs}   diff: something differs
  ${EXIT.invalid}   the file is wrong; nothing was changed
  ${EXIT.unreachable}   a switch or LD cannot be reached; nothing was changed
  ${EXIT.failed}   a switch or LD refused, or was lost, in the middle; apply again
  ${EXIT.usage}  wrong option or argument`,
  );
addApply(program);
addDiff(program);
addGet(program);
addTable(program);

/** Subcommands inherit what their parent was when they were added, but not this. */
function overrideExits(command: Command): void {
  command.exitOverride();
  command.commands.forEach(overrideExits);
}
overrideExits(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else {
    const { code, text } = explain(error);
    process.stderr.write(`${painter(process.stderr)("red", "error:")} ${text}\n`);
    process.exitCode = code;
  }
}
