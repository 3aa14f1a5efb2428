// The controller's API.
//
//   http  bodies, problems, callers;  secrets  what is shown to whom;  openapi  its description
//   measurements  what the parts count;  metrics  the same for Prometheus;  server  the routes;  client  the other side
//
// Not from here, because most commands of `sluice` have no use for it and would wait for what it loads: server.
export { ApiClient, ApiError } from "./client.js";
export { MAX_WAIT_MS, ROLES, type Role } from "./http.js";
export { MEASUREMENTS, METRICS_LIMIT } from "./measurements.js";
