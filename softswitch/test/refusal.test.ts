// Whatever the switch cannot execute as simple_switch does is refused when the pipeline is loaded, by its name and, where the JSON
// knows it, its place in the source. Nothing of it runs, and the pipeline before goes on.
import { describe, expect, test } from "vitest";
import { type Bmv2Json, type JsonPrimitive, UnsupportedConstruct } from "../src/json/bmv2.js";
import { SoftSwitch } from "../src/switch.js";
import { loadProgram } from "./support/program.js";

const PLACE = { filename: "lab.p4", line: 42, column: 8, source_fragment: "the_construct(1)" };
const AT = " (lab.p4:42: the_construct(1))";

type Change = (json: Bmv2Json) => void;

/** Loads a program with a change; the switch has run another one before. */
function load(name: string, change: Change): { error: unknown; softSwitch: SoftSwitch } {
  const softSwitch = new SoftSwitch();
  const before = loadProgram("parsing");
  softSwitch.setPipeline(before.p4info, Buffer.from(JSON.stringify(before.json)));
  const { p4info, json } = loadProgram(name);
  change(json as unknown as Bmv2Json);
  try {
    softSwitch.setPipeline(p4info, Buffer.from(JSON.stringify(json)));
    return { error: undefined, softSwitch };
  } catch (error) {
    return { error, softSwitch };
  }
}

function expectRefusal(construct: string, change: Change, name = "traffic"): void {
  const { error, softSwitch } = load(name, change);
  expect(error).toBeInstanceOf(UnsupportedConstruct);
  expect((error as Error).message).toBe(`the soft switch does not support ${construct}`);
  expect(softSwitch.inject(1, Buffer.of(0, 1, 2))).toHaveLength(1);
}

test("the programs themselves are not refused", () => {
  for (const name of ["parsing", "traffic", "matching"]) expect(load(name, () => {}).error).toBeUndefined();
});

/** Puts a primitive into the first action. */
const primitive =
  (op: string, ...parameters: JsonPrimitive["parameters"]): Change =>
  (json) => {
    json.actions[0]!.primitives.push({ op, parameters, source_info: PLACE });
  };

const field = { type: "field", value: ["command", "b"] };
const hexstr = { type: "hexstr", value: "0x1" };
const header = (name: string) => ({ type: "header", value: name });

describe("primitives", () => {
  test.each([
    ["execute_meter", [{ type: "meter_array", value: "m" }, hexstr, field]],
    ["assert", [hexstr]],
    ["assume", [hexstr]],
    ["add_to_field", [field, hexstr]],
    ["somebody's own", []],
  ])("%s", (op, parameters) => {
    expectRefusal(`the primitive "${op}"${AT}`, primitive(op, ...parameters));
  });

  test.each([
    [
      "assign",
      [{ type: "register", value: ["words", 1] }, hexstr],
      '"assign" to a target of type "register"',
    ],
    ["assign", [field], '"assign" without parameter 1'],
    [
      "assign",
      [field, { type: "register", value: ["words", 1] }],
      'a value of type "register" in an expression',
    ],
    ["assign", [{ type: "field", value: ["command", "none"] }, hexstr], 'the field "command.none"'],
    [
      "assign",
      [{ type: "field", value: ["command", "$valid$"] }, hexstr],
      '"assign" to the validity of "command"',
    ],
    ["assign_VL", [field, field], '"assign_VL" of something that is no varbit'],
    ["add_header", [header("none")], 'the header "none"'],
    [
      "add_header",
      [{ type: "header_union", value: "u" }],
      '"add_header" of a header given as "header_union"',
    ],
    ["push", [{ type: "header_stack", value: "none" }, hexstr], 'the header stack "none"'],
    ["push", [{ type: "header_stack", value: "s" }, field], '"push" on a "header_stack" by a "field"'],
    ["recirculate", [{ type: "hexstr", value: "0x0" }], '"recirculate" with the field list 0'],
    ["resubmit", [{ type: "hexstr", value: "0x63" }], '"resubmit" with the field list 99'],
    [
      "clone_ingress_pkt_to_egress",
      [hexstr, { type: "hexstr", value: "0x63" }],
      '"clone_ingress_pkt_to_egress" with the field list 99',
    ],
    [
      "generate_digest",
      [hexstr, { type: "hexstr", value: "0x63" }],
      '"generate_digest" with the learn list 99',
    ],
    ["generate_digest", [hexstr, field], '"generate_digest" with the learn list -1'],
    ["count", [{ type: "counter_array", value: "none" }, hexstr], 'the counter "none"'],
    ["register_read", [field, { type: "register_array", value: "none" }, hexstr], 'the register "none"'],
    [
      "modify_field_with_hash_based_offset",
      [field, hexstr, { type: "calculation", value: "none" }, hexstr],
      'the calculation "none"',
    ],
  ])("%s with what it cannot have: %j", (op, parameters, construct) => {
    expectRefusal(construct + AT, primitive(op, ...(parameters as JsonPrimitive["parameters"])));
  });
});

describe("expressions", () => {
  const assign = (value: unknown): Change => primitive("assign", field, { type: "expression", value });

  test.each(["/", "%", "|+|", "**", "power"])("the operator %s", (op) => {
    expectRefusal(`the operator "${op}"${AT}`, assign({ op, left: field, right: hexstr }));
  });

  test("a parameter that the action does not have", () => {
    expectRefusal(`parameter 5${AT}`, primitive("assign", field, { type: "runtime_data", value: 5 }));
  });

  test("in a condition", () => {
    expectRefusal(`the operator "/"${AT}`, (json) => {
      const conditional = json.pipelines[0]!.conditionals[0]!;
      conditional.source_info = PLACE;
      conditional.expression = { type: "expression", value: { op: "/", left: field, right: hexstr } };
    });
  });
});

describe("headers", () => {
  test("a saturating field", () => {
    expectRefusal("the saturating field trace.instance", (json) => {
      json.header_types.find(({ name }) => name === "trace_t")!.fields[0]![3] = true;
    });
  });

  test("a varbit field of unknown size, or in the middle", () => {
    const change =
      (edit: (type: Bmv2Json["header_types"][number]) => void): Change =>
      (json) =>
        edit(json.header_types.find(({ name }) => name === "option_t")!);
    expectRefusal(
      "the varbit field of options, whose size is not given",
      change((type) => {
        type.max_length = null;
      }),
      "parsing",
    );
    expectRefusal(
      "a field behind a varbit field (options.more)",
      change((type) => {
        type.fields.push(["more", 8]);
      }),
      "parsing",
    );
  });

  test("a field list of more than fields", () => {
    expectRefusal('a "header" in the field list "more"', (json) => {
      json.field_lists.push({ id: 9, name: "more", elements: [header("trace")] });
    });
  });
});

describe("parsers and deparsers", () => {
  const state =
    (change: (state: Bmv2Json["parsers"][number]["parse_states"][number]) => void): Change =>
    (json) =>
      change(json.parsers[0]!.parse_states.find(({ name }) => name === "start")!);

  test("value sets", () => {
    expectRefusal('the parser value set "ports"', (json) => {
      json.parse_vsets.push({ name: "ports" });
    });
    expectRefusal(
      'a "parse_vset" transition in parser state "start"',
      state((start) => {
        start.transitions[0]!.type = "parse_vset";
      }),
    );
  });

  test("operations and keys that are not known", () => {
    expectRefusal(
      'the parser operation "extract_twice" in parser state "start"',
      state((start) => {
        start.parser_ops.push({ op: "extract_twice", parameters: [] });
      }),
    );
    expectRefusal(
      'extraction into a "cloud" in parser state "start"',
      state((start) => {
        start.parser_ops.push({ op: "extract", parameters: [{ type: "cloud", value: "c" }] });
      }),
    );
    expectRefusal(
      'a "union_stack_field" as select key of parser state "start"',
      state((start) => {
        start.transition_key[0]!.type = "union_stack_field";
      }),
    );
  });

  test("what a deparser does but emitting", () => {
    expectRefusal(`"assign" in the deparser${AT}`, (json) => {
      json.deparsers[0]!.primitives = [{ op: "assign", parameters: [], source_info: PLACE }];
    });
  });
});

describe("tables", () => {
  const table =
    (change: (table: Bmv2Json["pipelines"][number]["tables"][number]) => void): Change =>
    (json) => {
      const found = json.pipelines[0]!.tables.find(({ name }) => name.endsWith("lpm_table"))!;
      found.source_info = PLACE;
      change(found);
    };

  test.each([
    [
      "a direct meter",
      'the direct meter "rate"',
      (t: { direct_meters: string | null }) => {
        t.direct_meters = "rate";
      },
    ],
    [
      "a type",
      'a table of type "cloudy"',
      (t: { type: string }) => {
        t.type = "cloudy";
      },
    ],
    [
      "a match kind",
      'the match kind "nearest"',
      (t: { key: { match_type: string }[] }) => {
        t.key[0]!.match_type = "nearest";
      },
    ],
    [
      "two prefixes",
      "a key with several lpm fields",
      (t: { key: { match_type: string }[] }) => {
        t.key[0]!.match_type = "lpm";
      },
    ],
  ])("%s", (_, construct, change) => {
    expectRefusal(construct + AT, table(change), "matching");
  });
});

describe("objects", () => {
  test("meters", () => {
    expectRefusal(`the meter "rate"${AT}`, (json) => {
      json.meter_arrays.push({ name: "rate", source_info: PLACE });
    });
  });

  test("externs", () => {
    expectRefusal(`the extern "cache" of type store${AT}`, (json) => {
      json.extern_instances.push({ name: "cache", type: "store", source_info: PLACE });
    });
  });

  test.each(["xxh64", "toeplitz", "round_robin", "crc64"])("the hash algorithm %s", (algo) => {
    expectRefusal(`the hash algorithm "${algo}"${AT}`, (json) => {
      json.calculations[0]!.algo = algo;
      json.calculations[0]!.source_info = PLACE;
    });
  });

  test("a checksum that is no calculation", () => {
    expectRefusal(`the checksum "ipv4"${AT}`, (json) => {
      Object.assign(json.checksums[0]!, { type: "ipv4", name: "ipv4", source_info: PLACE });
    });
  });

  test("a hash over parts of bytes that may be missing", () => {
    const parts = [
      ["report", "parser_error"],
      ["odd", "a"],
      ["start", "kind"],
    ];
    const { error } = load("parsing", (json) => {
      json.calculations[0]!.input = parts.map((value) => ({ type: "field", value }));
    });
    expect((error as Error).message).toContain("a calculation over parts that are no whole bytes (calc)");
  });
});

describe("what is no program at all", () => {
  const { p4info } = loadProgram("parsing");
  test.each([
    ["no JSON", "{", "the device configuration is no JSON"],
    ["another JSON", "{}", "the device configuration"],
    ["an array", "[]", "the device configuration"],
    ["null", "null", "the device configuration"],
  ])("%s", (_, text, message) => {
    expect(() => new SoftSwitch().setPipeline(p4info, Buffer.from(text))).toThrow(message);
  });

  test.each<[string, Change]>([
    ["actions[0].id", (json) => Object.assign(json.actions[0]!, { id: "0(){}process.exit(9);function x" })],
    ["register_arrays[0].size", (json) => Object.assign(json.register_arrays[0]!, { size: "1||1" })],
    ["header_types[0].fields", (json) => Object.assign(json.header_types[0]!.fields[0]!, { 1: "8" })],
    ["errors", (json) => Object.assign(json.errors[0]!, { 1: 0.5 })],
  ])("code in the place of a number: %s", (path, change) => {
    const { error } = load("traffic", change);
    expect((error as Error).message).toMatch(
      /^the device configuration is no BMv2 JSON: .*, no whole number$/,
    );
    expect((error as Error).message).toContain(path);
  });

  test("P4Info of another program", () => {
    const { json } = loadProgram("matching");
    const device = Buffer.from(JSON.stringify(json).replaceAll("TestIngress.mark", "TestIngress.other"));
    expect(() => new SoftSwitch().setPipeline(loadProgram("matching").p4info, device)).toThrow(
      "action TestIngress.mark of P4Info is not in the device configuration: they are of different programs",
    );
  });
});
