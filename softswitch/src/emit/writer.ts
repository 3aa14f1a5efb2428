/** Lines of generated JavaScript, and names for their temporaries. */
export class Writer {
  readonly #lines: string[] = [];
  #indent = 0;
  #temporaries = 0;

  line(text: string): void {
    this.#lines.push("  ".repeat(Math.min(this.#indent, 12)) + text);
  }

  /** Writes `head {`, the body, `}`. */
  block(head: string, body: () => void, tail = "}"): void {
    this.line(`${head} {`);
    this.#indent++;
    body();
    this.#indent--;
    this.line(tail);
  }

  /** Keeps a value under a name of its own. */
  keep(expression: string): string {
    const name = `t${this.#temporaries++}`;
    this.line(`const ${name} = ${expression};`);
    return name;
  }

  toString(): string {
    return this.#lines.join("\n");
  }
}
