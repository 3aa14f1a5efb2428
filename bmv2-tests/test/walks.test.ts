// docs/p4/walks.md is what the switch does now: each walk is run, and the page is made of the frames that came out.
// After a change that is meant: `npx vitest run -u bmv2-tests/test/walks.test.ts`.
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { useGateway } from "../src/gateway.js";
import { build } from "../src/packet/index.js";
import { outline } from "../src/packet/outline.js";
import { projectRoot } from "../src/pipeline.js";
import { tsharkDecodesAll } from "../src/tshark_check.js";
import { entryText, type Step, WALK_ENTRIES, WALKS } from "../src/walks.js";

const gateway = useGateway(WALK_ENTRIES);
const PAGE = join(projectRoot, "docs/p4/walks.md");

const HEAD = `# The walk of one packet

The four walks of the design, with the frames of a test: every value below came out of a switch that ran the program
(\`bmv2-tests/test/walks.test.ts\` fails when this page and the switch differ). The set-up is drawn in
\`bmv2-tests/src/standard.ts\` and \`products.ts\`. A frame is shown one line a header, outermost first; in a tunnel or an
ICMP error the headers inside follow. An entry is shown as \`table[key] → action(parameters)\`, in the order in which the
packet meets it.
`;

const block = (lines: string[]) => ["```", ...lines, "```"].join("\n");

let parts: string[] = [];
beforeAll(() => {
  parts = [HEAD];
});

async function tell(step: Step): Promise<string> {
  const { frames, packetIns } = await gateway().send(step.port, step.frame);
  expect(packetIns).toEqual([]);
  expect(frames).toHaveLength(1);
  const [out] = frames;
  return [
    `### ${step.title}\n`,
    `${step.note}\n`,
    `In at port ${step.port}:\n`,
    `${block(outline(build(step.frame)))}\n`,
    `Entries:\n`,
    `${block(step.meets.map(entryText))}\n`,
    `Out at port ${out!.port}:\n`,
    `${block(outline(out!.frame))}\n`,
  ].join("\n");
}

for (const [i, walk] of WALKS.entries()) {
  test(`walk ${i + 1}: ${walk.title}`, async () => {
    parts.push(`## ${i + 1}. ${walk.title}\n`);
    for (const step of walk.steps) parts.push(await tell(step));
  });
}

test("every entry that the page shows is on the switch as shown", async () => {
  const onSwitch = new Set<string>();
  for await (const entry of gateway().target.control.read()) onSwitch.add(`${entry.table} ${entry.action}`);
  for (const step of WALKS.flatMap(({ steps }) => steps)) {
    for (const shown of step.meets) {
      expect(onSwitch).toContain(`${shown.table} ${shown.action}`);
      expect(WALK_ENTRIES.map(entryText)).toContain(entryText(shown));
    }
  }
});

test("docs/p4/walks.md shows just that", async () => {
  await expect(parts.join("\n")).toMatchFileSnapshot(PAGE);
});

tsharkDecodesAll(gateway);
