// Frames that the switch itself has lost, not its program: no table's counter has them, so the log has to tell.
import type { SwitchCounters } from "./io/protocol.js";

const OF_PORT = ["rxTooLong", "rxMerged", "rxOverrun", "txDropped"] as const;
/** What is for nobody, as before there is a pipeline or a controller, is counted and no loss. */
const OF_SWITCH = ["failed", "circled", "noHeader", "untold"] as const;

/** Looks at counters from time to time. */
export class Losses {
  #before = new Map<string, number>();

  /** What was lost since the last look, by "interface counter" or "counter"; undefined for nothing. */
  since(counters: Partial<SwitchCounters>): Record<string, number> | undefined {
    const now = new Map<string, number>();
    for (const port of counters.ports ?? []) {
      for (const name of OF_PORT) now.set(`${port.interface} ${name}`, port[name]);
    }
    for (const name of OF_SWITCH) now.set(name, counters[name] ?? 0);
    const more = [...now].map(([name, count]) => [name, count - (this.#before.get(name) ?? 0)] as const);
    this.#before = now;
    const found = more.filter(([, count]) => count > 0);
    return found.length === 0 ? undefined : Object.fromEntries(found);
  }
}
