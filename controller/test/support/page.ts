// A page of the documentation whose console blocks have to be what the commands in them print.
import { expect } from "vitest";
import { repositoryFile } from "./program.js";

const CONSOLE = /```console\n([\s\S]*?)```/g;

/** The first YAML block of a page. */
export function documentOf(page: string): string {
  return /```yaml\n([\s\S]*?)```/.exec(page)![1]!;
}

/**
 * Runs every command of a page, in its order, and expects the page to have the output. For tests in controller/test.
 *
 * @param run - what a terminal shows for the command line
 */
export async function expectPage(path: string, run: (line: string) => Promise<string>): Promise<void> {
  const page = repositoryFile(path);
  let real = "";
  let end = 0;
  for (const block of page.matchAll(CONSOLE)) {
    real += page.slice(end, block.index);
    end = block.index + block[0].length;
    const lines = block[1]!.split("\n").filter((line) => line.startsWith("$ "));
    expect(lines.length).toBeGreaterThan(0);
    const outputs: string[] = [];
    for (const line of lines) {
      outputs.push(`${line}\n${await run(line.slice(2))}`);
    }
    real += `\`\`\`console\n${outputs.join("")}\`\`\``;
  }
  await expect(real + page.slice(end)).toMatchFileSnapshot(`../../${path}`);
}
