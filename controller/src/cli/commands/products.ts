// The products by their own names: each command is one change of the desired state, made by the controller.
import type { Command } from "commander";
import { sameValue } from "../../daemon/objects.js";
import { type Io, print } from "../context.js";
import { agreeTo, carryOut, type Deed, existing, given, type Json } from "../deeds.js";
import { EXIT, UsageError } from "../exit.js";
import { port, wholeNumber } from "../numbers.js";
import { type ChangeOptions, renderResult, withChangeOptions } from "../server.js";
import { changeAndMove, setDrained } from "./ld.js";

interface OwnerOptions extends ChangeOptions {
  vpc?: string;
  vm?: string;
  mac?: string;
  host?: string;
  vip?: string;
}

function withOwnerOptions(command: Command): Command {
  return withChangeOptions(command)
    .option("--vpc <name>", "the VPC of the VM or VIP")
    .option("--vm <address>", "the VM's address in the VPC")
    .option("--mac <mac>", "the VM's MAC address")
    .option("--host <address>", "the tunnel endpoint of the VM's host")
    .option("--vip <address>", "instead of a VM: the VIP of an internal load balancer in the VPC");
}

/** Whose an EIP becomes; what is not given stays as it is for the same VM. */
function ownerOf({ vpc, vm, mac, host, vip }: OwnerOptions, before: Json = {}): Json {
  if ([vpc, vm, mac, host, vip].every((item) => item === undefined)) {
    throw new UsageError("whose is it to be? (give --vm, --host or --vip)");
  }
  if (vip !== undefined) {
    if (vm !== undefined) {
      throw new UsageError("an EIP belongs to a VM or to a VIP (give --vm or --vip, not both)");
    }
    return { vip: given({ vpc: vpc ?? (before.vip as Json | undefined)?.vpc, address: vip }) };
  }
  const old = (before.vm as Json | undefined) ?? {};
  return { vm: { ...old, ...given({ vpc, address: vm, mac, host }) } };
}

function addEip(program: Command, io: Io): void {
  const eip = program.command("eip").description("elastic IPs: public addresses that move between VMs");
  withOwnerOptions(eip.command("create <name> <address>"))
    .description("allot a public address to a VM, or to the VIP of an internal load balancer")
    .requiredOption("--network <name>", "the upstream network it is reached by")
    .option("--limit-in <rate>", "like 100Mbps")
    .option("--limit-out <rate>", "like 100Mbps")
    .action(
      async (
        name: string,
        address: string,
        options: OwnerOptions & { network: string; limitIn?: string; limitOut?: string },
      ) => {
        const limit = given({ in: options.limitIn, out: options.limitOut });
        await carryOut(io, options, {
          key: `eips/${name}`,
          action: `eip create ${name}`,
          edit: (before) => {
            const after: Json = {
              name,
              ...(before?.id !== undefined && { id: before.id }),
              address,
              network: options.network,
              ...ownerOf(options),
              ...(Object.keys(limit).length > 0 && { limit }),
            };
            const withoutId = (eip: Json) => ({ ...eip, id: undefined });
            if (before !== undefined && !sameValue(withoutId(before), withoutId(after))) {
              throw new UsageError(
                `EIP ${name} exists already (sluice eip move ${name} gives it to another VM)`,
              );
            }
            return after;
          },
        });
      },
    );
  for (const [verb, description] of [
    ["bind", "give the address to a VM or VIP"],
    ["move", "move the address to another VM, host or VIP: one write of each switch, both ways at once"],
  ] as const) {
    withOwnerOptions(eip.command(`${verb} <name>`))
      .description(description)
      .action(async (name: string, options: OwnerOptions) => {
        await carryOut(io, options, {
          key: `eips/${name}`,
          action: `eip ${verb} ${name}`,
          isRisky: true, // its present owner loses it
          edit: (before) => {
            const {
              vm: _,
              vip: __,
              ...rest
            } = existing("EIP", name, before, `sluice eip create ${name} ADDRESS …`);
            return { ...rest, ...ownerOf(options, before) };
          },
        });
      });
  }
  withChangeOptions(eip.command("release <name>"))
    .description("give the address back")
    .action(async (name: string, options: ChangeOptions) => {
      await carryOut(io, options, {
        key: `eips/${name}`,
        action: `eip release ${name}`,
        isRisky: true,
        edit: () => undefined,
      });
    });
}

function addLimit(program: Command, io: Io): void {
  const limit = program.command("limit").description("bandwidth limits of EIPs");
  withChangeOptions(limit.command("set <eip>"))
    .description("set the limits of an EIP; a direction that is not given has none")
    .option("--in <rate>", "towards the VM, like 100Mbps")
    .option("--out <rate>", "from the VM")
    .action(async (name: string, options: ChangeOptions & { in?: string; out?: string }) => {
      const rates = given({ in: options.in, out: options.out });
      await carryOut(io, options, {
        key: `eips/${name}`,
        action: `limit set ${name}`,
        edit: (before) => {
          const { limit: _, ...rest } = existing("EIP", name, before, `sluice eip create ${name} ADDRESS …`);
          return Object.keys(rates).length === 0 ? rest : { ...rest, limit: rates };
        },
      });
    });
}

interface ServiceOptions extends ChangeOptions {
  vip: string;
  port: number;
  protocol: string;
  cluster: string;
  vpc?: string;
  scheduler?: string;
}

function addService(program: Command, io: Io): void {
  const service = program.command("service").description("load-balanced services");
  withChangeOptions(service.command("create <name>"))
    .description("put a service on a cluster of LDs; with --vpc its VIP is inside the VPC")
    .requiredOption("--vip <address>", "the address that clients use")
    .requiredOption("--port <port>", "the port that clients use", port)
    .requiredOption("--cluster <name>", "the LDs that carry it")
    .option("--protocol <protocol>", "tcp or udp", "tcp")
    .option("--vpc <name>", "the VPC that the VIP is in; default: none, it is public")
    .option("--scheduler <name>", "how new sessions are dealt to real servers")
    .action(async (name: string, options: ServiceOptions) => {
      const { vip, port, protocol, cluster, vpc, scheduler } = options;
      const wanted: Json = { name, ...given({ vip, port, protocol, cluster, vpc, scheduler }) };
      await carryOut(io, options, {
        key: `services/${name}`,
        action: `service create ${name}`,
        edit: (before) => {
          // What it has besides, such as real servers, it keeps: a request may be repeated.
          const isOther = Object.entries(wanted).some(
            ([field, value]) => `${before?.[field]}` !== `${value}`,
          );
          if (before !== undefined && (isOther || `${before.vpc}` !== `${vpc}`)) {
            throw new UsageError(
              `service ${name} exists already (sluice apply changes it, sluice migrate service moves it to another cluster)`,
            );
          }
          return before ?? wanted;
        },
      });
    });
  withChangeOptions(service.command("delete <name>"))
    .description("take a service away")
    .action(async (name: string, options: ChangeOptions) => {
      const key = `services/${name}`;
      const action = `service delete ${name}`;
      await carryOut(io, options, { key, action, isRisky: true, edit: () => undefined });
    });
}

interface RsOptions extends ChangeOptions {
  address: string;
  port: number;
  weight?: number;
  vpc?: string;
  host?: string;
  mac?: string;
}

function addRs(program: Command, io: Io): void {
  const rs = program.command("rs").description("real servers of a service");
  const edit = (service: string, change: (servers: Json[]) => Json[]) => (before: Json | undefined) => {
    const found = existing("service", service, before, `sluice service create ${service} …`);
    return { ...found, real_servers: change((found.real_servers as Json[] | undefined) ?? []) };
  };
  withChangeOptions(rs.command("add <service> <name>"))
    .description("add a real server, or change one; what is not given stays as it is")
    .requiredOption("--address <address>", "where it listens")
    .requiredOption("--port <port>", "where it listens", port)
    .option("--weight <weight>", "its share of new sessions beside others; 0: none", wholeNumber)
    .option("--vpc <name>", "the VPC that it is in; default: none")
    .option("--host <address>", "the tunnel endpoint of its host, in a VPC")
    .option("--mac <mac>", "its MAC address, in a VPC")
    .action(async (service: string, name: string, options: RsOptions) => {
      const { address, port, weight, vpc, host, mac } = options;
      const server = { name, ...given({ address, port, weight, vpc, host, mac }) };
      await carryOut(io, options, {
        key: `services/${service}`,
        action: `rs add ${service} ${name}`,
        edit: edit(service, (servers) =>
          servers.some((item) => item.name === name)
            ? servers.map((item) => (item.name === name ? { ...item, ...server } : item))
            : [...servers, server],
        ),
      });
    });
  withChangeOptions(rs.command("remove <service> <name>"))
    .description("take a real server away")
    .action(async (service: string, name: string, options: ChangeOptions) => {
      await carryOut(io, options, {
        key: `services/${service}`,
        action: `rs remove ${service} ${name}`,
        isRisky: true,
        edit: edit(service, (servers) => servers.filter((item) => item.name !== name)),
      });
    });
}

interface ScaleOptions extends ChangeOptions {
  add?: string;
  remove?: string;
  agent?: string;
  address?: string;
  gateway?: string;
  mac?: string;
  addressV6?: string;
  gatewayV6?: string;
}

/** An LD leaves without its buckets; one that cannot be reached has nothing to give. */
async function isEmptied(io: Io, options: ScaleOptions, ld: string): Promise<boolean> {
  if (!options.wait || options.dryRun === true) {
    return true;
  }
  const { settled } = await setDrained(io, options, ld, true);
  const isLost = settled?.parts.find(({ name }) => name === ld)?.state === "unreachable";
  if (settled?.settled === true || isLost) {
    io.exitCode = EXIT.ok;
    return true;
  }
  return false;
}

function addCluster(program: Command, io: Io): void {
  const cluster = program.command("cluster").description("clusters of LDs");
  withChangeOptions(cluster.command("scale <name>"))
    .description("add an LD to a cluster, or take one away; only as many buckets move as must")
    .option("--add <ld>", "the name of a new LD")
    .option(
      "--remove <ld>",
      "its buckets go to the others first; not with --no-wait, nor when it cannot be reached",
    )
    .option("--agent <address>", "of the LD to add: its agent")
    .option("--address <prefix>", "its tunnel endpoint, like 10.0.3.2/24")
    .option("--gateway <address>", "its next hop")
    .option("--address-v6 <prefix>", "for local IPs of IPv6")
    .option("--gateway-v6 <address>", "its next hop over IPv6")
    .option("--mac <mac>", "its MAC address")
    .action(async (name: string, options: ScaleOptions) => {
      const { add, remove, agent, address, gateway, mac } = options;
      const v6 = { address_v6: options.addressV6, gateway_v6: options.gatewayV6 };
      if ((add === undefined) === (remove === undefined)) {
        throw new UsageError("give either --add LD or --remove LD");
      }
      const deed: Deed = {
        key: `clusters/${name}`,
        action: `cluster scale ${name} ${add === undefined ? `--remove ${remove}` : `--add ${add}`}`,
        edit: (before) => {
          const found = existing("cluster", name, before, "declare it in the document: sluice apply");
          const lds = ((found.lds as Json[] | undefined) ?? []).filter((ld) => ld.name !== (add ?? remove));
          const added =
            add === undefined ? [] : [{ name: add, ...given({ agent, address, gateway, mac, ...v6 }) }];
          return { ...found, lds: [...lds, ...added] };
        },
      };
      if (remove !== undefined) {
        await agreeTo(io, options, deed); // before its buckets go
        if (!(await isEmptied(io, options, remove))) {
          return;
        }
      }
      const { result, settled } = await changeAndMove(io, options, name, deed);
      print(
        io,
        options,
        { ...result, ...(settled && { settled: settled.settled, parts: settled.parts }) },
        () => renderResult(result, options, settled, io),
      );
    });
}

export function addProducts(program: Command, io: Io): void {
  addEip(program, io);
  addLimit(program, io);
  addService(program, io);
  addRs(program, io);
  addCluster(program, io);
}
