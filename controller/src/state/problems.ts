// What is wrong with a document, each with its place.

/** A place in a file; line and column count from 1. */
export interface Place {
  line: number;
  column: number;
}

export interface Problem extends Place {
  file: string;
  /** What is wrong, why, and the remedy: `service web: cluster "west" does not exist (declare it under clusters:)`. */
  message: string;
}

/** `sluice.yaml:12:5: …`, the form that editors and terminals make a link of. */
export function formatProblem({ file, line, column, message }: Problem): string {
  return `${file}:${line}:${column}: ${message}`;
}

/** What is wrong in a document that is no text: it has no lines, and messages must not speak of them. */
export function withoutPlaces({ message }: Problem): string {
  return message
    .replaceAll(/\bthe (\w+) in line 0\b/g, "another $1")
    .replaceAll(/first in line 0(?:; )?/g, "")
    .replaceAll(/,? (?:in )?line 0\b/g, "")
    .replaceAll(" ()", "");
}

/** A document that cannot be used. Holds every problem, not only the first. */
export class InvalidDocument extends Error {
  override name = "InvalidDocument";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}
