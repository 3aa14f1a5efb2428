// Requests that no client of ours makes: what the API says to them, and that they leave the region as it is.
import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { preferredId } from "../src/compile/index.js";
import { MAX_EIP_INDEX } from "../src/state/index.js";
import { TooLargeError } from "../src/store/index.js";
import { eventually, type TestController } from "./support/controller.js";
import { useFolder } from "./support/folder.js";
import { useRegion } from "./support/region.js";

const folder = useFolder();
const region = useRegion(folder);

interface Reply {
  status: number;
  body: { title?: string; problems?: string[]; [field: string]: unknown };
}

/** One request as it is written, by whatever method and path. @param body - a text is sent as it is */
function ask(
  { address }: TestController,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: address.replace(/^unix:/, ""), method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode!, body: JSON.parse(text) }));
    });
    call.on("error", reject);
    call.end(body === undefined || typeof body === "string" ? body : JSON.stringify(body));
  });
}

/** A controller of the example, and its document. */
async function applied(): Promise<{ controller: TestController; before: unknown }> {
  const controller = await region.start();
  await controller.apply(region.document);
  return { controller, before: controller.controller.region.document() };
}

it("a change with an object that the store is too small for is a problem of the change, and the next one is made", async () => {
  const { controller } = await applied();
  const { store } = controller.controller;
  const commit = store.commit.bind(store);
  store.commit = () => Promise.reject(new TooLargeError("acl: it has 900,000 bytes as JSON"));
  const body = { ...region.document.eips[2], address: "100.64.9.8" };
  expect(await ask(controller, "PUT", "/v1/eips/phone", body)).toMatchObject({
    status: 422,
    body: { problems: ["acl: it has 900,000 bytes as JSON"] },
  });
  store.commit = commit;
  expect(await ask(controller, "PUT", "/v1/eips/phone", body)).toMatchObject({
    status: 200,
    body: { revision: 2 },
  });
});

it("a body that has a key twice is refused, with its place", async () => {
  const { controller, before } = await applied();
  const [shop] = region.document.services as Record<string, unknown>[];
  const again = (value: object) =>
    JSON.stringify(value, null, 2).replace(/"port": 8443,/, `$&\n"port": 8444,`);
  expect(await ask(controller, "PUT", "/v1/services/shop", again(shop!))).toEqual({
    status: 400,
    body: {
      title: expect.stringMatching(
        /^real_servers\[0\] has the key "port" twice \(again at line \d+, column 1; leave one of them\)$/,
      ),
      status: 400,
      problems: [],
    },
  });
  const state = await ask(controller, "PUT", "/v1/state", again(region.document));
  expect(state).toMatchObject({
    status: 400,
    body: { title: expect.stringContaining('services[0].real_servers[0] has the key "port" twice') },
  });
  const rule = '{"priority": 1, "action": "deny", "action": "allow"}';
  expect(await ask(controller, "PUT", "/v1/acl", `[${rule}]`)).toMatchObject({
    status: 400,
    body: { title: '[0] has the key "action" twice (again at line 1, column 36; leave one of them)' },
  });
  expect(controller.controller.region.document()).toEqual(before);
});

describe("paths", () => {
  it("are refused when they are none, and the controller goes on", async () => {
    const controller = await region.start();
    expect(await ask(controller, "GET", "//")).toMatchObject({ status: 404 });
    expect(await ask(controller, "GET", "/v1/eips/%zz")).toMatchObject({
      status: 400,
      body: { title: expect.stringContaining("/v1/eips/%zz") },
    });
    expect(await ask(controller, "GET", "/healthz")).toMatchObject({ status: 200, body: { leads: true } });
    expect(controller.lines.some(({ event }) => event === "request_failed")).toBe(false);
  });

  it("name one object: more segments than that are nothing", async () => {
    const { controller, before } = await applied();
    for (const method of ["GET", "PUT", "DELETE"]) {
      const body = method === "PUT" ? region.document.eips[0] : undefined;
      expect(await ask(controller, method, "/v1/eips/vm1/limit", body)).toMatchObject({ status: 404 });
    }
    expect(controller.controller.region.document()).toEqual(before);
  });
});

describe("a body", () => {
  it("that its client does not complete is no failure of the controller", async () => {
    const controller = await region.start();
    await new Promise((resolve) => {
      const call = request({
        socketPath: controller.address.replace(/^unix:/, ""),
        method: "PUT",
        path: "/v1/acl",
        headers: { "content-length": "100" },
      });
      call.on("error", resolve);
      call.write("[", () => call.destroy(new Error("gone")));
    });
    await eventually("the request is over", () => controller.lines.some(({ event }) => event === "request"));
    expect(controller.lines).toContainEqual(expect.objectContaining({ event: "request", status: 400 }));
    expect(controller.lines.some(({ event }) => event === "request_failed")).toBe(false);
  });
});

describe("a section", () => {
  it("of named objects is not replaced, whatever the body is", async () => {
    const { controller, before } = await applied();
    for (const body of [[], {}, "none", null, 7]) {
      for (const section of ["services", "eips", "clusters"]) {
        expect(await ask(controller, "PUT", `/v1/${section}`, body)).toMatchObject({ status: 405 });
      }
    }
    expect(controller.controller.region.document()).toEqual(before);
    const { eips } = region.document;
    expect(
      await ask(controller, "PUT", "/v1/eips/phone", { ...eips[2], address: "100.64.9.8" }),
    ).toMatchObject({
      status: 200,
    });
  });

  it("is not removed as a whole, nor an object without a name", async () => {
    const { controller } = await applied();
    expect(await ask(controller, "DELETE", "/v1/eips")).toMatchObject({ status: 405 });
    expect(await ask(controller, "DELETE", "/v1/eips/")).toMatchObject({ status: 404 });
    expect(controller.controller.region.revision).toBe(1);
  });

  it("whose items have no names has none", async () => {
    const { controller } = await applied();
    const rule = { priority: 1, action: "deny", src: "198.51.100.0/24" };
    expect(await ask(controller, "PUT", "/v1/acl", [rule])).toMatchObject({ status: 200 });
    const before = structuredClone(controller.controller.region.document());
    expect(await ask(controller, "PUT", "/v1/acl/one", { ...rule, name: "one" })).toMatchObject({
      status: 404,
    });
    expect(controller.controller.region.document()).toEqual(before);
    expect(await ask(controller, "DELETE", "/v1/acl")).toMatchObject({ status: 200 });
  });
});

describe("a dry run", () => {
  it("is asked for by true or false, and nothing else is taken for a change", async () => {
    const { controller } = await applied();
    const eip = { ...region.document.eips[2], address: "100.64.9.8" };
    for (const value of ["1", "yes", "", "True"]) {
      expect(await ask(controller, "PUT", `/v1/eips/phone?dry_run=${value}`, eip)).toMatchObject({
        status: 400,
        body: { title: expect.stringContaining("dry_run") },
      });
    }
    expect(controller.controller.region.revision).toBe(1);
    expect(await ask(controller, "PUT", "/v1/eips/phone?dry_run=false", eip)).toMatchObject({
      status: 200,
      body: { revision: 2 },
    });
  });
});

describe("If-Match", () => {
  it("is a revision, or any; what is neither is not a conflict", async () => {
    const { controller } = await applied();
    const eip = (address: string) => ({ ...region.document.eips[2], address });
    const put = (match: string, address: string) =>
      ask(controller, "PUT", "/v1/eips/phone", eip(address), { "if-match": match });
    for (const wrong of ["last", "", '"1.5"', '"1", "2"']) {
      expect(await put(wrong, "100.64.9.8")).toMatchObject({
        status: 400,
        body: { title: expect.stringContaining("If-Match") },
      });
    }
    expect(await put('"7"', "100.64.9.8")).toMatchObject({ status: 412 });
    expect(await put("*", "100.64.9.8")).toMatchObject({ status: 200, body: { revision: 2 } });
    expect(await put('"2"', "100.64.9.9")).toMatchObject({ status: 200, body: { revision: 3 } });
  });
});

describe("names of digits", () => {
  it("are names like others in a whole document", async () => {
    const { controller } = await applied();
    const { eips, services } = region.document as unknown as Record<string, Record<string, unknown>[]>;
    const numbered = {
      ...region.document,
      eips: [{ ...eips![0], name: 7 }, ...eips!.slice(1)],
      services: services!.map((service, i) => ({ ...service, name: 443 + i })),
    };
    const { status } = await ask(controller, "PUT", "/v1/state", numbered);
    expect(status).toBe(200);
    const state = controller.controller.region;
    expect(state.get("eips/7")).toMatchObject({ name: "7", address: eips![0]!.address });
    expect(state.get("services/443")).toMatchObject({ name: "443" });
    expect(state.state.eips).toHaveLength(eips!.length);
    await controller.settled(state.revision);
    expect(region.bindingOf(String(eips![0]!.address))).toBeDefined();
  });
});

describe("ids of EIPs", () => {
  it("that are chosen keep out of the way of those that are said", async () => {
    const { controller } = await applied();
    const id = preferredId("another", MAX_EIP_INDEX);
    const another: Record<string, unknown> = {
      ...region.document.eips[2],
      name: "another",
      address: "100.64.9.20",
    };
    const vm = (address: string) => ({ ...(another.vm as object), address });
    const document = {
      ...region.document,
      eips: [
        ...region.document.eips,
        { ...another, vm: vm("192.168.0.120") },
        { ...another, name: "said", id, address: "100.64.9.21", vm: vm("192.168.0.121") },
      ],
    };
    expect(await ask(controller, "PUT", "/v1/state", document)).toMatchObject({ status: 200 });
    expect(controller.controller.region.get("eips/said")).toMatchObject({ id });
    expect(controller.controller.region.get("eips/another")).not.toMatchObject({ id });
  });
});
