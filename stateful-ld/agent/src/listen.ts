// A Unix socket's file outlives a process that was killed. It is replaced, unless somebody listens on it.
import { lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/**
 * Removes a stale socket file so that a server can listen there.
 *
 * @param address - `unix:/path`; anything else is left alone
 * @throws Error when another process listens there, or the path is something other than a socket
 */
export async function removeStaleSocket(address: string): Promise<void> {
  if (!address.startsWith("unix:")) {
    return;
  }
  const path = address.slice("unix:".length).replace(/^\/\//, "");
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    return;
  }
  if (!stats.isSocket()) {
    throw new Error(`${path} exists and is not a socket (remove it, or give another --listen)`);
  }
  if (await isAnswered(path)) {
    throw new Error(`another process listens on ${path} (stop it, or give another --listen)`);
  }
  unlinkSync(path);
}
