#!/usr/bin/env node
// sluice-softswitch: a P4 switch as a process.
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { Command, InvalidArgumentError, Option } from "commander";
import { destination, pino } from "pino";
import { runSwitch, type SwitchPort } from "./run.js";
import { DEFAULT_DROP_PORT } from "./switch.js";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];
/** Linux: IFNAMSIZ - 1 */
const INTERFACE_NAME = /^[^\s/@:]{1,15}$/;
/** v1model's ports have 9 bits: a greater number would be taken for another port. */
const MAX_PORT = 511;

function integer(low: bigint, high: bigint): (text: string) => bigint {
  return (text) => {
    if (!/^\d{1,20}$/.test(text) || BigInt(text) < low || BigInt(text) > high) {
      throw new InvalidArgumentError(`It must be a number from ${low} to ${high}.`);
    }
    return BigInt(text);
  };
}

const parsePort = (text: string): number => Number(integer(0n, BigInt(MAX_PORT))(text));

function addInterface(text: string, ports: SwitchPort[]): SwitchPort[] {
  const [number, name, ...rest] = text.split("@");
  if (number === undefined || name === undefined || rest.length > 0 || !INTERFACE_NAME.test(name)) {
    throw new InvalidArgumentError("It must be PORT@INTERFACE, for example 1@eth1.");
  }
  const port = { number: parsePort(number), interface: name };
  for (const other of ports) {
    if (other.number === port.number) throw new InvalidArgumentError(`Port ${port.number} is given twice.`);
    if (other.interface === name) throw new InvalidArgumentError(`Interface ${name} is given twice.`);
  }
  return [...ports, port];
}

function logLevel(text: string): string {
  if (!LOG_LEVELS.includes(text))
    throw new InvalidArgumentError(`It must be one of ${LOG_LEVELS.join(", ")}.`);
  return text;
}

interface Options {
  deviceId: bigint;
  grpcAddr: string;
  dpGrpcAddr?: string;
  interface: SwitchPort[];
  cpuPort?: number;
  dropPort?: number;
  pki?: string;
  logLevel: string;
}

const command = new Command("sluice-softswitch")
  .description(
    "A P4 switch: gets its pipeline over P4Runtime (BMv2 JSON and P4Info), forwards on network interfaces",
  )
  .addOption(
    new Option("--device-id <id>", "P4Runtime device id")
      .argParser(integer(1n, 0xffff_ffff_ffff_ffffn))
      .default(1n, "1"),
  )
  .requiredOption("--grpc-addr <address>", "where P4Runtime listens: unix:/path or host:port")
  .option(
    "--dp-grpc-addr <address>",
    "where BMv2's packet-I/O service listens, for ports that are no interfaces",
  )
  .option("-i, --interface <port@name>", "a port and its interface; once for each port", addInterface, [])
  .option("--pki <directory>", "P4Runtime over TLS: ca.pem, server.pem and server.key")
  .option("--cpu-port <port>", "frames sent to this port become packet-in messages", parsePort)
  .option("--drop-port <port>", "the egress port that means drop (default: 511)", parsePort)
  .addHelpText(
    "after",
    "\nSIGUSR2: log each port's counters, and what was lost elsewhere than in the P4 program. SIGTERM, SIGINT: end.",
  )
  .option("--log-level <level>", `one of ${LOG_LEVELS.join(", ")}`, logLevel, "info");

/** @throws Error for a port that frames would never leave by */
function checkPorts({ interface: ports, cpuPort, dropPort = DEFAULT_DROP_PORT }: Options): void {
  const ends = new Map([[dropPort, "is dropped (--drop-port)"]]);
  const check = (number: number) => {
    const end = ends.get(number);
    if (end !== undefined)
      throw new Error(`port ${number}: what is sent to it ${end}; choose another number`);
  };
  if (cpuPort !== undefined) {
    check(cpuPort);
    ends.set(cpuPort, "goes to the controller (--cpu-port)");
  }
  for (const { number } of ports) check(number);
}

async function main(): Promise<void> {
  const options = command.parse().opts<Options>();
  checkPorts(options);
  const log = pino({ level: options.logLevel, base: null }, destination({ dest: 2, sync: true }));
  setLogVerbosity(logVerbosity.NONE); // what it would print is in the errors that it raises
  const running = await runSwitch({ ...options, ports: options.interface, log });
  const stop = (signal: string) => {
    log.info({ signal }, "ending");
    void running.close().then(() => process.exit(0), fail);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.on("SIGUSR2", () => void running.logCounters());
  const error = await running.failed;
  if (error !== undefined) throw error;
}

function fail(error: unknown): void {
  process.stderr.write(`sluice-softswitch: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}

main().catch(fail);
