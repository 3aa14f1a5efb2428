// Raw frames on one interface: sends each line of its input (hex), prints each frame that comes.
// Usage: node wire.mjs INTERFACE. The same sockets as the switch's: `npm run build` first.
import { createInterface } from "node:readline";
import { PacketPort } from "../../dist/io/packet_port.js";

const port = new PacketPort(0, process.argv[2]);
createInterface({ input: process.stdin }).on("line", (line) => {
  const frame = Buffer.from(line, "hex");
  port.queue(frame, frame.length);
  port.flush();
});
setInterval(() => {
  port.receive((_, frame) => console.log(Buffer.from(frame).toString("hex")));
}, 2);
console.log("ready");
