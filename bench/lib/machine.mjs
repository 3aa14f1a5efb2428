// What the numbers were measured on.
import { cpus, loadavg, release } from "node:os";

/** One line: processor, kernel, load. */
export function machineLine() {
  const [{ model }] = cpus();
  const load = loadavg()[0].toFixed(2);
  return `${cpus().length} x ${model.trim()}, Linux ${release()}, Node.js ${process.version}, load ${load}`;
}
