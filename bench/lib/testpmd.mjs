// dpdk-testpmd, the program everybody measures DPDK with: what port and framework cost without any work on the packets.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const READY_TIMEOUT_MS = 30_000;

/** Nanoseconds of CPU that the forwarding threads have had together (proc(5), schedstat). */
function workersCpuNs(pid, cores) {
  const tasks = `/proc/${pid}/task`;
  const threads = readdirSync(tasks).filter((id) =>
    /^(rte|lcore)-worker/.test(readFileSync(`${tasks}/${id}/comm`, "utf8")),
  );
  if (threads.length !== cores)
    throw new Error(`dpdk-testpmd has ${threads.length} worker threads, not ${cores}`);
  const cpuNs = (thread) => Number(readFileSync(`${tasks}/${thread}/schedstat`, "utf8").split(" ")[0]);
  return threads.reduce((sum, thread) => sum + cpuNs(thread), 0);
}

/**
 * Swap MAC addresses between two net_null ports on each of some cores.
 *
 * @param eal EAL options besides the ports, with a worker lcore for each of the cores
 * @returns a sample for each run: `{ packets, wallSeconds, cpuSeconds }`, of all cores together
 */
export async function macswap({ eal, cores = 1, frameBytes, runs, runMs }) {
  const ports = Array.from({ length: 2 * cores }, (_, port) => `--vdev=net_null${port},size=${frameBytes}`);
  const options = ["-i", "--forward-mode=macswap", `--nb-cores=${cores}`, "--total-num-mbufs=16384"];
  // Into a pipe it would print its counters when its buffer is full.
  const child = spawn("stdbuf", ["-oL", "dpdk-testpmd", ...eal, ...ports, "--", ...options]);
  const ended = once(child, "exit");
  let output = "";
  const take = (text) => {
    output += text;
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  child.stdin.on("error", () => {}); // it has ended: its exit says so
  const until = async (pattern) => {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!pattern.test(output)) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`dpdk-testpmd:\n${output}`);
      await sleep(20);
    }
  };
  const samples = [];
  try {
    await until(/testpmd> /);
    for (let run = 0; run <= runs; run++) {
      output = "";
      const from = { cpu: workersCpuNs(child.pid, cores), wall: process.hrtime.bigint() };
      child.stdin.write("start\n");
      await sleep(runMs);
      child.stdin.write("stop\n");
      await until(/Accumulated forward statistics[\s\S]*?TX-total[\s\S]*?Done\./);
      const wallSeconds = Number(process.hrtime.bigint() - from.wall) / 1e9;
      const cpuSeconds = (workersCpuNs(child.pid, cores) - from.cpu) / 1e9;
      const packets = Number(/Accumulated[\s\S]*?TX-packets: (\d+)/.exec(output)[1]);
      if (run > 0) samples.push({ packets, wallSeconds, cpuSeconds }); // the first one warms up
    }
    child.stdin.end("quit\n");
    await ended;
  } finally {
    if (child.exitCode === null) child.kill("SIGKILL");
  }
  return samples;
}
