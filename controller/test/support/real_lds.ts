// Real LDs for tests: sluice-ld and its agent, on one Ethernet in a network namespace that ends with them. Needs root, and what
// `npm run build` and scripts/setup have built.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { LdClient } from "../../src/reconcile/index.js";
import { eventually } from "./controller.js";

const root = new URL("../../../", import.meta.url);
const DATAPLANE = fileURLToPath(new URL("stateful-ld/dataplane/builddir/sluice-ld", root));
const AGENT = fileURLToPath(new URL("stateful-ld/agent/dist/main.js", root));

/** Whether this machine can have them. */
export const canHaveLds = process.getuid?.() === 0 && existsSync(DATAPLANE) && existsSync(AGENT);

export interface LdPlace {
  name: string;
  mac: string;
}

/** Sends datagrams from one port of the gateway's address each: arguments are a list of [source port, destination, payload in base64]. */
const SENDER = `
  const { createSocket } = require("node:dgram");
  for (const [from, to, text] of JSON.parse(process.argv[1])) {
    const socket = createSocket("udp4");
    socket.bind(from, () => socket.send(Buffer.from(text, "base64"), 4789, to, () => socket.close()));
  }`;

/** A program that does not outlive the test, however that ends (PR_SET_PDEATHSIG). */
function bound(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], options);
}

/** All LDs' ports on a bridge, which is their gateway. Offload would leave checksums to a NIC that is not there. */
function networkScript(gateway: string, lds: readonly LdPlace[]): string {
  return [
    "ip link set lo up",
    "ip link add br0 type bridge",
    "ip link set br0 mtu 1600 up",
    `ip address add ${gateway} dev br0`,
    ...lds.flatMap(({ name, mac }) => [
      `ip link add ${name} address ${mac} mtu 1600 type veth peer name ${name}-port mtu 1600`,
      `ethtool -K ${name} tx off rx off`,
      `ip link set ${name} up`,
      `ip link set ${name}-port master br0 up`,
    ]),
    "echo ready",
    "exec sleep infinity",
  ].join("\n");
}

export class RealLds {
  readonly #folder: string;
  readonly #network: ChildProcess;
  readonly #programs = new Map<string, ChildProcess>();
  #ends = false;

  private constructor(folder: string, network: ChildProcess) {
    this.#folder = folder;
    this.#network = network;
  }

  /**
   * Starts them, without a configuration; returns when each answers.
   *
   * @param folder - for sockets: the agent of `ld1` listens at `ld1.sock`
   * @param gateway - the address of their next hop, like `10.0.2.1/24`
   */
  static async start(folder: string, gateway: string, lds: readonly LdPlace[]): Promise<RealLds> {
    const script = networkScript(gateway, lds);
    const network = bound("unshare", ["--net", "sh", "-ec", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await Promise.race([once(network.stdout!, "data"), once(network, "exit")]);
    const running = new RealLds(folder, network);
    for (const { name } of lds) {
      running.#startDataplane(name);
      running.#startAgent(name);
    }
    await Promise.all(lds.map(({ name }) => running.#isUp(name)));
    return running;
  }

  #inNetwork(...command: string[]): string[] {
    return [`--net=/proc/${this.#network.pid}/ns/net`, ...command];
  }

  /** As a service manager does: one that ends is started again. */
  #startDataplane(name: string): void {
    const cpus = `0-${availableParallelism() - 1}`;
    const eal = [
      "--lcores",
      `(0-1)@(${cpus})`,
      "--no-pci",
      "--no-shconf",
      "--no-telemetry",
      "--no-huge",
      "-m",
      "64",
    ];
    const port = ["--file-prefix", name, "--vdev", `net_af_packet0,iface=${name}`];
    const own = [
      "--control-socket",
      `${this.#folder}/${name}.dp.sock`,
      "--idle-sleep-us",
      "500",
      "--sessions",
      "1024",
    ];
    const program = bound("nsenter", this.#inNetwork(DATAPLANE, ...eal, ...port, "--", ...own), {
      env: { ...process.env, RUNTIME_DIRECTORY: this.#folder },
      stdio: "ignore",
    });
    this.#programs.set(name, program);
    program.once("exit", () => {
      if (!this.#ends) this.#startDataplane(name);
    });
  }

  #startAgent(name: string): void {
    const state = `${this.#folder}/${name}.state`;
    mkdirSync(state);
    const listen = `unix:${this.#folder}/${name}.sock`;
    const options = ["--listen", listen, "--dataplane", `${this.#folder}/${name}.dp.sock`, "--state", state];
    this.#programs.set(`${name}-agent`, bound(process.execPath, [AGENT, ...options], { stdio: "ignore" }));
  }

  async #isUp(name: string): Promise<void> {
    const address = `unix:${this.#folder}/${name}.sock`;
    let up = false;
    const ld = new LdClient({
      name,
      address,
      onHealth: ({ state }) => {
        up ||= state === "not ready" || state === "ready";
      },
    });
    try {
      await eventually(`LD ${name} is up`, () => up);
    } finally {
      ld.close();
    }
  }

  /** The process of a data plane. */
  dataplaneOf(name: string): ChildProcess {
    return this.#programs.get(name)!;
  }

  /** Sends datagrams from the gateway to port 4789 of LDs. */
  async send(datagrams: readonly { port: number; to: string; payload: Uint8Array }[]): Promise<void> {
    const list = datagrams.map(({ port, to, payload }) => [
      port,
      to,
      Buffer.from(payload).toString("base64"),
    ]);
    const sender = bound("nsenter", this.#inNetwork(process.execPath, "-e", SENDER, JSON.stringify(list)), {
      stdio: "inherit",
    });
    const [code] = await once(sender, "exit");
    if (code !== 0) throw new Error(`the datagrams were not sent (exit status ${code})`);
  }

  async stop(): Promise<void> {
    this.#ends = true;
    const programs = [...this.#programs.values(), this.#network].filter(({ exitCode }) => exitCode === null);
    const ended = programs.map((program) => once(program, "exit"));
    for (const program of programs) program.kill("SIGKILL");
    await Promise.all(ended);
  }
}
