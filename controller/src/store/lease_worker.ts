// The thread that keeps a lease of etcd alive (lease.ts). It knows nothing but that lease.
import { parentPort, workerData } from "node:worker_threads";
import type { FromLease, LeaseSettings } from "./lease.js";
import { openEtcd } from "./place.js";

const { place, pki, leaseS } = workerData as LeaseSettings;
const port = parentPort!;
const { client, keys } = openEtcd(place, pki);
const lease = keys.lease(leaseS);

function tell(message: FromLease): void {
  port.postMessage(message);
}

function end(reason: string): void {
  clearTimeout(timer);
  lease.release();
  client.close();
  tell({ over: reason });
  port.close();
}

const silent = () => end(`etcd has not answered for ${leaseS} s`);
let timer = setTimeout(silent, leaseS * 1_000);
lease.on("keepaliveSucceeded", () => {
  clearTimeout(timer);
  timer = setTimeout(silent, leaseS * 1_000);
});
lease.on("lost", (error) => end(`its lease is over: ${error.message}`));
lease.grant().then(
  (id) => tell({ id }),
  () => {}, // "lost" tells
);
port.on("message", (reason: string) => {
  // etcd ends the lease by itself where it cannot be reached.
  void lease.revoke().then(
    () => end(reason),
    () => end(reason),
  );
});
