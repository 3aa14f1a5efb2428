// Addresses that servers listen on: "unix:/abs/path" and "host:port".
import { existsSync, lstatSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { dirname, isAbsolute } from "node:path";
import { type Server, ServerCredentials } from "@grpc/grpc-js";

const UNIX = "unix:";
/** sizeof(sun_path) - 1 on Linux; longer names would be cut off without an error */
const UNIX_PATH_BYTES = 107;

/**
 * Makes a gRPC server listen.
 *
 * A socket file that a dead process left behind is replaced.
 *
 * @param credentials - default: no encryption
 * @returns the address, with the port that was bound when port 0 was asked for
 * @throws Error that names the address, the reason and the remedy
 */
export async function listen(
  server: Server,
  address: string,
  credentials = ServerCredentials.createInsecure(),
): Promise<string> {
  if (address.startsWith(UNIX)) {
    await makeRoom(address, address.slice(UNIX.length));
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(new Error(`cannot listen on ${address}: ${error.message}`)),
    );
  });
  return address.startsWith(UNIX) ? address : address.replace(/:\d+$/, `:${port}`);
}

/** Removes what {@link listen} made. */
export function removeSocket(address: string): void {
  if (address.startsWith(UNIX)) rmSync(address.slice(UNIX.length), { force: true });
}

async function makeRoom(address: string, path: string): Promise<void> {
  if (!isAbsolute(path)) {
    throw new Error(`cannot listen on ${address}: the path must be absolute (${UNIX}/run/…)`);
  }
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES) {
    throw new Error(
      `cannot listen on ${address}: the path is longer than ${UNIX_PATH_BYTES} bytes (choose a shorter one)`,
    );
  }
  if (!existsSync(dirname(path))) {
    throw new Error(`cannot listen on ${address}: the folder ${dirname(path)} does not exist (create it)`);
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new Error(`cannot listen on ${address}: there is a file that is no socket (remove it)`);
  }
  if (await answers(path)) {
    throw new Error(
      `cannot listen on ${address}: another process listens there (end it, or choose another path)`,
    );
  }
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      else reject(new Error(`cannot listen on ${UNIX}${path}: ${error.message}`));
    });
  });
}
