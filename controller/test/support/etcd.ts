// A real etcd of one member on the loopback interface, for tests.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

/** Two that nobody has at the moment. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.push((server.address() as { port: number }).port);
  }
  for (const server of servers) {
    server.close();
    await once(server, "close");
  }
  return ports as [number, number];
}

/** Paths. */
export interface EtcdTls {
  ca: string;
  cert: string;
  key: string;
}

export class TestEtcd {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  readonly #args: string[];
  #process: ChildProcess | undefined;

  private constructor(
    folder: string,
    client: number,
    peer: number,
    tls: EtcdTls | undefined,
    more: readonly string[],
  ) {
    this.address = `127.0.0.1:${client}`;
    const clients = `${tls === undefined ? "http" : "https"}://${this.address}`;
    const peers = `http://127.0.0.1:${peer}`;
    this.#args = [
      ...["--data-dir", `${folder}/etcd`, "--name", "test", "--initial-cluster", `test=${peers}`],
      ...["--listen-client-urls", clients, "--advertise-client-urls", clients],
      ...(tls === undefined
        ? []
        : [
            "--cert-file",
            tls.cert,
            "--key-file",
            tls.key,
            "--trusted-ca-file",
            tls.ca,
            "--client-cert-auth",
          ]),
      ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers],
      ...more,
    ];
  }

  /**
   * @param folder - where it keeps its data, over restarts
   * @param tls - it takes clients with certificates of that authority, and nobody else
   * @param more - options of etcd's command line
   */
  static async start(folder: string, tls?: EtcdTls, more: readonly string[] = []): Promise<TestEtcd> {
    const etcd = new TestEtcd(folder, ...(await freePorts()), tls, more);
    await etcd.start();
    return etcd;
  }

  async start(): Promise<void> {
    const child = spawn("etcd", this.#args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    let log = "";
    for await (const line of createInterface(child.stderr)) {
      log += `${line}\n`;
      if (line.includes("ready to serve client requests")) {
        child.stderr.resume(); // a pipe that is full would stop it
        return;
      }
    }
    throw new Error(`etcd ended:\n${log}`);
  }

  /** As a crash would. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process !== undefined && process.exitCode === null) {
      process.kill("SIGKILL");
      await once(process, "exit");
    }
  }
}
