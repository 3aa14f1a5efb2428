import type { Command } from "commander";
import { documentSchema } from "../../state/index.js";
import type { Io } from "../context.js";
import { toJson } from "../output.js";

export function addSchema(program: Command, io: Io): void {
  program
    .command("schema")
    .description("print the JSON Schema of sluice.yaml, for editors")
    .action(() => {
      io.stdout.write(`${toJson(documentSchema())}\n`);
    });
}
