import type { TableName } from "./gateway.js";

/** Tables whose entries send packets to an LD: written when the LD is ready for them. */
export const STEERING_TABLES: ReadonlySet<string> = new Set<TableName>(["service", "vip", "ld_of_bucket"]);
