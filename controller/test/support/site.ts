// What `sluice -f` works on: a file that is edited, one fake switch and two fake LDs, and in which order they are written to.
import { writeFileSync } from "node:fs";
import { Update_Type } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, expect } from "vitest";
import { compile } from "../../src/compile/index.js";
import { decodeEntry } from "../../src/p4runtime/index.js";
import { parseState } from "../../src/state/index.js";
import { type Outcome, runSluice } from "./cli.js";
import { FakeLd } from "./fake_ld.js";
import { FakeSwitch } from "./fake_switch.js";
import { useFolder } from "./folder.js";
import { gateway, repositoryFile } from "./program.js";

const SIGNS = { [Update_Type.INSERT]: "+", [Update_Type.MODIFY]: "~", [Update_Type.DELETE]: "-" } as Record<
  number,
  string
>;

export interface TestSite {
  gw1: FakeSwitch;
  ld1: FakeLd;
  ld2: FakeLd;
  /** Where the document is. */
  file: string;
  example: string;
  /** Entries of the example. */
  entries: number;
  /** Everything that is written to any part, in order: `+ service`, `~ route`, `- nexthop`, `ld1: web dns`. */
  events: string[];
}

function watch({ gw1, ld1, ld2, events }: TestSite): void {
  gw1.onWrite = ({ updates }) => {
    for (const { type, entity } of updates) {
      if (entity?.entity?.$case === "tableEntry") {
        const event = `${SIGNS[type]} ${decodeEntry(gateway, entity.entity.value).table}`;
        if (events.at(-1) !== event) {
          events.push(event);
        }
      }
    }
  };
  for (const [name, ld] of Object.entries({ ld1, ld2 })) {
    ld.onApply = ({ services }) =>
      events.push(`${name}: ${services.map((service) => service.name).join(" ")}`);
  }
}

/** A site for each test: its fields are there when the test runs. */
export function useSite(): TestSite & {
  folder: ReturnType<typeof useFolder>;
  /** Runs a command; the folder's path reads /run/sluice in what it says. */
  sluice(...argv: string[]): Promise<Outcome>;
  /** The file becomes the example with some of its text replaced. */
  edit(...replacements: [string, string][]): void;
} {
  const folder = useFolder();
  const site = {} as TestSite;
  beforeEach(async () => {
    const file = folder.path("sluice.yaml");
    const example = repositoryFile("controller/examples/sluice.yaml").replaceAll(
      "/run/sluice",
      folder.path(""),
    );
    writeFileSync(file, example);
    const [gw1, ld1, ld2] = await Promise.all([
      FakeSwitch.listen(folder.socket("gw1.sock")),
      FakeLd.listen(folder.socket("ld1.agent.sock")),
      FakeLd.listen(folder.socket("ld2.agent.sock")),
    ]);
    const entries = compile(parseState(file, example)).switches[0]!.allEntries().length;
    Object.assign(site, { gw1, ld1, ld2, file, example, entries, events: [] });
    watch(site);
  });
  afterEach(() => {
    site.gw1.stop();
    site.ld1.stop();
    site.ld2.stop();
  });
  return Object.assign(site, {
    folder,
    sluice: async (...argv: string[]) => {
      const { code, out, err } = await runSluice(...argv);
      return { code, out, err: err.replaceAll(folder.path(""), "/run/sluice") };
    },
    edit: (...replacements: [string, string][]) => {
      writeFileSync(
        site.file,
        replacements.reduce((text, [from, to]) => {
          expect(text).toContain(from);
          return text.replace(from, to);
        }, site.example),
      );
    },
  });
}
