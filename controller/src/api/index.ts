// The controller's API.
//
//   http  bodies, problems, callers;  secrets  what is shown to whom;  openapi  its description
//   measurements  what the parts count;  metrics  the same for Prometheus;  server  the routes;  client  the other side
export { ApiClient, ApiError } from "./client.js";
export { ROLES, type Role } from "./http.js";
export { MEASUREMENTS } from "./measurements.js";
export { ApiServer, METRICS_LIMIT, type TlsFiles } from "./server.js";
