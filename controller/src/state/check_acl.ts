// The rules of the block list.
import type { AclRuleSpec, DesiredState } from "./document.js";
import { reference, unique } from "./rules.js";
import type { Source } from "./source.js";

/** What a rule matches, as text. */
function matchOf({ network, src, dst, protocol, src_port, dst_port }: AclRuleSpec): string {
  return [network, src, dst, protocol, src_port, dst_port].map((part) => part ?? "any").join(" ");
}

export function checkAcl(source: Source, state: DesiredState): void {
  for (const rule of state.acl) {
    reference(source, rule, "network", "network", "networks", rule.network, `ACL rule ${rule.priority}`);
  }
  unique(
    source,
    state.acl,
    "priority",
    (rule) => `${rule.priority} ${matchOf(rule)}`,
    ({ priority }, _, line) =>
      `ACL rule ${priority}: the rule in line ${line} has the same priority and matches the same packets (remove one)`,
  );
  const first = new Map<number, AclRuleSpec>();
  for (const rule of state.acl) {
    const earlier = first.get(rule.priority) ?? rule;
    first.set(rule.priority, earlier);
    if (earlier.action !== rule.action) {
      source.report(
        source.at(rule, "priority"),
        `ACL rule ${rule.priority}: the rule in line ${source.at(earlier, "priority").line} has the same priority and another action (give them different ones: the higher wins)`,
      );
    }
  }
}
