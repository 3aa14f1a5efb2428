// A controller that is gone after it has stored a change: who asked for the change is not told that nothing was changed.
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runSluice } from "./support/cli.js";
import { useFolder } from "./support/folder.js";

const folder = useFolder();
let server: Server;
/** How often it answers for its status before it does not any more. */
let answers: number;
/** How often it is silent then, until it answers again. */
let gone: number;

const moves = [
  { cluster: "east", buckets_left: 7, sessions_copied: 0, sessions_to_copy: 0, waits_for: ["ld1 is late"] },
];

beforeEach(async () => {
  answers = 0;
  gone = Infinity;
  const east = { name: "east", failover: { hold_ms: 50 }, lds: [{ name: "ld1" }, { name: "ld2" }] };
  server = createServer((request, response) => {
    const path = request.url!.split("?", 1)[0]!;
    const say = (body: unknown) =>
      response.writeHead(200, { "content-type": "application/json", etag: '"6"' }).end(JSON.stringify(body));
    if (request.method === "PUT") {
      say({
        revision: 7,
        changes: [{ key: path.slice(4), after: path === "/v1/clusters/east" ? east : {} }],
      });
    } else if (path === "/v1/clusters") {
      say({ revision: 6, items: [east] });
    } else if (path === "/v1/clusters/east") {
      say(east);
    } else if (path === "/v1/eips/vm1") {
      say({ name: "vm1", vm: { host: "10.0.6.2" } });
    } else if (answers-- > 0) {
      say({ revision: 7, applied_revision: 6, settled: false, parts: [], moves });
    } else if (gone-- > 0) {
      request.socket.destroy();
    } else {
      say({ revision: 7, applied_revision: 7, settled: true, parts: [], moves: [] });
    }
  });
  await new Promise<void>((resolve) => server.listen(folder.path("api.sock"), resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const sluice = (...argv: string[]) => runSluice(...argv, "--server", folder.socket("api.sock"));

it.each([
  ["eip", "move", "vm1", "--host", "10.0.6.3", "--timeout", "1000"],
  ["ld", "drain", "ld2"],
])("sluice %s %s: the change is stored, and what has become of it is not known", async (...argv) => {
  answers = argv[0] === "ld" ? 3 : 0;
  const { code, out, err } = await sluice(...argv);
  expect({ code, out }).toEqual({ code: 5, out: "" });
  expect(err).toMatch(
    /^error: the controller at .* cannot be reached: .*\nRevision 7 is stored; .*sluice status.*\n$/,
  );
});

it("one that is back in time is asked again", async () => {
  gone = 3;
  const { code, out } = await sluice("eip", "move", "vm1", "--host", "10.0.6.3");
  expect({ code, out }).toEqual({
    code: 0,
    out: expect.stringContaining("Revision 7; all 0 parts have it."),
  });
});
