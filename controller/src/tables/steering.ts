import type { TableName } from "./gateway.js";

/**
 * Tables whose entries send packets to an LD or a VM: written when the rest of the way is there, the LD included. So an EIP
 * that moves has its new owner's eip_out before the one write of eip_in that moves it.
 */
export const STEERING_TABLES: ReadonlySet<string> = new Set<TableName>([
  "service",
  "service_v6",
  "vip",
  "vip_v6",
  "ld_of_bucket",
  "eip_in",
  "eip_in_v6",
]);

/** Tables of what has nothing to do with LDs: EIPs of VMs, and access lists. An entry of theirs may go whatever LDs still hold. */
export const APART_TABLES: ReadonlySet<string> = new Set<TableName>([
  "acl",
  "acl_v6",
  "eip_in",
  "eip_in_v6",
  "eip_out",
  "eip_out_v6",
  "eip_limit",
  "vm",
  "vm_v6",
]);
