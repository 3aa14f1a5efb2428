#!/usr/bin/env node
// Counts what a test tool did, from the tool's own report: prints "PASSED FAILED SKIPPED".
//
//   count-results.mjs vitest FILE    vitest's JSON report
//   count-results.mjs meson FILE     meson-logs/testlog.json; the tests inside are cmocka's
//   count-results.mjs unittest FILE  what `python3 -m unittest` printed
import { existsSync, readFileSync } from "node:fs";

const counters = { vitest, meson, unittest };

function vitest(text) {
  const report = JSON.parse(text);
  // A file that cannot even be loaded is a failure without a test.
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  );
  return [
    report.numPassedTests,
    report.numFailedTests + broken.length,
    report.numPendingTests + report.numTodoTests,
  ];
}

function meson(text) {
  const total = [0, 0, 0];
  for (const line of text.split("\n").filter(Boolean)) {
    const program = JSON.parse(line);
    const output = `${program.stdout ?? ""}\n${program.stderr ?? ""}`;
    const counts = ["PASSED", "FAILED", "SKIPPED"].map((word) =>
      sumOf(output, `\\[\\s*${word}\\s*\\] (\\d+) test`),
    );
    const silent = counts.every((count) => count === 0);
    // A program that is no cmocka test, or crashed before its summary, counts as one.
    if (program.result === "OK" || program.result === "EXPECTEDFAIL") counts[0] += silent ? 1 : 0;
    else if (program.result === "SKIP") counts[2] += silent ? 1 : 0;
    else if (counts[1] === 0) counts[1] = 1;
    for (const index of total.keys()) total[index] += counts[index];
  }
  return total;
}

function unittest(text) {
  const [run, skipped] = [sumOf(text, "^Ran (\\d+) test"), sumOf(text, "skipped=(\\d+)")];
  const failed = sumOf(text, "failures=(\\d+)") + sumOf(text, "errors=(\\d+)");
  return [run - failed - skipped, failed, skipped];
}

function sumOf(text, pattern) {
  return [...text.matchAll(new RegExp(pattern, "gm"))].reduce((sum, match) => sum + Number(match[1]), 0);
}

const [kind, file] = process.argv.slice(2);
if (!(kind in counters) || file === undefined) {
  console.error("usage: count-results.mjs vitest|meson|unittest FILE");
  process.exit(2);
}
// A tool that died before it could report has failed once.
console.log((existsSync(file) ? counters[kind](readFileSync(file, "utf8")) : [0, 1, 0]).join(" "));
