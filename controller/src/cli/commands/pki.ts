// sluice pki: certificates of a lab or a small region, made by openssl. There are two authorities. One vouches for the parts, and
// only the controller has a client certificate of it; the other for the people and programs that use the controller. So nobody's
// certificate for the API opens a switch.
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Command, Option } from "commander";
import { ROLES, type Role } from "../../api/index.js";
import type { Io } from "../context.js";
import { UsageError } from "../exit.js";
import { wholeNumberIn } from "../numbers.js";

const run = promisify(execFile);
const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const AUTHORITY_DAYS = "3650";
/** No certificate is good for longer than its authority. */
const MAX_DAYS = Number(AUTHORITY_DAYS);

const AUTHORITIES = { parts: "Sluice parts", users: "Sluice users" } as const;
type Authority = keyof typeof AUTHORITIES;

interface Certificate {
  authority: Authority;
  /** Its path without .pem and .key. */
  path: string;
  name: string;
  role?: Role;
  /** Names and addresses that a server is reached by; none: a client. */
  hosts: readonly string[];
  days: number;
}

async function openssl(...args: string[]): Promise<void> {
  try {
    await run("openssl", args);
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string };
    throw new UsageError(
      code === "ENOENT"
        ? "openssl is not installed (apt-get install openssl)"
        : `openssl ${args[0]}: ${stderr ?? message}`,
    );
  }
}

async function makeAuthority(directory: string, authority: Authority): Promise<void> {
  const path = join(directory, `${authority}-ca`);
  const exists = await stat(`${path}.key`).then(
    () => true,
    () => false,
  );
  if (exists) {
    throw new UsageError(`${path}.key is there already (another directory makes another authority)`);
  }
  await openssl(
    ...["req", "-x509", ...CURVE, "-days", AUTHORITY_DAYS, "-subj", `/CN=${AUTHORITIES[authority]}`],
    ...[
      "-addext",
      "basicConstraints=critical,CA:TRUE,pathlen:0",
      "-addext",
      "keyUsage=critical,keyCertSign,cRLSign",
    ],
    ...["-keyout", `${path}.key`, "-out", `${path}.pem`],
  );
  await chmod(`${path}.key`, 0o600);
}

async function issue(
  directory: string,
  { authority, path, name, role, hosts, days }: Certificate,
): Promise<void> {
  if (!/^[\w.-]{1,63}$/.test(name)) {
    throw new UsageError(`"${name}" is not a name (letters, digits, ".", "_", "-")`);
  }
  const scratch = await mkdtemp(join(tmpdir(), "sluice-pki-"));
  try {
    const request = join(scratch, "request.pem");
    const extensions = join(scratch, "extensions");
    const usage = hosts.length > 0 ? "serverAuth" : "clientAuth";
    const names = hosts.map((host) => `${isIP(host) === 0 ? "DNS" : "IP"}:${host}`).join(",");
    await writeFile(
      extensions,
      `basicConstraints=critical,CA:FALSE\nextendedKeyUsage=${usage}\n${names === "" ? "" : `subjectAltName=${names}\n`}`,
    );
    const subject = `${role === undefined ? "" : `/O=${role}`}/CN=${name}`;
    await openssl("req", ...CURVE, "-subj", subject, "-keyout", `${path}.key`, "-out", request);
    await chmod(`${path}.key`, 0o600);
    await openssl(
      ...["x509", "-req", "-in", request, "-days", `${days}`, "-extfile", extensions, "-out", `${path}.pem`],
      ...["-CA", join(directory, `${authority}-ca.pem`), "-CAkey", join(directory, `${authority}-ca.key`)],
      "-CAcreateserial",
    );
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function folder(directory: string, ...names: string[]): Promise<string> {
  const path = join(directory, ...names);
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

interface InitOptions {
  host: string[];
  days: number;
}

async function init(directory: string, { host, days }: InitOptions): Promise<void> {
  await folder(directory);
  await makeAuthority(directory, "parts");
  await makeAuthority(directory, "users");
  const controller = await folder(directory, "controller");
  const common = { name: "controller", days };
  await issue(directory, { ...common, authority: "users", path: join(controller, "server"), hosts: host });
  await issue(directory, {
    ...common,
    authority: "parts",
    path: join(controller, "parts-client"),
    hosts: [],
  });
  await copyFile(join(directory, "users-ca.pem"), join(controller, "ca.pem"));
  await copyFile(join(directory, "parts-ca.pem"), join(controller, "parts-ca.pem"));
}

async function addUser(directory: string, name: string, role: Role, days: number): Promise<string> {
  const user = await folder(directory, "users", name);
  await issue(directory, { authority: "users", path: join(user, "client"), name, role, hosts: [], days });
  await copyFile(join(directory, "users-ca.pem"), join(user, "ca.pem"));
  return user;
}

async function addPart(
  directory: string,
  name: string,
  hosts: readonly string[],
  days: number,
): Promise<string> {
  const part = await folder(directory, "parts", name);
  await issue(directory, { authority: "parts", path: join(part, "server"), name, hosts, days });
  await copyFile(join(directory, "parts-ca.pem"), join(part, "ca.pem"));
  return part;
}

export function addPki(program: Command, io: Io): void {
  const pki = program
    .command("pki")
    .description("certificates for mutual TLS between the controller, its users and the parts");
  const collect = (value: string, all: string[]) => [...all, value];
  const days = () =>
    new Option("--days <days>", "how long a certificate is good")
      .default(365)
      .argParser(wholeNumberIn(1, MAX_DAYS));
  pki
    .command("init <directory>")
    .description("make the two authorities, and the controller's certificates")
    .option(
      "--host <name>",
      "a name or address that users reach the controller by; may be repeated",
      collect,
      [],
    )
    .addOption(days())
    .action(async (directory: string, options: InitOptions) => {
      const hosts = options.host.length === 0 ? ["localhost", "127.0.0.1", "::1"] : options.host;
      await init(directory, { ...options, host: hosts });
      io.stdout.write(`${join(directory, "controller")}: for sluice serve --pki\n`);
    });
  pki
    .command("user <directory> <name>")
    .description("issue a certificate for somebody who uses the controller")
    .addOption(new Option("--role <role>").choices(ROLES).makeOptionMandatory())
    .addOption(days())
    .action(async (directory: string, name: string, options: { role: Role; days: number }) => {
      io.stdout.write(
        `${await addUser(directory, name, options.role, options.days)}: for sluice --pki (SLUICE_PKI)\n`,
      );
    });
  pki
    .command("part <directory> <name>")
    .description("issue a certificate for a switch or an LD's agent")
    .requiredOption(
      "--host <name>",
      "a name or address that the controller reaches it by; may be repeated",
      collect,
      [],
    )
    .addOption(days())
    .action(async (directory: string, name: string, options: InitOptions) => {
      io.stdout.write(
        `${await addPart(directory, name, options.host, options.days)}: for the part's --pki\n`,
      );
    });
}
