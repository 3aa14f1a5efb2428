/** What an object becomes; undefined: it is removed. `key` is kind and name: `eips/vm1`. */
export interface Change {
  key: string;
  before: unknown;
  after: unknown;
}

/** One revision, without what it changed. */
export interface CommitHead {
  revision: number;
  /** RFC 3339, UTC. */
  time: string;
  /** Who made it, as the API knows them. */
  actor: string;
  /** What they asked for: `eip move vm1`. */
  action: string;
  /** How many objects it changed. */
  changes: number;
}

export interface Commit extends Omit<CommitHead, "changes"> {
  changes: Change[];
}

export interface Snapshot {
  /** 0: nothing was ever committed. */
  revision: number;
  /** By key, in the order of the keys. */
  objects: Map<string, unknown>;
}

/** The store cannot be used. The message says why and what helps. */
export class StoreError extends Error {
  override name = "StoreError";
}

/** An object is larger than the store takes. Nothing was stored. */
export class TooLargeError extends Error {
  override name = "TooLargeError";
}

/** Someone else has committed in between. */
export class ConflictError extends Error {
  override name = "ConflictError";
  readonly revision: number;

  constructor(expected: number, revision: number) {
    super(
      `the desired state is at revision ${revision}, and the change was made for revision ${expected} (read it again and repeat the change)`,
    );
    this.revision = revision;
  }
}

export interface Store {
  /** Everything that is desired now. */
  load(): Promise<Snapshot>;
  /**
   * Makes changes, all or none; when the promise resolves they are on disk.
   *
   * @param expected - the revision that the changes were made for
   * @returns the new revision
   * @throws ConflictError when it is not the newest one, TooLargeError; nothing is stored then
   */
  commit(expected: number, commit: Omit<Commit, "revision">): Promise<CommitHead>;
  /** The newest revisions, the newest first. @param before - only those below */
  history(limit: number, before?: number): Promise<CommitHead[]>;
  /** One revision with all that it changed; undefined when there is none of that number. */
  read(revision: number): Promise<Commit | undefined>;
  close(): Promise<void>;
}
