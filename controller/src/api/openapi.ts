// The API's description for programs (OpenAPI 3.1), and the answer of GET /v1/openapi.json.
import { SECTIONS } from "../state/index.js";
import { MEASUREMENTS } from "./measurements.js";

const json = (schema: object) => ({ content: { "application/json": { schema } } });
const answer = (description: string, schema: object = {}) => ({ description, ...json(schema) });
const query = (name: string, description: string, type = "integer") => ({
  name,
  in: "query",
  description,
  schema: { type },
});
const inPath = (name: string) => ({ name, in: "path", required: true, schema: { type: "string" } });
const ifMatch = {
  name: "If-Match",
  in: "header",
  description: "The revision that the change was made for; 412 when the desired state is at another one",
  schema: { type: "string" },
};
const PROBLEMS = {
  400: answer("The request cannot be understood", { $ref: "#/components/schemas/Problem" }),
  403: answer("The caller's role does not allow it", { $ref: "#/components/schemas/Problem" }),
  404: answer("There is no such thing", { $ref: "#/components/schemas/Problem" }),
  412: answer("Someone else made a change in between", { $ref: "#/components/schemas/Problem" }),
  422: answer("The desired state would not be valid; every problem with its remedy", {
    $ref: "#/components/schemas/Problem",
  }),
};
const UNREACHABLE = answer("A part cannot be asked", { $ref: "#/components/schemas/Problem" });
const changed = answer("What changed; nothing when all was so already", {
  $ref: "#/components/schemas/ChangeResult",
});
const dryRun = query("dry_run", "true: check it and say what would change, but change nothing", "boolean");
const section = { ...inPath("section"), schema: { enum: SECTIONS } };

const change = (summary: string, body: boolean, parameters: object[] = []) => ({
  summary,
  parameters: [...parameters, dryRun, ifMatch],
  ...(body && { requestBody: json({}) }),
  responses: { 200: changed, ...PROBLEMS },
});

export const OPENAPI = {
  openapi: "3.1.0",
  info: {
    title: "Sluice controller",
    version: "1",
    description: "The desired state of a region, and how far its switches and LDs are with it.",
  },
  paths: {
    "/v1/state": {
      get: { summary: "All that is desired", responses: { 200: answer("Document and revision") } },
      put: change("Replace all that is desired", true),
    },
    "/v1/{section}": {
      get: {
        summary: "The objects of a section",
        parameters: [section],
        responses: { 200: answer("They and the revision"), 404: PROBLEMS[404] },
      },
      put: change("Replace a section without names: acl, priority_ports", true, [section]),
    },
    "/v1/{section}/{name}": {
      get: {
        summary: "One object",
        parameters: [section, inPath("name")],
        responses: { 200: answer("The object, as it was written"), 404: PROBLEMS[404] },
      },
      put: change("Create or replace an object", true, [section, inPath("name")]),
      delete: change("Remove an object; it need not be there", false, [section, inPath("name")]),
    },
    "/v1/history": {
      get: {
        summary: "The revisions, the newest first: who changed what when",
        parameters: [query("limit", "At most so many; default 20"), query("before", "Only those below")],
        responses: { 200: answer("Revisions without what they changed") },
      },
    },
    "/v1/history/{revision}": {
      get: {
        summary: "One revision, with every object before and after",
        parameters: [inPath("revision")],
        responses: { 200: answer("The revision"), 404: PROBLEMS[404] },
      },
    },
    "/v1/measurements/{what}": {
      get: {
        summary: "What the switches and LDs count, as they say it themselves",
        parameters: [{ ...inPath("what"), schema: { enum: MEASUREMENTS } }],
        responses: { 200: answer("The items"), 404: PROBLEMS[404], 503: UNREACHABLE },
      },
    },
    "/v1/status": {
      get: {
        summary: "Whether the parts hold what is desired",
        parameters: [
          query("revision", "Ask about this revision; default: the newest"),
          query("wait_ms", "Wait so long for it"),
        ],
        responses: { 200: answer("Revisions, and the state of each part") },
      },
    },
  },
  components: {
    schemas: {
      Problem: {
        type: "object",
        required: ["title", "status", "problems"],
        properties: {
          title: { type: "string" },
          status: { type: "integer" },
          problems: { type: "array", items: { type: "string" } },
          revision: { type: "integer" },
        },
      },
      ChangeResult: {
        type: "object",
        required: ["revision", "changes"],
        properties: {
          revision: { type: "integer" },
          changes: {
            type: "array",
            items: {
              type: "object",
              required: ["key"],
              properties: { key: { type: "string" }, before: {}, after: {} },
            },
          },
        },
      },
    },
  },
};
