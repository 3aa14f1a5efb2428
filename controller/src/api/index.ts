// The controller's API.
//
//   http  bodies, problems, callers;  secrets  what is shown to whom;  openapi  its description;  metrics  for Prometheus;  server  the routes;  client  the other side
export { ApiClient, ApiError } from "./client.js";
export { ROLES, type Role } from "./http.js";
export { ApiServer, type TlsFiles } from "./server.js";
