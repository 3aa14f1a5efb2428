// Where a region's store is, as `--store` says it: a directory, or etcd.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Etcd3, type Namespace } from "etcd3";
import { StoreError } from "./types.js";

const LOOPBACK = /^(127\.[\d.]+|\[::1\]|localhost)(:\d+)?$/;
const ETCD = /^etcds?:/;
/** Each call; a controller that waits longer than its lease for etcd leads no more. */
const CALL_TIMEOUT_MS = 5_000;

export interface EtcdPlace {
  /** As it was given. */
  place: string;
  pki: string | undefined;
  client: Etcd3;
  /** The region's part of the keys. */
  keys: Namespace;
}

export const isEtcd = (place: string): boolean => ETCD.test(place);

/**
 * Opens `etcd:HOST:PORT[,HOST:PORT…]/PREFIX`; `etcds:` with TLS. Nothing is asked of etcd yet.
 *
 * @param pki - directory with ca.pem, client.pem and client.key, for TLS
 * @throws StoreError when the place is not of that form, or the certificates cannot be read
 */
export function openEtcd(place: string, pki: string | undefined): EtcdPlace {
  const [, scheme, hosts, prefix] = /^(etcds?):([^/]+)\/(.*[^/])\/?$/.exec(place) ?? [];
  if (scheme === undefined || hosts === undefined || prefix === undefined) {
    throw new StoreError(
      `store ${place}: it says no servers and prefix (write it like etcd:192.0.2.1:2379,192.0.2.2:2379/sluice/region)`,
    );
  }
  const secure = scheme === "etcds";
  const remote = hosts.split(",").find((host) => !LOOPBACK.test(host));
  if (!secure && remote !== undefined) {
    throw new StoreError(
      `store ${place}: the region's secrets would go to ${remote} in the clear (use etcds: and --etcd-pki)`,
    );
  }
  if (secure && pki === undefined) {
    throw new StoreError(`store ${place}: etcds: needs certificates (give their directory by --etcd-pki)`);
  }
  const client = new Etcd3({
    hosts: hosts.split(",").map((host) => `${secure ? "https" : "http"}://${host}`),
    ...(secure && { credentials: credentialsIn(pki!) }),
    grpcOptions: { "grpc.max_receive_message_length": -1 },
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + CALL_TIMEOUT_MS }),
  });
  return { place, pki, client, keys: client.namespace(`${prefix}/`) };
}

function credentialsIn(directory: string) {
  const read = (name: string) => readFileSync(join(directory, name));
  try {
    return {
      rootCertificate: read("ca.pem"),
      certChain: read("client.pem"),
      privateKey: read("client.key"),
    };
  } catch (error) {
    throw new StoreError(
      `--etcd-pki ${directory}: ${(error as Error).message} (it needs ca.pem, client.pem and client.key)`,
    );
  }
}
