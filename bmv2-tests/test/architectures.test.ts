// One controller for both architectures: the P4Info of the Tofino program says the same as that of v1model, but for what is named
// here with its reason.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pipelineFromFiles, Schema } from "@sluice/controller/p4runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../src/pipeline.js";

const file = (name: string) => join(projectRoot, "build", name);
const info = async (program: string) =>
  (await pipelineFromFiles(file("gateway_v1model.json"), file(`${program}.p4info.txtpb`))).p4info;

type P4Info = Awaited<ReturnType<typeof info>>;
let v1model: P4Info;
let tna: P4Info;
beforeAll(async () => {
  v1model = await info("gateway_v1model");
  tna = await info("gateway_tna");
});

interface Named {
  preamble?: { id: number; alias: string } | undefined;
}
/** Without the controls it is in: a name that is unique there carries none of them in its alias, but needs to where it is not. */
const last = (entity: Named) => entity.preamble!.alias.split(".").at(-1)!;

/** What a controller writes of a table: keys and actions. Sizes are a target's own; so are the ids of counters and profiles. */
function shown(p4info: P4Info) {
  const actions = new Map(p4info.actions.map((action) => [action.preamble!.id, action]));
  return p4info.tables
    .map((table) => ({
      id: table.preamble!.id,
      name: last(table),
      fields: table.matchFields.map(({ id, name, bitwidth, match }) => ({ id, name, bitwidth, match })),
      actions: table.actionRefs.map(({ id, scope }) => {
        const action = actions.get(id)!;
        return {
          id,
          scope,
          name: last(action),
          params: action.params.map((param) => ({
            id: param.id,
            name: param.name,
            bitwidth: param.bitwidth,
          })),
        };
      }),
      constDefaultAction: table.constDefaultActionId,
      isCounted: table.directResourceIds.length,
      hasProfile: table.implementationId !== 0,
    }))
    .sort((a, b) => a.id - b.id);
}

const names = (entities: Named[]) => entities.map(last).sort();

describe("the two architectures", () => {
  test("have the same tables, with the same ids, keys and actions", () => {
    expect(shown(v1model).length).toBeGreaterThan(30);
    expect(shown(tna)).toEqual(shown(v1model));
  });

  test("have the same packet headers to and from the controller", () => {
    const headers = ({ controllerPacketMetadata }: P4Info) =>
      controllerPacketMetadata
        .map(({ preamble, metadata }) => ({
          name: preamble!.alias,
          fields: metadata.map(({ id, name, bitwidth }) => ({ id, name, bitwidth })),
        }))
        .sort((a, b) => a.name.localeCompare(b.name));
    expect(headers(v1model).length).toBe(2);
    expect(headers(tna)).toEqual(headers(v1model));
  });

  test("count the same by the same names; the back end numbers TNA's counters itself", () => {
    expect(names(tna.directCounters)).toEqual(names(v1model.directCounters));
  });

  test("count drops once on v1model, and in each of the four parts on Tofino: a counter lives in one of them", () => {
    expect(names(v1model.counters)).toEqual(["drops", "eip_packets"]);
    expect(names(tna.counters)).toEqual(["drops", "drops", "drops", "drops", "eip_packets"]);
  });

  test("have one action selector; TNA names it by its action profile", () => {
    expect(names(v1model.actionProfiles)).toEqual(["ecmp_members"]);
    expect(names(tna.actionProfiles)).toEqual(["ecmp_members_profile"]);
    expect(tna.actionProfiles[0]!.withSelector).toBe(true);
  });

  test("have registers of their own, which no controller writes: those of arch/", () => {
    const declared = (arch: string, declaration: RegExp) =>
      [...readFileSync(join(projectRoot, "p4src/arch", arch), "utf8").matchAll(declaration)]
        .map(([, name]) => name!)
        .sort();
    expect(names(v1model.registers)).toEqual(declared("v1model.p4", /^ *register<.*>\(.*\) (\w+);/gm));
    expect(names(tna.registers)).toEqual(declared("tna.p4", /^ *Register<.*>\(.*\) (\w+);/gm));
  });

  test("hold every entry of the other's schema: nothing of a table is missing when a controller reads it", () => {
    const schema = new Schema(tna);
    for (const table of new Schema(v1model).tables) {
      expect([...schema.tables].map(({ alias }) => alias)).toContain(table.alias);
    }
  });
});
