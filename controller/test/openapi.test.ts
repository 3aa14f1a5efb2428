// The API's description for programs against the API itself, and against the page for people.
import { request } from "node:http";
import { expect, it } from "vitest";
import { useFolder } from "./support/folder.js";
import { repositoryFile } from "./support/program.js";
import { useRegion } from "./support/region.js";

interface Operation {
  parameters?: { name: string; in: string; schema: { enum?: string[] } }[];
}
interface Description {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { required: string[]; properties: Record<string, unknown> }> };
}

const folder = useFolder();
const region = useRegion(folder);

/** As any HTTP client asks. */
function ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: never }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: folder.path("api.sock"), path, method }, (response) => {
      let text = "";
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode!, body: JSON.parse(text) as never }));
    });
    call.on("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Something that there is, for each parameter of a path. */
const EXAMPLES: Record<string, string> = { revision: "1", name: "vm1" };

function pathsOf(template: string, { parameters = [] }: Operation): string[] {
  const inPath = parameters.filter((parameter) => parameter.in === "path");
  return inPath.reduce(
    (paths, { name, schema }) => {
      const values =
        name === "section" && template.includes("{name}") ? ["eips"] : (schema.enum ?? [EXAMPLES[name]!]);
      return paths.flatMap((path) => values.map((value) => path.replace(`{${name}}`, value)));
    },
    [template],
  );
}

it("everything that is described can be asked for, and answers have the shapes that are described", async () => {
  const controller = await region.start();
  await controller.apply(region.document);
  const { paths, components } = (await ask("GET", "/v1/openapi.json")).body as Description;
  const asked = Object.entries(paths).flatMap(([path, { get }]) =>
    get === undefined ? [] : pathsOf(path, get),
  );
  expect(asked.length).toBeGreaterThan(20);
  for (const path of asked) {
    expect((await ask("GET", path)).status, path).toBe(200);
  }
  const isLike = (body: object, schema: string) => {
    const { required, properties } = components.schemas[schema]!;
    expect(Object.keys(body)).toEqual(expect.arrayContaining(required));
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(body)));
  };
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods).filter((name) => name !== "get")) {
      const url = path
        .replace("{section}", path.endsWith("{name}") ? "eips" : "acl")
        .replace("{name}", "vm1");
      const bodies: Record<string, unknown> = {
        "/v1/state": region.document,
        "/v1/{section}": [],
        "/v1/{section}/{name}": region.document.eips[0],
      };
      const body = method === "delete" ? undefined : bodies[path];
      const answer = await ask(method.toUpperCase(), `${url}?dry_run=true`, body);
      expect(answer.status, `${method} ${url}`).toBe(200);
      isLike(answer.body, "ChangeResult");
    }
  }
  const wrong = await ask("PUT", "/v1/eips/vm1", { ...region.document.eips[0], network: "nowhere" });
  expect(wrong.status).toBe(422);
  isLike(wrong.body, "Problem");
  expect(controller.controller.region.revision).toBe(1);
});

it("the page tells of the same requests", async () => {
  await region.start();
  const { paths } = (await ask("GET", "/v1/openapi.json")).body as Description;
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const page = repositoryFile("docs/api.md");
  const rows = page.slice(page.indexOf("| request | |"), page.indexOf("- **Revisions.**"));
  const told = [...rows.matchAll(/`(GET|PUT|DELETE) (\/v1\/[^`?]+)/g)].map(([, method, path]) => {
    const general = path!
      .replace(/^\/v1\/(?:acl|priority_ports|SECTION)/, "/v1/{section}")
      .replace("NAME", "{name}")
      .replace("REVISION", "{revision}")
      .replace("WHAT", "{what}");
    return `${method} ${general}`;
  });
  expect(new Set(told)).toEqual(new Set(described));
});
