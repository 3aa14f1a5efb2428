// A P4Runtime client by names, usable without the rest of Sluice. Layers, each using only those before it:
//
//   value_types, literal_types  what a value is of, for the compiler;  typed_values  makes such values
//   addresses  text of IP and MAC addresses <-> bytes
//   values     what people write for a field <-> canonical byte strings
//   schema     P4Info by name, alias and id; schema_types  its named types;  schema_text prints it
//   entries    table entries by name <-> messages;  items: action profiles too;  packets: the same for packet I/O
//   packed     the same as octets;  packed_store: millions of them;  write_request: put into requests
//   digests    what a switch says by itself besides packets
//   errors     what servers answer, as sentences
//   client     the calls, each with a deadline;  session: stream and election
//   writes     requests on their way;  reads  what a switch holds;  inbox  what it says by itself
//   switch     one switch by names: start here
export * from "./addresses.js";
export { Client, type ClientOptions, WriteFailure } from "./client.js";
export type { DigestConfig, IdleEntries, ReceivedDigest } from "./digests.js";
export * from "./entries.js";
export { codeName, P4RuntimeError, plainReason, type UpdateError } from "./errors.js";
export * from "./items.js";
export type { Given, Named, UintUpTo } from "./literal_types.js";
export { nearest } from "./nearest.js";
export { type Packed, Packer, unpack } from "./packed.js";
export { type PackedBytes, PackedStore, packedBytes } from "./packed_store.js";
export type { ReceivedPacket } from "./packets.js";
export { type Pipeline, pipelineCookie, pipelineFromFiles } from "./pipeline.js";
export * from "./schema.js";
export { renderSchema, schemaData } from "./schema_text.js";
export type { SessionState } from "./session.js";
export * from "./switch.js";
export * from "./typed_values.js";
export type * from "./value_types.js";
export * from "./values.js";
export type { PackedUpdate, UpdateType } from "./write_request.js";
export { MAX_UPDATES_PER_WRITE, WRITES_IN_FLIGHT } from "./writes.js";
