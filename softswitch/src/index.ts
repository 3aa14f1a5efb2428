// The soft switch as a library: what other packages may use.
export { type RunningServer, type ServeOptions, serve } from "./serve.js";
export { SoftSwitch } from "./switch.js";
export {
  type Log,
  type OutFrame,
  type PacketInListener,
  type SoftSwitchOptions,
  type UpdateResult,
  WriteError,
} from "./types.js";
