// The last configuration that the data plane took, on disk: a data plane that starts anew gets it without a controller.
//
//   sluice-ld-config 1\n<SHA-256 of the rest, hex>\n<LdConfig, protobuf>
//
// It holds the cluster's keys, so only the agent's user may read it.
import { createHash } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LdConfig } from "@sluice/proto/ld";
import type { Logger } from "pino";

const MAGIC = "sluice-ld-config 1";
const FILE = "config";

/** What a file says that cannot be used. */
export class BadConfigFile extends Error {
  override name = "BadConfigFile";
}

const sum = (body: Uint8Array) => createHash("sha256").update(body).digest("hex");

/** @throws BadConfigFile */
function bodyOf(file: Buffer): Buffer {
  const endOfMagic = file.indexOf("\n");
  const endOfSum = file.indexOf("\n", endOfMagic + 1);
  if (endOfSum < 0 || file.subarray(0, endOfMagic).toString() !== MAGIC) {
    throw new BadConfigFile(`it does not begin with "${MAGIC}"`);
  }
  const body = file.subarray(endOfSum + 1);
  if (file.subarray(endOfMagic + 1, endOfSum).toString() !== sum(body)) {
    throw new BadConfigFile("its checksum is wrong: it is damaged, or was cut short");
  }
  return body;
}

/** Writes a file as a whole or not at all, whatever happens meanwhile. */
async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  const next = `${path}.next`;
  const file = await open(next, "w", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync(); // the new name, too, outlives a power failure
  } finally {
    await directory.close();
  }
}

export class LastConfig {
  readonly #path: string;
  readonly #logger: Logger;
  /** Writes come one after the other: the last one asked for is the one that stays. */
  #last: Promise<void> = Promise.resolve();
  /** The last one asked for, while it is not on disk. */
  #unsaved: LdConfig | undefined;
  /** The last attempt to write has failed, which has been logged. */
  #failing = false;

  /** @param directory - exists, and is the agent's alone */
  constructor(directory: string, logger: Logger) {
    this.#path = join(directory, FILE);
    this.#logger = logger;
  }

  /** Undefined when there is none that can be used; why has been logged then. What could not be written is used all the same. */
  async load(): Promise<LdConfig | undefined> {
    if (this.#unsaved !== undefined) return this.#unsaved;
    const said = { path: this.#path };
    let file: Buffer;
    try {
      file = await readFile(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
        const reason = (error as Error).message;
        this.#logger.error(
          { event: "config_unreadable", ...said, reason },
          "the last configuration cannot be read",
        );
      }
      return undefined;
    }
    try {
      return LdConfig.decode(bodyOf(file));
    } catch (error) {
      this.#logger.error(
        { event: "config_refused", ...said, reason: (error as Error).message },
        "the last configuration is not used (apply one, and the file is written anew)",
      );
      return undefined;
    }
  }

  /** Returns when the configuration is on disk, or why it is not has been logged: it is in force in any case. */
  save(config: LdConfig): Promise<void> {
    return this.#then(config, () => this.#write(config));
  }

  /** As save(), but what the disk has already is not written: the data plane holds this one, whoever has given it. */
  keep(config: LdConfig): Promise<void> {
    return this.#then(config, async () => {
      if (!(await this.#has(config))) await this.#write(config);
      else if (this.#unsaved === config) this.#unsaved = undefined;
    });
  }

  #then(config: LdConfig, write: () => Promise<void>): Promise<void> {
    this.#unsaved = config;
    this.#last = this.#last.then(write);
    return this.#last;
  }

  async #has(config: LdConfig): Promise<boolean> {
    try {
      return bodyOf(await readFile(this.#path)).equals(LdConfig.encode(config).finish());
    } catch {
      return false; // there is none that can be used
    }
  }

  /** What could not be written is tried once more: the disk was full, say. */
  again(): Promise<void> {
    return this.#failing && this.#unsaved !== undefined ? this.save(this.#unsaved) : Promise.resolve();
  }

  async #write(config: LdConfig): Promise<void> {
    const said = { path: this.#path };
    const body = LdConfig.encode(config).finish();
    try {
      await replaceFile(
        this.#path,
        Buffer.concat([Buffer.from(`${MAGIC}\n`), Buffer.from(`${sum(body)}\n`), body]),
      );
    } catch (error) {
      if (!this.#failing) {
        const reason = (error as Error).message;
        this.#logger.error(
          { event: "config_not_saved", ...said, reason },
          "the configuration is in force, but not on disk (it is tried again)",
        );
      }
      this.#failing = true;
      return;
    }
    if (this.#failing) {
      this.#logger.info({ event: "config_saved", ...said }, "the configuration is on disk, after all");
    }
    this.#failing = false;
    if (this.#unsaved === config) this.#unsaved = undefined;
  }
}
