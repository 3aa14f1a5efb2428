// P4Info as p4c writes it: protobuf text format. Read once when a program starts, so the reflective parser is fast enough.
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import textformat from "protobufjs/ext/textformat.js";
import { P4Info } from "./gen/p4/config/v1/p4info.js";

const protoRoot = fileURLToPath(new URL("../", import.meta.url));

let p4infoType: protobuf.Type | undefined;

function loadP4InfoType(): protobuf.Type {
  const root = new protobuf.Root();
  const resolveImport = root.resolvePath.bind(root);
  // protobufjs carries google/protobuf/*.proto itself; everything else is relative to the proto folder.
  root.resolvePath = (origin, target) =>
    target.startsWith("google/protobuf/") ? resolveImport(origin, target) : protoRoot + target;
  root.loadSync("p4/config/v1/p4info.proto");
  return root.lookupType("p4.config.v1.P4Info");
}

/**
 * Parses P4Info in protobuf text format.
 *
 * @param text - content of a `.p4info.txtpb` file
 * @throws Error with line and column when the text is malformed or names an unknown field
 */
export function parseP4InfoText(text: string): P4Info {
  p4infoType ??= loadP4InfoType();
  return P4Info.decode(p4infoType.encode(textformat.fromText(p4infoType, text)).finish());
}
