// The store of several controllers: etcd, below a prefix of the region's own. Only the controller that leads commits, and every
// transaction says so: it asks that the leader's key is still there.
//
//   head                          revision, and which commit made it
//   objects/<key>                 the object as it is now
//   commits/<revision>            CommitHead
//   changes/<revision>/<number>   some Changes of that revision
//   unfinished                    revision whose objects are still being written
//
// A transaction of etcd holds 128 operations and 1.5 MiB, a commit may change a million objects. A large one is written in three
// steps: its changes, which nobody reads yet; the head, which makes it so; the objects. Whoever leads next finishes the last one.
import { randomUUID } from "node:crypto";
import { type ComparatorBuilder, type IOperation, type Namespace, Range } from "etcd3";
import type { Leadership } from "./election.js";
import {
  type Change,
  type Commit,
  type CommitHead,
  ConflictError,
  type Snapshot,
  type Store,
  StoreError,
  TooLargeError,
} from "./types.js";

/** With its objects and the head a transaction stays below the 128 operations that etcd takes by default. */
const CHANGES_AT_ONCE = 100;
/** Before and after in the change, and the object itself: below the 1.5 MiB that etcd takes by default. */
const BYTES_AT_ONCE = 500_000;
/** Of one object, as JSON in UTF-8. Its change has it twice, before and after, and is one value of etcd's. */
const MAX_OBJECT_BYTES = 700_000;
const KEYS_A_PAGE = 1_000;
const REVISION_DIGITS = 12;

interface Head {
  revision: number;
  /** A transaction whose answer was lost is tried again by the client: that it was ours is seen by this. */
  commit: string;
}

const padded = (number: number) => String(number).padStart(REVISION_DIGITS, "0");
const commitKey = (revision: number) => `commits/${padded(revision)}`;
const changesPrefix = (revision: number) => `changes/${padded(revision)}/`;
const objectKey = (key: string) => `objects/${key}`;

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value) ?? "");
const shown = (bytes: number) => bytes.toLocaleString("en-US");

/** @param parts - one that is too large has a part of its own @throws TooLargeError */
function checkSizes(parts: readonly Change[][]): void {
  for (const { key, after } of parts.flatMap((part) => (part.length === 1 ? part : []))) {
    const bytes = bytesOf(after);
    if (bytes > MAX_OBJECT_BYTES) {
      throw new TooLargeError(
        `${key}: it has ${shown(bytes)} bytes as JSON, and etcd takes ${shown(MAX_OBJECT_BYTES)} for one object (give it fewer entries, ` +
          `such as one prefix for many; the embedded store of a single controller has no such limit)`,
      );
    }
  }
}

/** Parts that fit a transaction each. A change that is too large by itself is a part of its own. */
function partsOf(changes: readonly Change[]): Change[][] {
  const parts: Change[][] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = bytesOf(change);
    if (parts.length === 0 || parts.at(-1)!.length === CHANGES_AT_ONCE || bytes + size > BYTES_AT_ONCE) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(change);
    bytes += size;
  }
  return parts;
}

/** What etcd, and gRPC in front of it, answer to more than etcd's `--max-request-bytes`. They have done nothing then. */
const TOO_LARGE = /request is too large|received message larger than max/;

/** @param changes - of a commit that etcd has refused @param reason - what it says */
function tooLarge(changes: readonly Change[], reason: string): TooLargeError {
  const sizes = changes.map((change) => ({
    key: change.key,
    bytes: bytesOf(change.after),
    all: bytesOf(change),
  }));
  const { key, bytes } = sizes.reduce((most, size) => (size.all > most.all ? size : most));
  return new TooLargeError(
    `etcd has refused the change (${reason}); the largest object in it is ${key} with ${shown(bytes)} bytes as JSON ` +
      `(give it fewer entries, or start etcd with a larger --max-request-bytes: by default it takes 1,572,864)`,
  );
}

export class EtcdStore implements Store {
  readonly #etcd: Namespace;
  readonly #leadership: Leadership;
  #head: Head = { revision: 0, commit: "" };
  #last: Promise<unknown> = Promise.resolve();

  private constructor(etcd: Namespace, leadership: Leadership) {
    this.#etcd = etcd;
    this.#leadership = leadership;
  }

  /**
   * The store for as long as this controller leads. What an earlier leader has begun is finished, or forgotten where nobody could
   * read it yet.
   *
   * @param etcd - the region's part of etcd's keys
   * @throws StoreError when etcd cannot be used
   */
  static async open(etcd: Namespace, leadership: Leadership): Promise<EtcdStore> {
    const store = new EtcdStore(etcd, leadership);
    await store.#try("cannot be read", async () => {
      store.#head = ((await etcd.get("head").json()) as Head | null) ?? store.#head;
      const unfinished = await etcd.get("unfinished").number();
      if (unfinished !== null) {
        await store.#writeObjects(partsOf(await store.#changesOf(unfinished)));
      }
      // Of a commit that did not get as far as the head.
      await store.#forget(store.#head.revision + 1);
    });
    return store;
  }

  async #try<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StoreError || error instanceof ConflictError) {
        throw error;
      }
      throw new StoreError(`the store in etcd ${what}: ${(error as Error).message}`);
    }
  }

  /** All or none of the operations, while this controller leads. @throws StoreError when it does not any more */
  async #write(...operations: IOperation[]): Promise<void> {
    const { succeeded } = await this.#guarded()
      .then(...operations)
      .commit();
    if (!succeeded) {
      throw this.#noLeader();
    }
  }

  #guarded(): ComparatorBuilder {
    const { key, term } = this.#leadership;
    return this.#etcd.if(key, "Create", "==", String(term));
  }

  #noLeader(): StoreError {
    return new StoreError("another controller leads now");
  }

  load(): Promise<Snapshot> {
    return this.#try("cannot be read", async () => {
      const objects = new Map<string, unknown>();
      for await (const [key, value] of this.#values("objects/")) {
        objects.set(key.slice("objects/".length), value);
      }
      return { revision: this.#head.revision, objects };
    });
  }

  commit(expected: number, commit: Omit<Commit, "revision">): Promise<CommitHead> {
    const result = this.#last.then(() => this.#commitOrResign(expected, commit));
    this.#last = result.catch(() => {});
    return result;
  }

  /** What went wrong on the way may have been done or not. Who leads next reads what is so. */
  async #commitOrResign(expected: number, commit: Omit<Commit, "revision">): Promise<CommitHead> {
    if (expected !== this.#head.revision) {
      throw new ConflictError(expected, this.#head.revision);
    }
    const parts = partsOf(commit.changes);
    checkSizes(parts);
    try {
      return await this.#commit(expected, commit, parts);
    } catch (error) {
      const { message } = error as Error;
      if (TOO_LARGE.test(message) && this.#head.revision === expected && (await this.#forgot(expected + 1))) {
        throw tooLarge(commit.changes, message);
      }
      await this.#leadership.resign(`a commit failed: ${message}`);
      throw new StoreError(
        `${message} (whether the change was stored is not known: sluice history tells; it can be sent again)`,
      );
    }
  }

  /** Takes away what nobody can read yet of a commit that was refused. @returns whether it is gone */
  async #forgot(revision: number): Promise<boolean> {
    try {
      await this.#forget(revision);
      return true;
    } catch {
      return false;
    }
  }

  /** Of commits from this one on. */
  async #forget(revision: number): Promise<void> {
    const start = changesPrefix(revision);
    await this.#write(this.#etcd.delete().inRange({ start, end: Range.prefix("changes/").end }));
  }

  async #commit(
    expected: number,
    { changes, ...head }: Omit<Commit, "revision">,
    parts: readonly Change[][],
  ): Promise<CommitHead> {
    const revision = expected + 1;
    const committed: CommitHead = { ...head, revision, changes: changes.length };
    const isSmall = parts.length === 1 && bytesOf(changes) <= BYTES_AT_ONCE;
    const small = isSmall ? this.#objectsOf(parts[0]!) : undefined;
    if (small === undefined) {
      for (const [i, part] of parts.entries()) {
        await this.#write(this.#putChanges(revision, i, part));
      }
    }
    await this.#flip(
      { revision, commit: randomUUID() },
      this.#etcd.put(commitKey(revision)).value(JSON.stringify(committed)),
      ...(small === undefined
        ? [this.#etcd.put("unfinished").value(revision)]
        : [this.#putChanges(revision, 0, parts[0]!), ...small]),
    );
    if (small === undefined) {
      await this.#writeObjects(parts);
    }
    return committed;
  }

  /** Makes a commit the newest one. */
  async #flip(next: Head, ...operations: IOperation[]): Promise<void> {
    const held = this.#head.revision === 0 ? undefined : JSON.stringify(this.#head);
    const guarded = this.#guarded();
    const compared =
      held === undefined ? guarded.and("head", "Create", "==", 0) : guarded.and("head", "Value", "==", held);
    const { succeeded } = await compared
      .then(this.#etcd.put("head").value(JSON.stringify(next)), ...operations)
      .commit();
    if (!succeeded) {
      const now = (await this.#etcd.get("head").json()) as Head | null;
      if (now?.commit !== next.commit) {
        throw this.#noLeader();
      }
    }
    this.#head = next;
  }

  #putChanges(revision: number, number: number, part: readonly Change[]): IOperation {
    return this.#etcd.put(`${changesPrefix(revision)}${padded(number)}`).value(JSON.stringify(part));
  }

  #objectsOf(part: readonly Change[]): IOperation[] {
    return part.map(({ key, after }) =>
      after === undefined
        ? this.#etcd.delete().key(objectKey(key))
        : this.#etcd.put(objectKey(key)).value(JSON.stringify(after)),
    );
  }

  async #writeObjects(parts: readonly Change[][]): Promise<void> {
    for (const part of parts) {
      await this.#write(...this.#objectsOf(part));
    }
    await this.#write(this.#etcd.delete().key("unfinished"));
  }

  /** The values below a prefix, in the order of their keys. */
  async *#values(prefix: string): AsyncGenerator<[key: string, value: unknown]> {
    let start: string | undefined = prefix;
    const { end } = Range.prefix(prefix);
    while (start !== undefined) {
      const { kvs, more } = await this.#etcd.getAll().inRange({ start, end }).limit(KEYS_A_PAGE).exec();
      for (const { key, value } of kvs) {
        yield [key.toString(), JSON.parse(value.toString())];
      }
      start = more ? `${kvs.at(-1)!.key.toString()}\0` : undefined;
    }
  }

  async #changesOf(revision: number): Promise<Change[]> {
    const changes: Change[] = [];
    for await (const [, part] of this.#values(changesPrefix(revision))) {
      changes.push(...(part as Change[]));
    }
    return changes;
  }

  history(limit: number, before = Number.MAX_SAFE_INTEGER): Promise<CommitHead[]> {
    if (limit === 0) {
      return Promise.resolve([]); // etcd takes it for no limit
    }
    return this.#try("cannot be read", async () => {
      const end = commitKey(Math.min(before, this.#head.revision + 1));
      const { kvs } = await this.#etcd
        .getAll()
        .inRange({ start: "commits/", end })
        .sort("Key", "Descend")
        .limit(limit)
        .exec();
      return kvs.map(({ value }) => JSON.parse(value.toString()) as CommitHead);
    });
  }

  read(revision: number): Promise<Commit | undefined> {
    return this.#try("cannot be read", async () => {
      const head = (await this.#etcd.get(commitKey(revision)).json()) as CommitHead | null;
      return head === null ? undefined : { ...head, changes: await this.#changesOf(revision) };
    });
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#leadership.resign("it has stopped");
  }
}
