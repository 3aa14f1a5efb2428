// Mutual TLS between the parts: where the files of a party are, and the gRPC credentials that they make. `sluice pki` writes them.
//
//   server  ca.pem, server.pem, server.key                  it believes clients that ca.pem vouches for
//   client  parts-ca.pem, parts-client.pem, parts-client.key   the controller towards switches and LDs
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ChannelCredentials, ServerCredentials } from "@grpc/grpc-js";

function read(directory: string, name: string): Buffer {
  try {
    return readFileSync(join(directory, name));
  } catch (error) {
    throw new Error(
      `${directory}: ${name} cannot be read: ${(error as Error).message} (sluice pki writes it)`,
    );
  }
}

/**
 * What a part's server shows and asks for.
 *
 * @param directory - undefined: no encryption, for Unix sockets and labs
 * @throws Error that names the file that is missing
 */
export function serverCredentials(directory: string | undefined): ServerCredentials {
  return directory === undefined
    ? ServerCredentials.createInsecure()
    : ServerCredentials.createSsl(
        read(directory, "ca.pem"),
        [{ cert_chain: read(directory, "server.pem"), private_key: read(directory, "server.key") }],
        true,
      );
}

/** What the controller shows a part. A Unix socket needs none: its permissions say who may. @throws Error as above */
export function partCredentials(directory: string | undefined, address: string): ChannelCredentials {
  return directory === undefined || address.startsWith("unix:")
    ? ChannelCredentials.createInsecure()
    : ChannelCredentials.createSsl(
        read(directory, "parts-ca.pem"),
        read(directory, "parts-client.key"),
        read(directory, "parts-client.pem"),
      );
}
