import { describe, expect, it } from "vitest";
import {
  fabricNetworks,
  formatProblem,
  InvalidDocument,
  loadState,
  type Problem,
  parseState,
} from "../src/state/index.js";
import { repositoryFile } from "./support/program.js";

const example = repositoryFile("controller/examples/sluice.yaml");

function problemsOf(text: string): readonly Problem[] {
  try {
    parseState("sluice.yaml", text);
  } catch (error) {
    if (error instanceof InvalidDocument) {
      return error.problems;
    }
    throw error;
  }
  return [];
}

/** Every problem as `line:column: message`. */
function linesOf(text: string): string[] {
  return problemsOf(text).map(({ line, column, message }) => `${line}:${column}: ${message}`);
}

describe("aliases", () => {
  it("that are a part of what they stand for, or stand for nothing, are named with their place", () => {
    expect(linesOf("services: &all [{ name: a }, *all]\n")).toEqual([
      "1:30: YAML: alias *all: it stands for something that it is a part of (write it out as far as it is meant)",
    ]);
    expect(linesOf("services: &a { real_servers: [{ name: &b [*a] }] }\n")).toEqual([
      expect.stringMatching(/^1:43: YAML: alias \*a: it stands for something that it is a part of/),
    ]);
    expect(linesOf("services: *all\nclusters: &all []\n")).toEqual([
      "1:11: YAML: alias *all: nothing before it has the anchor &all",
    ]);
  });

  it("that come to more than fits any memory are one problem, found before they are followed", () => {
    const times = (count: number, alias: string) => Array(count).fill(alias).join(", ");
    const laughs = [..."abcdefghi"].map(
      (name, i) => `  ${name}: &${name} [${times(9, i === 0 ? "x" : `*${"abcdefghi"[i - 1]}`)}]`,
    );
    expect(linesOf(`acl:\n${laughs.join("\n")}\n`)).toEqual([
      expect.stringMatching(
        /^8:.*: YAML: alias \*f: the document's aliases come to more than 1,000,000 values when they are written out \(use fewer of them\)$/,
      ),
    ]);
    // As deep as the document is anyway.
    const wide = `x-rs: &rs { name: rs, address: 10.0.0.1, port: 80 }
x-service: &service { name: s, real_servers: [${times(500, "*rs")}] }
services: [${times(1_000, "*service")}]\n`;
    expect(linesOf(wide)).toEqual([expect.stringContaining("aliases come to more than 1,000,000 values")]);
  });

  it("may be as many as a large region needs", () => {
    const server = "{ name: rs, address: 10.0.0.1, port: 80 }";
    const some = Array(1_000).fill("*rs").join(", ");
    const wrong = linesOf(`services: [{ real_servers: [&rs ${server}, ${some}] }]\n`);
    expect(wrong.filter((line) => line.includes("YAML"))).toEqual([]);
  });
});

it("a document that is nested without end is told so", () => {
  expect(linesOf(`acl: ${"[".repeat(20_000)}`)[0]).toMatch(/^1:\d+: YAML: it is nested too deeply/);
});

describe("a good document", () => {
  it("has its defaults filled in", () => {
    const state = parseState("sluice.yaml", example);
    expect(state.networks).toEqual([
      { name: "internet", id: undefined, vrf: 0, kind: undefined, prefixes: [] },
      { name: "fabric", id: undefined, vrf: 0, kind: undefined, prefixes: [] },
    ]);
    expect(state.priority_ports).toEqual([
      { protocol: "tcp", port: 22 },
      { protocol: "tcp", port: 3389 },
    ]);
    expect(state.services[1]).toMatchObject({ scheduler: "wrr", real_servers: [{ weight: 1 }] });
    expect(state.switches[0]!.ports[0]).toEqual({
      port: 1,
      network: "internet",
      address: "192.0.2.1/30",
      vlan: 0,
      learn: false,
    });
  });

  it("may be empty of everything", () => {
    expect(parseState("sluice.yaml", "services: []\n")).toMatchObject({
      switches: [],
      clusters: [],
      services: [],
    });
  });

  it("may use YAML's anchors", () => {
    const text = example
      .replace("vip: 203.0.113.10", "vip: &vip 203.0.113.10")
      .replace("vip: 192.168.0.53", "vip: *vip");
    expect(parseState("sluice.yaml", text).services.map(({ vip }) => vip)).toEqual([
      "203.0.113.10",
      "203.0.113.10",
    ]);
  });

  it("may have the same VIP and port in two protocols, and in a VPC and outside", () => {
    const text = example
      .replace("vip: 192.168.0.53", "vip: 203.0.113.10")
      .replace("port: 53\n", "port: 80\n")
      .replace("    vpc: blue\n    real", "    real");
    expect(problemsOf(text)).toEqual([]);
    expect(problemsOf(text.replace("protocol: udp", "protocol: tcp\n    vpc: blue"))).toEqual([]);
  });
});

describe("the fabric", () => {
  const fabricOf = (text: string) => [...fabricNetworks(parseState("sluice.yaml", text))];

  it("is where LDs and hosts are neighbors, unless the document says otherwise", () => {
    expect(fabricOf(example)).toEqual(["fabric"]);
    expect(fabricOf(example.replace("host: 10.0.6.2", "host: 192.0.2.2"))).toEqual(["internet", "fabric"]);
    expect(fabricOf(example.replace("- name: internet", "- { name: internet, kind: fabric }"))).toEqual([
      "internet",
      "fabric",
    ]);
    expect(fabricOf(example.replace("- name: fabric", "- { name: fabric, kind: upstream }"))).toEqual([]);
  });
});

const rs1 = "{ name: rs1, address: 10.0.4.2, port: 80, weight: 2 }";

/** Title, what is replaced in the example, by what. */
const BAD: [string, string | RegExp, string][] = [
  ["an unknown key", "scheduler: wrr", "schedular: wrr"],
  ["an unknown scheduler", "scheduler: wrr", "scheduler: rr"],
  ["a source prefix without its scheduler", "scheduler: wrr", "source_prefix: 24"],
  ["TOA of UDP", "protocol: udp", "protocol: udp\n    client_address: toa"],
  ["an unknown limit", "scheduler: wrr", "limit: gold"],
  ["a limit of nothing", "services:", "limits: [{ name: gold, bandwidth: {} }]\nservices:"],
  ["a prefix allowed and blocked", "scheduler: wrr", "allow: [10.0.0.0/8]\n    block: [10.0.0.0/8]"],
  ["an unknown section", "vpcs:", "vpc:"],
  ["a missing key", "    protocol: tcp\n", ""],
  ["port 0", "port: 80\n", "port: 0\n"],
  ["port 70000", "port: 80\n", "port: 70000\n"],
  ["a port with a leading zero", "port: 80\n", "port: 0080\n"],
  ["an IPv6 VIP at LDs without IPv6", "vip: 203.0.113.10", 'vip: "2001:db8::10"'],
  ["a text for an address", "vip: 203.0.113.10", "vip: web.example.org"],
  ["a group address", "vip: 203.0.113.10", "vip: 224.0.0.1"],
  ["an unknown protocol", "protocol: tcp", "protocol: tpc"],
  ["an unknown cluster", "cluster: east\n    scheduler", "cluster: west\n    scheduler"],
  ["an unknown VPC of a service", "vpc: blue\n    real", "vpc: red\n    real"],
  ["an unknown VPC of a real server", "port: 80, vpc: blue", "port: 80, vpc: bleu"],
  ["half a VPC location", ", host: 10.0.6.2", ""],
  ["a negative weight", "weight: 2", "weight: -2"],
  ["a real server twice", rs1, `${rs1}\n      - { name: rsX, address: 10.0.4.2, port: 80 }`],
  [
    "a duplicate VIP and port",
    /name: dns\n.*\n.*\n.*\n.*\n.*vpc: blue/,
    "name: dns\n    vip: 203.0.113.10\n    protocol: tcp\n    port: 80\n    cluster: east\n",
  ],
  ["a duplicate service name", "name: dns", "name: web"],
  ["a duplicate LD name", "name: ld2", "name: ld1"],
  ["two LDs with one agent", "ld2.agent", "ld1.agent"],
  ["two LDs with one address", "10.0.2.3/24", "10.0.2.2/24"],
  ["a VIP in a local-IP prefix", "vip: 203.0.113.10", "vip: 198.18.0.3"],
  ["a VIP that the switch has itself", "vip: 203.0.113.10", "vip: 192.0.2.1"],
  ["local IPs that overlap in one cluster", "[198.18.0.0/30]", "[198.18.0.0/30, 198.18.0.2]"],
  ["local IPs with host bits", "[198.18.0.0/30]", "[198.18.0.1/30]"],
  ["local IPs around an own address", "[198.18.0.0/30]", "[10.255.0.0/24]"],
  ["too many local IPs", "[198.18.0.0/30]", "[198.18.0.0/15]"],
  ["a cluster without local IPs", "[198.18.0.0/30]", "[]"],
  [
    "a gateway that the LD cannot reach",
    "gateway: 10.0.2.1\n        mac: 02:00:00:00:02:02",
    "gateway: 10.0.9.1\n        mac: 02:00:00:00:02:02",
  ],
  [
    "an LD that is its own gateway",
    "gateway: 10.0.2.1\n        mac: 02:00:00:00:02:02",
    "gateway: 10.0.2.2\n        mac: 02:00:00:00:02:02",
  ],
  ...Object.entries({
    "half an IPv6 address of an LD": 'address_v6: "fd00:10::2/64"',
    "an IPv6 gateway that the LD cannot reach":
      'address_v6: "fd00:10::2/64"\n        gateway_v6: "fd00:11::1"',
    "an LD that is its own IPv6 gateway": 'address_v6: "fd00:10::2/64"\n        gateway_v6: "fd00:10::2"',
    "an IPv6 gateway of IPv4": 'address_v6: "fd00:10::2/64"\n        gateway_v6: 10.0.2.1',
  }).map(([title, keys]): [string, string, string] => [
    title,
    "gateway: 10.0.2.1\n        mac: 02:00:00:00:02:02",
    `gateway: 10.0.2.1\n        ${keys}\n        mac: 02:00:00:00:02:02`,
  ]),
  ["an address without a prefix length", "10.0.2.2/24", "10.0.2.2"],
  ["a bad MAC", "mac: 02:00:00:00:00:01", "mac: 02:00:00:00:00"],
  ["a group MAC", "mac: 02:00:00:00:00:01", "mac: 03:00:00:00:00:01"],
  ["a bad prefix", "10.0.0.0/16", "10.0.0.0/61"],
  ["host bits in a route", "10.0.0.0/16", "10.0.0.1/16"],
  ["an unknown network", "network: internet", "network: internt"],
  ["an unknown neighbor", "via: 192.0.2.2 ", "via: 192.0.2.9 "],
  ["a route to nowhere", ", via: 10.0.2.254", ""],
  ["a route both ways", "discard: true", "discard: true, via: 192.0.2.2"],
  ["a route twice", "10.0.0.0/16", "0.0.0.0/0"],
  ["a neighbor on no port", "port: 2 }\n    routes", "port: 3 }\n    routes"],
  ["a neighbor twice", "10.0.2.254, mac", "192.0.2.2, mac"],
  [
    "a neighbor that nobody can ask",
    /- \{ address: 10\.0\.2\.254, mac: [0-9a-f:]+,/,
    "- { address: 10.9.2.254,",
  ],
  [
    "a port that learns without a subnet",
    /network: fabric, address: [0-9./]+/,
    "network: fabric, learn: true",
  ],
  ["a port twice", "port: 2, network: fabric", "port: 1, network: fabric"],
  ["a VNI out of range", "vni: 100", "vni: 16777216"],
  ["a server address without a port", "p4runtime: unix:/run/sluice/gw1.sock", "p4runtime: 192.0.2.5"],
  ["a bad name", "name: web", "name: my web"],
  ["a map where a list belongs", /lds:\n[\s\S]*?(?=\nservices)/, "lds: { name: ld1 }\n"],
  ["a text where a map belongs", rs1, "rs1"],
  ["nothing where an address belongs", "vip: 203.0.113.10", "vip:"],
];

const eips = repositoryFile("controller/examples/eips.yaml");
const limits = "{ in: 100Mbps, out: 20Mbps }";

/** The same for controller/examples/eips.yaml. */
const BAD_EIPS: [string, string | RegExp, string][] = [
  ["an EIP in a local-IP pool", "address: 203.0.113.50", "address: 198.18.0.2"],
  ["an EIP that is a VIP", /vip: 192.168.0.100\n([\s\S]*?) {4}vpc: blue\n/, "vip: 203.0.113.50\n$1"],
  ["an EIP that the switch has itself", "address: 203.0.113.50", "address: 192.0.2.1"],
  ["an EIP that the switch has itself, IPv6", 'address: "2001:db8:113::50"', 'address: "2001:db8:1::1"'],
  ["an EIP twice in a network", "address: 203.0.113.51", "address: 203.0.113.50"],
  ["an EIP name twice", "name: phone", "name: vm1"],
  [
    "an EIP id twice",
    "  - name: shop\n    address: 2",
    "    id: 7\n  - name: shop\n    id: 7\n    address: 2",
  ],
  ["an EIP id out of range", "  - name: phone\n", "  - name: phone\n    id: 1048576\n"],
  ["a VM with two EIPs", "vpc: green, address", "vpc: blue, address"],
  ["an EIP in an unknown network", "network: mobile\n", "network: mobil\n"],
  ["a VM that is listed twice", /( {6}- \{ address: 192.168.0.20.*\n)/, "$1$1"],
  ["a VM that is a VIP", "address: 192.168.0.20", "address: 192.168.0.100"],
  ["a VM that is elsewhere by its EIP", "address: 192.168.0.20", "address: 192.168.0.10"],
  ["a real server that is elsewhere by the list of VMs", "address: 192.168.0.2,", "address: 192.168.0.20,"],
  ["a real server that is elsewhere by its EIP", "address: 192.168.0.2,", "address: 192.168.0.10,"],
  [
    "a real server that is elsewhere by another service",
    /\n {2}- name: shop\n {4}vip[\s\S]*?(?=\neips)/,
    "$&  - name: mail\n    vip: 192.168.0.101\n    protocol: tcp\n    port: 25\n    cluster: east\n    vpc: blue\n    real_servers:\n      - { name: rs9, address: 192.168.0.2, port: 25, vpc: blue, host: 10.0.6.3, mac: 02:00:00:00:06:10 }\n",
  ],
  ["an EIP in an unknown VPC", "vpc: green", "vpc: red"],
  ["an EIP of nobody", /\n {4}vip: \{.*/, ""],
  [
    "an EIP of a VM and a VIP",
    /\n {4}vip: \{.*/,
    "$&\n    vm: { vpc: blue, address: 192.168.0.9, mac: 02:00:00:00:06:29, host: 10.0.6.2 }",
  ],
  [
    "an EIP of a VIP that no service has",
    "vip: { vpc: blue, address: 192.168.0.100 }",
    "vip: { vpc: blue, address: 192.168.0.101 }",
  ],
  ["an EIP of a VM that is a VIP", "address: 192.168.0.10,", "address: 192.168.0.100,"],
  ["an IPv4 EIP of an IPv6 VM", "address: 192.168.0.10,", 'address: "fd00::11",'],
  ["an IPv6 EIP of an IPv4 VM", 'address: "fd00::10"', "address: 192.168.0.11"],
  ["a host with an IPv6 address", "host: 10.0.6.3", 'host: "fd00::3"'],
  ["a switch whose tunnels alone are of IPv6", "tunnel_address: 10.255.0.1", 'tunnel_address: "fd00::1"'],
  ["a rate without a unit", limits, "{ in: 100 }"],
  ["a rate with another unit", limits, "{ in: 100MB }"],
  ["a rate of nothing", limits, "{ out: 0Mbps }"],
  ["a rate below what 32 bits hold", limits, "{ in: 1.9kbps }"],
  ["a rate above what can be limited to 1 %", limits, "{ in: 101Gbps }"],
  ["a priority port without its protocol", "[22/tcp, ", "[22, "],
  ["a priority port out of range", "[22/tcp, ", "[65536/tcp, "],
  ["an ACL rule of priority 0", "priority: 10,", "priority: 0,"],
  ["an ACL rule in an unknown network", "network: bgp, src", "network: bpg, src"],
  [
    "an ACL rule with a port but no protocol",
    ", protocol: tcp, dst_port: 23 }\n  - { priority: 200",
    ", dst_port: 23 }\n  - { priority: 200",
  ],
  ["an ACL rule of two families", "src: 198.51.100.7,", 'src: 198.51.100.7, dst: "2001:db8::/32",'],
  ["an ACL rule with an unknown protocol", "protocol: udp", "protocol: gre"],
  ["an ACL rule with host bits", "198.51.100.0/24", "198.51.100.1/24"],
  ["two ACL rules that contradict each other", "priority: 200", "priority: 100"],
  ["an ACL rule twice", /(\n {2}- \{ priority: 10,.*)/, "$1$1"],
  ["an EIP of a VIP that has become IPv6", "vip: 192.168.0.100\n", 'vip: "fd00::100"\n'],
  ["a real server of IPv6 behind a VIP of IPv4", "address: 192.168.0.2,", 'address: "fd00::2",'],
  ["a route by a neighbor of the other family", 'via: "2001:db8:1::2"', "via: 192.0.2.2"],
  ["a route by the same neighbor twice", "192.0.2.3, 192.0.2.4]", "192.0.2.3, 192.0.2.3]"],
  ["a route by several, one unknown", "192.0.2.3, 192.0.2.4]", "192.0.2.3, 192.0.2.9]"],
  ["a route by an empty list", "[192.0.2.2, 192.0.2.3, 192.0.2.4]", "[]"],
  ["an IPv6 port address without a length", "2001:db8:1::1/64", "2001:db8:1::1"],
  ["an IPv4 address where an IPv6 one belongs", "2001:db8:1::1/64", "192.0.2.9/29"],
  ["a kind of network that there is not", "kind: fabric", "kind: underlay"],
];

/** A problem with the line it is about and a mark under its place. */
function illustrate(text: string, problem: Problem): string {
  const line = text.split("\n")[problem.line - 1]!;
  return `${formatProblem(problem)}\n${line}\n${" ".repeat(problem.column - 1)}^\n`;
}

describe("a bad document is refused with place, reason and remedy", () => {
  it("whatever is wrong with it", async () => {
    const cases = [
      ...BAD.map((row) => [example, ...row] as const),
      ...BAD_EIPS.map((row) => [eips, ...row] as const),
    ];
    const report = cases.map(([original, title, from, to]) => {
      const text = original.replace(from, to);
      expect(text, title).not.toBe(original);
      const problems = problemsOf(text);
      expect(problems, title).not.toEqual([]);
      return `# ${title}\n${problems.map((problem) => illustrate(text, problem)).join("")}`;
    });
    await expect(report.join("\n")).toMatchFileSnapshot("goldens/bad_documents.golden.txt");
  });

  it("overlapping local-IP pools of two clusters", () => {
    const second = [
      "  - name: west",
      "    steering_address: 10.255.1.2",
      "    local_ips: [198.18.0.2/31]",
      "    lds: [{ name: ld3, agent: 192.0.2.7:9560, address: 10.0.2.4/24, gateway: 10.0.2.1, mac: 02:00:00:00:02:04 }]",
      "",
      "services:",
    ].join("\n");
    expect(linesOf(example.replace("services:", second))).toEqual([
      "46:16: cluster west: local IPs 198.18.0.2/31 overlap 198.18.0.0/30 (of cluster east, line 31; each local IP belongs to one cluster, once)",
    ]);
  });

  it("more region entries than an LD knows, unless they share addresses", () => {
    const entries = (count: number, addresses: number) =>
      Array.from(
        { length: count },
        (_, i) =>
          `  - { name: e${i}, p4runtime: "unix:/e${i}", mac: 02:00:00:00:00:01, tunnel_address: 10.255.1.${i % addresses}, region_entry: true }`,
      );
    const document = (lines: string[]) => `switches:\n${lines.join("\n")}\n`;
    expect(() => parseState("s.yaml", document(entries(64, 64)))).not.toThrow();
    expect(() => parseState("s.yaml", document(entries(65, 64)))).not.toThrow();
    expect(() => parseState("s.yaml", document(entries(65, 65)))).toThrow(
      /s.yaml:66:\d+: switch e64: 65 region entries .* an LD knows 64/,
    );
  });

  it("all of its problems at once, in the order of the file", () => {
    const text = example
      .replace("vni: 100", "vni: 0")
      .replace("port: 80\n", "port: 0\n")
      .replace("cluster: east\n    vpc", "cluster: west\n    vpc")
      .replace("name: rs3", "nam: rs3");
    expect(linesOf(text)).toEqual([
      "9:24: VPC blue: vni: 0 is not a VNI (a whole number from 1 to 16777215)",
      "48:11: service web: port: 0 is not a port (a whole number from 1 to 65535)",
      '59:14: service 192.168.0.53:53/udp in VPC blue: cluster "west" does not exist (declare it under clusters:)',
      '62:9: service dns: real server #1: key "name" is missing',
      '62:11: service dns: real server #1: unknown key "nam" (did you mean "name"?)',
    ]);
  });

  it("no second error for a reference to something that is declared but wrong itself", () => {
    const text = example.replace("steering_address: 10.255.1.1", "steering_address: nowhere");
    expect(linesOf(text)).toHaveLength(1);
  });

  it("broken YAML, with its place", () => {
    expect(linesOf("services:\n  - { name: web\n")).toEqual([expect.stringMatching(/^[23]:\d+: YAML: /)]);
    expect(linesOf("services: []\nservices: []\n")).toEqual(["2:1: YAML: Map keys must be unique"]);
    expect(linesOf('{"services": [],\n "services": []}')).toEqual(["2:2: YAML: Map keys must be unique"]);
    expect(linesOf("")).toEqual([expect.stringContaining("the file: nothing is not a map")]);
    expect(linesOf("- a\n")).toEqual([expect.stringContaining("the file: a list is not a map")]);
  });

  it("a file that is not there", () => {
    expect(() => loadState("no/such.yaml")).toThrow(
      "no/such.yaml:1:1: the file cannot be read: it does not exist (give it by -f FILE or SLUICE_FILE)",
    );
  });
});
