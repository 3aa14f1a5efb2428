// Real switches for tests: the soft switch in this process, and simple_switch_grpc where it is installed.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SoftSwitch, serve } from "@sluice/softswitch";

export interface RunningTarget {
  /** The switch in this process; undefined for another program. */
  soft: SoftSwitch | undefined;
  stop(): Promise<void>;
}

export interface Target {
  name: string;
  /** Starts an empty switch with device id 1 that serves P4Runtime at `address`. */
  start(address: string): Promise<RunningTarget>;
}

const BMV2 = "simple_switch_grpc";

const softTarget: Target = {
  name: "soft switch",
  async start(address) {
    const soft = new SoftSwitch({ deviceId: 1 });
    const server = await serve(soft, { grpcAddr: address });
    return { soft, stop: () => server.close() };
  },
};

let help: string | undefined;

/** Its Thrift server and its notifications are not used, but another one may have their default addresses. A build without them refuses the options. */
function unusedServers(notifications: string): string[] {
  help ??= spawnSync(BMV2, ["--help"], { encoding: "utf8" }).stdout;
  const options = [
    ["--thrift-port", "0"],
    ["--notifications-addr", notifications],
  ];
  return options.filter(([name]) => help!.includes(name!)).flat();
}

const bmv2Target: Target = {
  name: BMV2,
  async start(address) {
    const notifications = `ipc://${address.slice("unix:".length)}.notifications`;
    const child = spawn(
      BMV2,
      ["--no-p4", "--device-id", "1", ...unusedServers(notifications), "--", "--grpc-server-addr", address],
      {
        stdio: "ignore",
      },
    );
    return {
      soft: undefined,
      async stop() {
        if (child.exitCode === null && child.signalCode === null) {
          const exited = once(child, "exit");
          child.kill("SIGKILL");
          await exited;
        }
      },
    };
  },
};

const hasBmv2 = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, BMV2)));

export const targets: Target[] = hasBmv2 ? [softTarget, bmv2Target] : [softTarget];
