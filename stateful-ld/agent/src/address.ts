/** IPv4 (4 bytes) or IPv6 (16 bytes) in network order, as the system's calls take it. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length !== 16) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return groups.join(":");
}
