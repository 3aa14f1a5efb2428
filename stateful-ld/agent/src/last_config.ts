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
function decode(file: Buffer): LdConfig {
  const endOfMagic = file.indexOf("\n");
  const endOfSum = file.indexOf("\n", endOfMagic + 1);
  if (endOfSum < 0 || file.subarray(0, endOfMagic).toString() !== MAGIC) {
    throw new BadConfigFile(`it does not begin with "${MAGIC}"`);
  }
  const body = file.subarray(endOfSum + 1);
  if (file.subarray(endOfMagic + 1, endOfSum).toString() !== sum(body)) {
    throw new BadConfigFile("its checksum is wrong: it is damaged, or was cut short");
  }
  return LdConfig.decode(body);
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

  /** @param directory - exists, and is the agent's alone */
  constructor(directory: string, logger: Logger) {
    this.#path = join(directory, FILE);
    this.#logger = logger;
  }

  /** Undefined when there is none that can be used; why has been logged then. */
  async load(): Promise<LdConfig | undefined> {
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
      return decode(file);
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
    this.#last = this.#last.then(async () => {
      const body = LdConfig.encode(config).finish();
      try {
        await replaceFile(
          this.#path,
          Buffer.concat([Buffer.from(`${MAGIC}\n`), Buffer.from(`${sum(body)}\n`), body]),
        );
      } catch (error) {
        this.#logger.error(
          { event: "config_not_saved", path: this.#path, reason: (error as Error).message },
          "the configuration is in force, but not on disk",
        );
      }
    });
    return this.#last;
  }
}
