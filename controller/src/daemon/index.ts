// The controller as a process that goes on: the desired state, checked and stored, and the parts, kept as it says.
//
//   objects  a document as objects;  eip_ids, region  the desired state in memory;  targets  what it means in entries
//   connections, part_states  to the parts, and how they stand;  look, known_changes  what is written to them, and why
//   reconciler  keeps the parts;  controller  all of it together: start here
//   member  one of several controllers, that leads or stands by
export {
  type ChangeRequest,
  type ChangeResult,
  type ControllerOptions,
  RegionController,
} from "./controller.js";
export { type Lead, Member, type MemberOptions } from "./member.js";
export { joinDocument, sameValue, splitDocument } from "./objects.js";
export type { PartStatus } from "./part_states.js";
export { Reconciler } from "./reconciler.js";
export { Region, type Wish } from "./region.js";
