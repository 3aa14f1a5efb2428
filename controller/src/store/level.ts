// The embedded store: LevelDB in a directory that one process has open. A commit is one synchronous batch, so it is there as a
// whole or not at all, whenever the process or the machine dies.
//
//   o <key>                  the object as it is now
//   c <revision>             CommitHead
//   d <revision> <number>    a Change of that revision
import { ClassicLevel } from "classic-level";
import {
  type Change,
  type Commit,
  type CommitHead,
  ConflictError,
  type Snapshot,
  type Store,
  StoreError,
} from "./types.js";

const REVISION_DIGITS = 12;

function commitKey(revision: number): string {
  return `c ${String(revision).padStart(REVISION_DIGITS, "0")}`;
}

function changePrefix(revision: number): string {
  return `d ${String(revision).padStart(REVISION_DIGITS, "0")} `;
}

/** Above every key that begins with `prefix`. */
function after(prefix: string): string {
  return `${prefix}\uffff`;
}

export class LevelStore implements Store {
  readonly #directory: string;
  readonly #db: ClassicLevel<string, unknown>;
  /** Why nothing more is stored; undefined: nothing has failed. */
  #failure: StoreError | undefined;
  #revision: number;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, db: ClassicLevel<string, unknown>, revision: number) {
    this.#directory = directory;
    this.#db = db;
    this.#revision = revision;
  }

  /** @throws StoreError when the directory cannot be used, or another process has it open */
  static async open(directory: string): Promise<LevelStore> {
    const db = new ClassicLevel<string, unknown>(directory, { valueEncoding: "json" });
    try {
      await db.open();
    } catch (error) {
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      throw new StoreError(
        cause?.code === "LEVEL_LOCKED"
          ? `store ${directory}: another process has it open (one controller at a time uses an embedded store)`
          : `store ${directory}: it cannot be opened: ${cause?.message ?? error}`,
      );
    }
    const [newest] = await db.keys({ gt: "c ", lt: after("c "), reverse: true, limit: 1 }).all();
    return new LevelStore(directory, db, newest === undefined ? 0 : Number(newest.slice(2)));
  }

  async load(): Promise<Snapshot> {
    const objects = new Map<string, unknown>();
    for await (const [key, value] of this.#db.iterator({ gt: "o ", lt: after("o ") })) {
      objects.set(key.slice(2), value);
    }
    return { revision: this.#revision, objects };
  }

  commit(expected: number, commit: Omit<Commit, "revision">): Promise<CommitHead> {
    const result = this.#last.then(() => this.#commit(expected, commit));
    this.#last = result.catch(() => {});
    return result;
  }

  async #commit(expected: number, { changes, ...head }: Omit<Commit, "revision">): Promise<CommitHead> {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    if (expected !== this.#revision) {
      throw new ConflictError(expected, this.#revision);
    }
    const revision = this.#revision + 1;
    const committed: CommitHead = { ...head, revision, changes: changes.length };
    const batch = this.#db.batch();
    batch.put(commitKey(revision), committed);
    for (const [i, change] of changes.entries()) {
      batch.put(`${changePrefix(revision)}${String(i).padStart(8, "0")}`, change);
      if (change.after === undefined) {
        batch.del(`o ${change.key}`);
      } else {
        batch.put(`o ${change.key}`, change.after);
      }
    }
    try {
      await batch.write({ sync: true });
    } catch (error) {
      throw this.#fail(error as Error);
    }
    this.#revision = revision;
    return committed;
  }

  /**
   * After a write that failed LevelDB's log may end in a torn record, and it would go on behind it: on the next start it reads no
   * further than there, and what was acknowledged since would be gone. So nothing is written any more.
   */
  #fail({ message }: Error): StoreError {
    const remedy = "make room on its disk and start sluice serve again: until then nothing is stored";
    this.#failure = new StoreError(`store ${this.#directory}: a write failed: ${message} (${remedy})`);
    return this.#failure;
  }

  async history(limit: number, before = Number.MAX_SAFE_INTEGER): Promise<CommitHead[]> {
    const lt = before > this.#revision ? after("c ") : commitKey(before);
    return (await this.#db.values({ gt: "c ", lt, reverse: true, limit }).all()) as CommitHead[];
  }

  async read(revision: number): Promise<Commit | undefined> {
    const head = (await this.#db.get(commitKey(revision))) as CommitHead | undefined;
    const prefix = changePrefix(revision);
    return (
      head && {
        ...head,
        changes: (await this.#db.values({ gt: prefix, lt: after(prefix) }).all()) as Change[],
      }
    );
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#db.close();
  }
}
