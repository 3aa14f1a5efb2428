import { partCredentials } from "@sluice/proto/tls";
import type { Command } from "commander";
import {
  describeAction,
  describeKey,
  type Entry,
  nearest,
  renderSchema,
  Switch,
  schemaData,
} from "../../p4runtime/index.js";
import { loadState } from "../../state/index.js";
import { type CommonOptions, type Io, print, withCommonOptions } from "../context.js";
import { UsageError } from "../exit.js";
import { wholeNumber } from "../numbers.js";
import { renderTable } from "../output.js";

interface SwitchOption extends CommonOptions {
  switch?: string;
  target?: string;
  deviceId: number;
}

/** Adds the options that say which switch: one of the file, or any P4Runtime server. */
function withSwitchOptions(command: Command): Command {
  return withCommonOptions(command)
    .option("--switch <name>", "which switch of the file; needed when there are several")
    .option("--target <address>", "a P4Runtime server, without a file: unix:/path or host:port")
    .option("--device-id <id>", "of the target", wholeNumber, 1);
}

function specOf(options: SwitchOption): { name: string; p4runtime: string; device_id: number } {
  const { target, deviceId } = options;
  if (target !== undefined) {
    return { name: target, p4runtime: target, device_id: deviceId };
  }
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
  return spec;
}

/** Opens the switch that is named, or the only one. */
async function withSwitch(
  options: SwitchOption,
  work: (connection: Switch) => Promise<void>,
  write = false,
): Promise<void> {
  const { name, p4runtime, device_id } = specOf(options);
  const connection = await Switch.connect({
    name,
    address: p4runtime,
    deviceId: BigInt(device_id),
    write,
    timeoutMs: options.timeout,
    credentials: partCredentials(options.pki, p4runtime),
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

/** `["vrf_id=0", "prefix=10.0.0.0/8"]` -> values by name. */
function valuesOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at < 1) {
        throw new UsageError(`"${word}" is not a field with its value (write it like prefix=10.0.0.0/8)`);
      }
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

interface EntryOptions extends SwitchOption {
  action?: string;
  param: string[];
  priority?: number;
  member?: number;
  group?: number;
}

function entryOf(table: string, fields: readonly string[], options: EntryOptions): Entry {
  const { action, param, priority, member, group } = options;
  return {
    table,
    match: valuesOf(fields),
    ...(action !== undefined && { action, params: valuesOf(param) }),
    ...(priority !== undefined && { priority }),
    ...(member !== undefined && { member }),
    ...(group !== undefined && { group }),
  };
}

const WRITES = [
  ["add", "insert", "add an entry"],
  ["modify", "modify", "change what an entry does"],
  ["delete", "delete", "remove an entry"],
] as const;

/** Raw programming, for any P4 program: names, values and widths are those of the switch's own P4Info. */
function addWrites(table: Command, io: Io): void {
  const collect = (value: string, all: string[]) => [...all, value];
  for (const [verb, type, description] of WRITES) {
    withSwitchOptions(table.command(`${verb} <table> [fields...]`))
      .description(`${description} by hand, as the switch's primary controller; fields are NAME=VALUE`)
      .option("--action <name>", "what the entry does")
      .option("--param <name=value>", "a parameter of the action; may be repeated", collect, [])
      .option("--priority <number>", "for ternary, range and optional fields: the highest wins", wholeNumber)
      .option("--member <id>", "of the table's action profile, instead of an action", wholeNumber)
      .option("--group <id>", "of the table's action profile, instead of an action", wholeNumber)
      .action(async (name: string, fields: string[], options: EntryOptions) => {
        const entry = entryOf(name, fields, options);
        await withSwitch(
          options,
          async (connection) => {
            await connection.write([{ type, entry }]);
            print(io, options, { type, entry }, () =>
              `${type} ${describeKey(entry)} ${describeAction(entry)}`.trimEnd().concat("\n"),
            );
          },
          true,
        );
      });
  }
}

function addCounters(table: Command, io: Io): void {
  const numbers = (text: string, all: number[] = []) => [...all, wholeNumber(text)];
  withSwitchOptions(table.command("counters <counter>").argument("[indices...]", "which cells", numbers))
    .description("cells of a counter that is not bound to a table; without indices those that are not 0")
    .action(async (name: string, indices: number[] | undefined, options: SwitchOption) => {
      await withSwitch(options, async (connection) => {
        const cells = await connection.readCounter(name, indices);
        const shown = [...cells].filter(([, { packets }]) => indices !== undefined || packets > 0n);
        print(
          io,
          options,
          shown.map(([index, counts]) => ({ index, ...counts })),
          (rows) =>
            renderTable(
              ["INDEX", "PACKETS", "BYTES"],
              rows.map(({ index, packets, bytes }) => [index, packets, bytes]),
              "nothing was counted",
            ),
        );
      });
    });
}

export function addTable(program: Command, io: Io): void {
  const table = program.command("table").description("what a switch's P4 tables hold, whatever its program");
  addWrites(table, io);
  addCounters(table, io);
  withSwitchOptions(table.command("dump [table]"))
    .description("show the entries of a table, or of all, with their counters")
    .action(async (name: string | undefined, options: SwitchOption) => {
      await withSwitch(options, async (connection) => {
        const entries: Entry[] = [];
        for await (const entry of connection.read(name, { counters: true })) {
          entries.push(entry);
        }
        print(io, options, entries, render);
      });
    });
  withSwitchOptions(table.command("schema"))
    .description("show the program that a switch runs: tables, keys, actions")
    .action(async (options: SwitchOption) => {
      await withSwitch(options, async (connection) => {
        const schema = await connection.schema();
        print(io, options, schemaData(schema), () => renderSchema(schema));
      });
    });
}
