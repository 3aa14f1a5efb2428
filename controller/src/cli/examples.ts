// What `--help` shows last: each command as it is used.
import type { Command } from "commander";

/** By the command's words. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  apply: [
    "sluice apply -f sluice.yaml --dry-run",
    "sluice apply -f sluice.yaml",
    "sluice apply -f sluice.yaml --server unix:/run/sluice/controller.sock",
  ],
  diff: ["sluice diff -f sluice.yaml", "sluice diff -o json"],
  "get services": ["sluice get services", "sluice get services --watch 1"],
  "get eips": ["sluice get eips -o json", "sluice get eips --watch"],
  "get lds": ["sluice get lds", "sluice get lds --watch 5 -o json"],
  "get drops": ["sluice get drops --all", "sluice get drops --watch"],
  "get buckets": ["sluice get buckets"],
  "get sessions": ["sluice get sessions --service web --limit 20"],
  "get rs": ["sluice get rs", "sluice get rs -o json --server unix:/run/sluice/controller.sock"],
  "get drains": ["sluice get drains"],
  "get neighbors": ["sluice get neighbors --server unix:/run/sluice/controller.sock"],
  "get migrations": ["sluice get migrations --server unix:/run/sluice/controller.sock"],
  "migrate service": ["sluice migrate service web --to east"],
  "migrate finish": ["sluice migrate finish web"],
  "migrate abort": ["sluice migrate abort web"],
  "drain rs": [
    "sluice drain rs web rs1",
    "sluice drain rs web rs1 --no-wait",
    "sluice drain rs web rs1 --cancel",
  ],
  "get counters": ["sluice get counters --all"],
  "table dump": [
    "sluice table dump eip_in --switch gw1",
    "sluice table dump --target unix:/run/sluice/gw1.sock",
  ],
  "table add": [
    "sluice table add route vrf_id=0 prefix=10.99.0.0/16 --action set_nexthop --param nexthop_id=9 --switch gw1",
  ],
  "table delete": ["sluice table delete route vrf_id=0 prefix=10.99.0.0/16 --switch gw1"],
  trace: ["sluice trace --from 198.51.100.7 --to 203.0.113.10:80"],
  doctor: ["sluice doctor -f sluice.yaml"],
  serve: ["sluice serve --store /var/lib/sluice/region --listen unix:/run/sluice/controller.sock"],
  schema: [
    "sluice schema > sluice.schema.json",
    "# then, as the first line of sluice.yaml: # yaml-language-server: $schema=./sluice.schema.json",
  ],
  "eip create": [
    "sluice eip create web 203.0.113.50 --network internet --vpc blue --vm 192.168.0.10 --mac 02:00:00:00:06:10 --host 10.0.5.2",
    "sluice eip create shop 203.0.113.51 --network internet --vpc blue --vip 192.168.0.100",
  ],
  "eip move": ["sluice eip move web --host 10.0.6.2", "sluice eip move web --host 10.0.6.2 --dry-run"],
  "eip release": ["sluice eip release web"],
  "limit set": ["sluice limit set web --in 100Mbps --out 20Mbps"],
  "service create": ["sluice service create web --vip 203.0.113.10 --port 80 --cluster east"],
  "rs add": ["sluice rs add web rs3 --address 10.0.3.3 --port 8080 --weight 2"],
  "cluster scale": [
    "sluice cluster scale east --add ld3 --agent 192.0.2.33:9560 --address 10.0.2.4/24 --gateway 10.0.2.1 --mac 02:00:00:00:02:04",
    "sluice cluster scale east --remove ld3",
  ],
  "ld drain": ["sluice ld drain ld2", "sluice ld drain ld2 --no-wait"],
  "ld undrain": ["sluice ld undrain ld2"],
  "ld upgrade": [
    "sluice ld upgrade ld2",
    'sluice ld upgrade ld2 --command "ssh ld2 systemctl restart sluice-ld"',
  ],
  "pki init": ["sluice pki init /etc/sluice/pki --host controller.example.net"],
  "pki user": ["sluice pki user /etc/sluice/pki alice --role operator"],
  status: ["sluice status --server unix:/run/sluice/controller.sock"],
  history: ["sluice history", "sluice history 3"],
  completion: ['eval "$(sluice completion bash)"'],
};

/** @param words - of the command, without `sluice` */
export function addExamples(command: Command, words: string): void {
  const lines = EXAMPLES[words];
  if (lines !== undefined) {
    command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`);
  }
}
