// The examples of --help are commands that exist, with options that they have.
import type { Command } from "commander";
import { expect, it } from "vitest";
import { EXAMPLES } from "../src/cli/examples.js";
import { makeProgram, run } from "../src/cli/run.js";

const silent = { stdout: { write: () => {} }, stderr: { write: () => {} } };

function commandOf(words: readonly string[]): Command | undefined {
  return words.reduce<Command | undefined>(
    (command, word) => command?.commands.find((child) => child.name() === word),
    makeProgram(silent),
  );
}

it.each(Object.entries(EXAMPLES))("sluice %s", async (words, lines) => {
  const command = commandOf(words.split(" "));
  expect(command).toBeDefined();
  const known = command!.options.flatMap(({ long, short }) => [long, short]);
  for (const line of lines.filter((text) => !text.startsWith("#"))) {
    expect(line).toContain(`sluice ${words}`);
    const given = line.split(" ").filter((word) => word.startsWith("-"));
    expect(known).toEqual(expect.arrayContaining(given));
  }
  let out = "";
  const code = await run([...words.split(" "), "--help"], {
    ...silent,
    stdout: { write: (text) => (out += text) },
  });
  expect(code).toBe(0);
  expect(out).toContain(`Examples:\n  ${lines[0]}`);
});
