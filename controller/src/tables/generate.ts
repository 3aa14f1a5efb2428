// Run by `npm run generate -w controller`: reads the P4 artifacts and writes gateway.ts and constants.ts beside this source.
import { readFileSync, writeFileSync } from "node:fs";
import { parseP4InfoText } from "@sluice/proto/p4info-text";
import { Schema } from "../p4runtime/index.js";
import { renderBindings, renderConstants } from "./bindings.js";

const root = new URL("../../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const write = (name: string, text: string) =>
  writeFileSync(new URL(`controller/src/tables/${name}`, root), text);

write("gateway.ts", renderBindings(new Schema(parseP4InfoText(read("build/gateway_v1model.p4info.txtpb")))));
write("constants.ts", renderConstants(read("p4src/drop_reasons.p4"), read("p4src/sizes.p4")));
