// Commands that need no controller: trace and explain, which need nothing but the file, doctor, raw tables, completion.
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeEntry, describeAction } from "../src/p4runtime/index.js";
import { runSluice as sluice } from "./support/cli.js";
import { FakeLd } from "./support/fake_ld.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { gateway, repositoryFile } from "./support/program.js";

const folder = useFolder();
let file: string;

beforeEach(() => {
  file = folder.path("sluice.yaml");
  writeFileSync(
    file,
    repositoryFile("controller/examples/eips.yaml").replaceAll("/run/sluice", folder.path("")),
  );
});

describe("trace", () => {
  it("shows every table that a packet to an EIP meets, and the tunnel to its VM", async () => {
    const { code, out } = await sluice(
      "trace",
      "-f",
      file,
      "--from",
      "198.51.100.2",
      "--to",
      "203.0.113.50:80",
    );
    expect(code).toBe(0);
    expect(out).toContain("switch gw1, port 1 (bgp)");
    expect(out).toMatch(/eip_in +\[network_id=\d+ eip=203\.0\.113\.50\] bind_vm\(.*host=10\.0\.6\.2\)/);
    expect(out).toMatch(/acl +no match/);
    expect(out).toContain("to   the host 10.0.6.2: VXLAN 100 to 10.0.6.2, by port 2");
  });

  it("goes on at the LD: an EIP of an internal VIP, to its real server", async () => {
    const { out } = await sluice("trace", "-f", file, "--from", "198.51.100.2", "--to", "203.0.113.51:443");
    const bucket = /ld_of_bucket +\[cluster_id=\d+ bucket=(\d+)\]/.exec(out)?.[1];
    expect(out).toMatch(/to {3}LD ld[12]: VXLAN 100 to 10\.0\.2\.[23]/);
    expect(out).toContain(
      `then service shop: to rs1 192.168.0.2:8443 (weight 1), from 198.18.0.0/30 and a port of bucket ${bucket}\n`,
    );
  });

  it("says why a packet is dropped", async () => {
    const denied = await sluice(
      "trace",
      "-f",
      file,
      "--from",
      "198.51.100.9",
      "--to",
      "203.0.113.50:23",
      "-o",
      "json",
    );
    expect(denied.code).toBe(1);
    expect(JSON.parse(denied.out)).toMatchObject({ drop: "acl: an entry of the block list" });
    const allowed = await sluice("trace", "-f", file, "--from", "198.51.100.7", "--to", "203.0.113.50:23");
    expect(allowed.code).toBe(0);
    const v6 = await sluice("trace", "-f", file, "--from", "2001:db8:9::1", "--to", "[2001:db8:113::50]:80");
    expect(v6.out).toContain("[fd00::10]:80");
  });
});

it("explain shows what one thing became, and nothing that would be there without it", async () => {
  const { out } = await sluice("explain", "-f", file, "service", "shop", "-o", "json");
  const parts = JSON.parse(out) as { part: string; lines: string[] }[];
  expect(parts.map(({ part }) => part)).toEqual(["switch gw1", "LD ld1", "LD ld2"]);
  expect(
    parts[0]!.lines.some((line) => line.startsWith("service[vni=100 vip=192.168.0.100 protocol=6 port=443]")),
  ).toBe(true);
  expect(parts[0]!.lines.some((line) => line.startsWith("nexthop["))).toBe(false);
  expect(parts[1]!.lines).toContainEqual(
    expect.stringContaining("service shop: VNI 100 192.168.0.100:443/tcp"),
  );
  const missing = await sluice("explain", "-f", file, "service", "shoop");
  expect(missing).toMatchObject({ code: 64 });
  expect(missing.err).toContain('service "shoop" does not exist (did you mean "shop"?)');
});

describe("with parts", () => {
  let gw1: FakeSwitch;
  let lds: FakeLd[];
  beforeEach(async () => {
    gw1 = await FakeSwitch.listen(folder.socket("gw1.sock"));
    lds = await Promise.all(["ld1", "ld2"].map((name) => FakeLd.listen(folder.socket(`${name}.agent.sock`))));
  });
  afterEach(() => {
    gw1.stop();
    for (const ld of lds) ld.stop();
  });

  it("doctor finds what is wrong, and says what to do", async () => {
    const before = await sluice("doctor", "-f", file);
    expect(before.code).toBe(1);
    expect(before.out).toContain("✗ switch gw1: it runs no program → sluice apply makes it so");
    expect(before.out).toContain(
      "✗ LD ld1: its configuration is not as the file says → sluice apply makes it so",
    );
    expect((await sluice("apply", "-f", file)).code).toBe(0);
    const after = await sluice("doctor", "-f", file);
    expect(after).toMatchObject({ code: 0, err: "" });
    expect(after.out).toContain("✓ switch gw1: its tables hold what the file says");
    const [key] = gw1.entries.keys();
    gw1.entries.delete(key!);
    lds[1]!.stop();
    const broken = await sluice("doctor", "-f", file, "--timeout", "20000");
    expect(broken.code).toBe(1);
    expect(broken.out).toContain("✗ switch gw1: 1 entry not as the file says (sluice diff lists them)");
    expect(broken.out).toMatch(/✗ LD ld2: LD ld2 \(.*\) is down/);
  });

  it("table add, modify and delete write any entry by names, without a file", async () => {
    expect((await sluice("apply", "-f", file)).code).toBe(0);
    const target = ["--target", folder.socket("gw1.sock")];
    const held = () =>
      [...gw1.entries.values()]
        .map((entry) => decodeEntry(gateway, entry))
        .find(({ match }) => match.prefix === "10.99.0.0/16");
    const key = ["vrf_id=7", "prefix=10.99.0.0/16"];
    expect(
      await sluice(
        "table",
        "add",
        "route",
        ...key,
        "--action",
        "set_nexthop",
        "--param",
        "nexthop_id=9",
        ...target,
      ),
    ).toMatchObject({ code: 0, err: "" });
    expect(describeAction(held()!)).toBe("set_nexthop(nexthop_id=9)");
    expect((await sluice("table", "modify", "route", ...key, "--action", "discard", ...target)).code).toBe(0);
    expect(describeAction(held()!)).toBe("discard()");
    expect((await sluice("table", "delete", "route", ...key, ...target)).code).toBe(0);
    expect(held()).toBeUndefined();
    const wrong = await sluice(
      "table",
      "add",
      "route",
      "vrf_id=70000",
      "prefix=10.99.0.0/16",
      "--action",
      "discard",
      ...target,
    );
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain("route.vrf_id: 70000 does not fit in 16 bits");
    expect((await sluice("table", "add", "rout", ...key, ...target)).err).toContain('did you mean "route"?');
    // What the switch refuses is no switch that cannot be reached.
    const refused = await sluice("table", "delete", "route", ...key, ...target);
    expect(refused).toMatchObject({ code: 4, err: expect.stringContaining("DELETE route[vrf_id=7") });
    expect(refused.err).toMatch(/^error: switch unix:\S+ refused 1 of 1 updates/);
    const { tables } = JSON.parse((await sluice("table", "schema", "-o", "json", ...target)).out);
    const route = tables.find(({ name }: { name: string }) => name === "route");
    expect(route.key).toContainEqual({ name: "prefix", bits: 32, format: "ipv4", match: "lpm" });
    expect(route.actions.map(({ name }: { name: string }) => name)).toContain("set_nexthop");
  });
});

describe("what cannot be meant is refused before anything is done", () => {
  it.each([
    [["history", "--limit", "x"], "give a whole number"],
    [["table", "dump", "--device-id", "one"], "give a whole number"],
    [["table", "counters", "drops", "1", "x"], "give a whole number"],
    [["service", "create", "web", "--vip", "1.2.3.4", "--port", "http", "--cluster", "east"], "whole number"],
    [["rs", "add", "web", "rs1", "--address", "1.2.3.4", "--port", "70000"], "a port from 1 to 65535"],
    [["pki", "init", "DIRECTORY", "--days", "x"], "give a whole number"],
    [["pki", "init", "DIRECTORY", "--days", "0"], "give a number from 1 to 3650"],
    [["trace", "-f", "FILE", "--from", "1.2.3.4", "--to", "1.2.3.4", "--switch", "gw2"], 'mean "gw1"?'],
    [["status", "--server", ""], "which controller? (give --server ADDRESS"],
  ])("%j", async (argv, message) => {
    const words = { DIRECTORY: folder.path("pki"), FILE: file } as Record<string, string>;
    const { code, err } = await sluice(...argv.map((word) => words[word] ?? word));
    expect(code).toBe(64);
    expect(err).toContain(message);
    expect(existsSync(folder.path("pki"))).toBe(false);
  });
});

it("says which version it is", async () => {
  expect((await sluice("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe("completion", () => {
  it("for bash offers subcommands, then their options", async () => {
    const { out } = await sluice("completion", "bash");
    const complete = (...words: string[]) =>
      execFileSync(
        "bash",
        [
          "-c",
          `${out}\nCOMP_WORDS=(sluice ${words.join(" ")} ''); COMP_CWORD=${words.length + 1}; _sluice; echo "\${COMPREPLY[*]}"`,
        ],
        { encoding: "utf8" },
      );
    expect(complete()).toMatch(/\bapply\b.*\beip\b/);
    expect(complete("eip")).toMatch(/\bcreate\b.*\bmove\b.*\brelease\b/);
    expect(complete("eip", "move", "vm1")).toMatch(/--host\b.*--dry-run|--dry-run.*--host\b/);
  });

  it("for zsh offers the same", async () => {
    const { out } = await sluice("completion", "zsh");
    // Its line editor is not there: what it would be told is printed.
    const stubs = `compadd() { shift; print -r -- "$@" }; _files() { : }; compdef() { : }`;
    const complete = (...words: string[]) =>
      execFileSync(
        "zsh",
        [
          "-f",
          "-c",
          `${stubs}\n${out}\nwords=(sluice ${words.join(" ")} ""); CURRENT=${words.length + 2}; _sluice`,
        ],
        { encoding: "utf8" },
      );
    expect(complete()).toMatch(/\bapply\b.*\beip\b/);
    expect(complete("eip")).toMatch(/\bcreate\b.*\bmove\b.*\brelease\b/);
    expect(complete("eip", "move", "vm1")).toMatch(/--host\b.*--dry-run|--dry-run.*--host\b/);
  });

  it("for fish offers the same, and says what they do", async () => {
    const { out } = await sluice("completion", "fish");
    const script = folder.path("sluice.fish");
    writeFileSync(script, out);
    const complete = (line: string) =>
      execFileSync("fish", ["--no-config", "-c", `source ${script}; complete -C "${line}"`], {
        encoding: "utf8",
        env: { ...process.env, HOME: folder.path("") },
      });
    const offered = (line: string) =>
      complete(line)
        .trimEnd()
        .split("\n")
        .map((item) => item.split("\t")[0]!);
    expect(offered("sluice ")).toEqual(expect.arrayContaining(["apply", "eip", "doctor"]));
    expect(offered("sluice ")).not.toContain("release");
    expect(offered("sluice eip ")).toEqual(expect.arrayContaining(["create", "move", "release"]));
    expect(offered("sluice eip ")).not.toContain("apply");
    expect(offered("sluice eip move vm1 --")).toEqual(expect.arrayContaining(["--host", "--dry-run"]));
    expect(offered("sluice eip move vm1 --")).not.toContain("--limit-in");
    // A word that begins another command elsewhere is none here.
    expect(offered("sluice ld drain ")).not.toContain("rs");
    expect(offered("sluice ld drain ")).not.toContain("undrain");
    expect(offered("sluice migrate service ")).not.toContain("delete");
    expect(offered("sluice drain rs web rs1 --")).toContain("--cancel");
    expect(complete("sluice eip mo")).toContain("move\tmove the address to another VM");
  });

  it("for other shells is refused", async () => {
    expect((await sluice("completion", "tcsh")).code).toBe(64);
  });
});
