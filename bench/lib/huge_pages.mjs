// 2 MB pages for DPDK: more of them while a bench runs, as many as before afterwards.
import { readFileSync, writeFileSync } from "node:fs";

const POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB";

const read = (name, folder) => Number(readFileSync(`${folder}/${name}`, "utf8"));

/**
 * Run `body` with at least `pages` free 2 MB pages, if the machine can have them.
 *
 * @param body called with true, or with false when there are too few pages
 * @param folder the kernel's; another one in tests
 */
export async function withHugePages(pages, body, folder = POOL) {
  const [total, free] = [read("nr_hugepages", folder), read("free_hugepages", folder)];
  const wanted = total + Math.max(0, pages - free);
  const giveBack = () => writeFileSync(`${folder}/nr_hugepages`, `${total}`);
  const onSignal = (signal) => {
    giveBack();
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  };
  if (wanted === total) return await body(true);
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    writeFileSync(`${folder}/nr_hugepages`, `${wanted}`);
  } catch {
    return await body(false); // not root
  }
  try {
    return await body(read("free_hugepages", folder) >= pages);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    giveBack();
  }
}
