// EIPs, ECMP groups and IPv6 on real switches: what apply writes, in which order, and where packets then go.
import { writeFileSync } from "node:fs";
import { Update_Type } from "@sluice/proto/p4runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeItem, placeOf, Switch } from "../src/p4runtime/index.js";
import { ECMP_SLOTS } from "../src/tables/constants.js";
import { runSluice } from "./support/cli.js";
import { FakeLd } from "./support/fake_ld.js";
import { FakeSwitch } from "./support/fake_switch.js";
import { useFolder } from "./support/folder.js";
import { gateway, repositoryFile } from "./support/program.js";
import { type RunningTarget, targets } from "./support/targets.js";

const folder = useFolder();
let file: string;
let text: string;
let lds: FakeLd[] = [];

beforeEach(async () => {
  file = folder.path("sluice.yaml");
  text = repositoryFile("controller/examples/eips.yaml").replaceAll("/run/sluice", folder.path(""));
  writeFileSync(file, text);
  lds = await Promise.all(["ld1", "ld2"].map((name) => FakeLd.listen(folder.socket(`${name}.agent.sock`))));
});
afterEach(() => {
  for (const ld of lds) {
    ld.stop();
  }
});

const sluice = (...argv: string[]) => runSluice(...argv, "-f", file);

function edit(from: string | RegExp, to: string): void {
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  writeFileSync(file, changed);
}

/** The VM of vm1 before it moves and after. */
const OLD_VM = "address: 192.168.0.10, mac: 02:00:00:00:06:20, host: 10.0.6.2 }\n    limit";
const NEW_VM = "address: 192.168.0.11, mac: 02:00:00:00:06:21, host: 10.0.6.9 }\n    limit";

describe.each(targets)("on the $name", (target) => {
  let running: RunningTarget;

  beforeEach(async () => {
    running = await target.start(folder.socket("gw1.sock"));
    // It may be another process that has to start first.
    const address = folder.socket("gw1.sock");
    (await Switch.connect({ name: "gw1", address, deviceId: 1n, waitMs: 20_000 })).close();
  });
  afterEach(() => running.stop());

  it("everything of the document is held, and a second apply writes nothing", async () => {
    expect(await sluice("apply")).toMatchObject({ code: 0, err: "" });
    expect(await sluice("diff")).toMatchObject({ code: 0, out: "No difference.\n" });
    const { out } = await sluice("get", "eips");
    await expect(out).toMatchFileSnapshot("goldens/get_eips.golden.txt");
    const json = JSON.parse((await sluice("get", "eips", "-o", "json")).out);
    expect(json[0]).toMatchObject({ name: "vm1", kind: "vm", limit_in_bps: 100e6, limit_out_bps: 20e6 });
    expect(json[3].switches[0]).toMatchObject({ bound: "192.168.0.100 in blue", in: { packets: 0 } });
  });

  it("a neighbor that leaves a group changes slots, not the group; one that is left alone ends it", async () => {
    await sluice("apply");
    edit("via: [192.0.2.2, 192.0.2.3, 192.0.2.4]", "via: [192.0.2.2, 192.0.2.4]");
    const { out } = await sluice("apply", "-o", "json");
    const { inserted, modified, deleted } = JSON.parse(out);
    expect([inserted, deleted]).toEqual([0, 0]);
    expect(modified).toBeLessThan(ECMP_SLOTS / 2);
    edit("via: [192.0.2.2, 192.0.2.3, 192.0.2.4]", "via: 192.0.2.2");
    expect(await sluice("apply")).toMatchObject({ code: 0, err: "" });
    expect(await sluice("diff")).toMatchObject({ code: 0 });
    writeFileSync(file, text);
    expect(await sluice("apply")).toMatchObject({ code: 0, err: "" });
    expect(await sluice("diff")).toMatchObject({ code: 0 });
  });
});

describe("an EIP that moves", () => {
  it("has its new owner's way out first, then one modify moves it, then the old way out goes", async () => {
    const gw1 = await FakeSwitch.listen(folder.socket("gw1.sock"));
    try {
      await sluice("apply");
      const events: string[] = [];
      gw1.onWrite = ({ updates }) => {
        for (const { type, entity } of updates) {
          events.push(`${Update_Type[type]} ${placeOf(decodeItem(gateway, entity!))}`);
        }
      };
      edit(OLD_VM, NEW_VM);
      expect(await sluice("apply")).toMatchObject({ code: 0, err: "" });
      expect(events).toEqual(["INSERT vm", "INSERT eip_out", "MODIFY eip_in", "DELETE eip_out", "DELETE vm"]);
    } finally {
      gw1.stop();
    }
  });

  it("is with one of the two VMs at every moment, and then with the new one", async () => {
    const running = await targets[0]!.start(folder.socket("gw1.sock"));
    try {
      await sluice("apply");
      const hostOf = () => {
        const [out] = running.soft!.inject(1, udpToEip());
        return out === undefined ? undefined : [...out.frame.subarray(30, 34)].join(".");
      };
      expect(hostOf()).toBe("10.0.6.2");
      edit(OLD_VM, NEW_VM);
      const seen = new Set<string | undefined>();
      const applied = sluice("apply").finally(() => clearInterval(timer));
      const timer = setInterval(() => seen.add(hostOf()), 1);
      await applied;
      expect(hostOf()).toBe("10.0.6.9");
      expect([...seen].filter((host) => host !== "10.0.6.2" && host !== "10.0.6.9")).toEqual([]);
      const { out } = await sluice("get", "eips", "-o", "json");
      expect(JSON.parse(out)[0].switches[0].in.packets).toBeGreaterThanOrEqual(2);
    } finally {
      await running.stop();
    }
  });
});

/** A UDP datagram from 198.51.100.9 to 203.0.113.50:9, as the upstream router sends it; without a UDP checksum. */
function udpToEip(): Uint8Array {
  const frame = Buffer.alloc(60);
  Buffer.from("020000000001" + "020000000102" + "0800", "hex").copy(frame);
  Buffer.from("4500001c00004000401100" + "00" + "c6336409" + "cb007132", "hex").copy(frame, 14);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) {
    sum += frame.readUInt16BE(i);
  }
  sum = (sum & 0xffff) + (sum >> 16);
  frame.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 24);
  frame.writeUInt16BE(40_000, 34);
  frame.writeUInt16BE(9, 36);
  frame.writeUInt16BE(8, 38);
  return frame;
}
