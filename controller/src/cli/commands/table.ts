import type { Command } from "commander";
import {
  describeAction,
  describeKey,
  type Entry,
  nearest,
  renderSchema,
  Switch,
} from "../../p4runtime/index.js";
import { loadState } from "../../state/index.js";
import { type CommonOptions, type Io, print, withCommonOptions } from "../context.js";
import { UsageError } from "../exit.js";
import { renderTable } from "../output.js";

interface SwitchOption extends CommonOptions {
  switch?: string;
}

/** Opens the switch that is named, or the only one. */
async function withSwitch(options: SwitchOption, work: (connection: Switch) => Promise<void>): Promise<void> {
  const { switches } = loadState(options.file);
  const names = switches.map(({ name }) => name);
  const spec =
    options.switch === undefined && switches.length === 1
      ? switches[0]
      : switches.find(({ name }) => name === options.switch);
  if (spec === undefined) {
    throw new UsageError(
      options.switch === undefined
        ? `give --switch NAME (one of ${names.join(", ")})`
        : `switch "${options.switch}" is not in ${options.file} (${nearest(options.switch, names)})`,
    );
  }
  const connection = await Switch.connect({
    name: spec.name,
    address: spec.p4runtime,
    deviceId: BigInt(spec.device_id),
    write: false,
    timeoutMs: options.timeout,
  });
  try {
    await work(connection);
  } finally {
    connection.close();
  }
}

function render(entries: Entry[]): string {
  const rows = entries.map((entry) => [
    describeKey(entry),
    describeAction(entry),
    entry.counter?.packets,
    entry.counter?.bytes,
  ]);
  return renderTable(["ENTRY", "ACTION", "PACKETS", "BYTES"], rows, "no entries");
}

export function addTable(program: Command, io: Io): void {
  const table = program.command("table").description("what a switch's P4 tables hold");
  withCommonOptions(table.command("dump [table]"))
    .description("show the entries of a table, or of all, with their counters")
    .option("--switch <name>", "which switch; needed when there are several")
    .action(async (name: string | undefined, options: SwitchOption) => {
      await withSwitch(options, async (connection) => {
        const entries: Entry[] = [];
        for await (const entry of connection.read(name, { counters: true })) {
          entries.push(entry);
        }
        print(io, options, entries, render);
      });
    });
  withCommonOptions(table.command("schema"))
    .description("show the program that a switch runs: tables, keys, actions")
    .option("--switch <name>", "which switch; needed when there are several")
    .action(async (options: SwitchOption) => {
      await withSwitch(options, async (connection) => {
        io.stdout.write(renderSchema(await connection.schema()));
      });
    });
}
