// tshark as an independent judge of frames.
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { concat } from "./bytes.js";

/** Link type of Ethernet in a capture file. */
const LINKTYPE_ETHERNET = 1;
/** Expert severities, as tshark numbers them: warning and above is a complaint. */
const SEVERITY_WARNING = 0x600000;
/** Warnings about what a frame means, not about how it is made. */
const NO_COMPLAINTS = new Set(["Connection reset (RST)"]);

/** A capture file (classic pcap) of these frames. */
export function pcap(frames: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(0x40000, 16);
  header.writeUInt32LE(LINKTYPE_ETHERNET, 20);
  const records = frames.flatMap((frame, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(i, 0); // a second apart
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return concat(header, ...records);
}

export function isTsharkOnPath(): boolean {
  return spawnSync("tshark", ["--version"], { stdio: "ignore" }).status === 0;
}

export interface TsharkComplaint {
  /** Position in the list of frames. */
  frame: number;
  messages: string;
}

export interface TsharkVerdict {
  /** What it decoded each frame as: `eth:ethertype:ip:udp:data`. */
  protocols: string[];
  complaints: TsharkComplaint[];
}

/**
 * Has tshark decode frames with all checksums validated.
 *
 * @throws Error when tshark fails or does not tell of every frame
 */
export function askTshark(frames: readonly Uint8Array[]): TsharkVerdict {
  const run = runTshark(frames);
  if (run.status !== 0) throw new Error(`tshark failed: ${run.stderr}${run.error ?? ""}`);
  const lines = run.stdout.split("\n").slice(0, -1);
  if (lines.length !== frames.length) {
    throw new Error(`tshark told of ${lines.length} of ${frames.length} frames: ${run.stderr}`);
  }
  const rows = lines.map((line) => line.split("\t"));
  return {
    protocols: rows.map(([protocols = ""]) => protocols),
    complaints: rows.flatMap(([, severities = "", messages = ""], frame) => {
      const worst = Math.max(...severities.split(",").map(Number));
      return worst >= SEVERITY_WARNING && !NO_COMPLAINTS.has(messages) ? [{ frame, messages }] : [];
    }),
  };
}

function runTshark(frames: readonly Uint8Array[]): SpawnSyncReturns<string> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-tshark-"));
  try {
    const file = join(folder, "frames.pcap");
    writeFileSync(file, pcap(frames));
    const options = [
      "ip.check_checksum:TRUE",
      "udp.check_checksum:TRUE",
      "udp.ignore_ipv6_zero_checksum:TRUE", // a tunnel's may be 0 (RFC 6935)
      "tcp.check_checksum:TRUE",
      // Frames of different tests are no conversation.
      "tcp.analyze_sequence_numbers:FALSE",
      "tcp.desegment_tcp_streams:FALSE",
      "ip.defragment:TRUE",
      "arp.detect_duplicate_ips:FALSE",
    ].flatMap((option) => ["-o", option]);
    const fields = ["frame.protocols", "_ws.expert.severity", "_ws.expert.message"].flatMap((field) => [
      "-e",
      field,
    ]);
    return spawnSync(
      "tshark",
      ["-r", file, "-n", ...options, "-T", "fields", "-E", "separator=/t", ...fields],
      {
        encoding: "utf8",
        maxBuffer: 1 << 28,
      },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
