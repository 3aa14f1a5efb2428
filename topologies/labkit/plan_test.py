"""The plan and sluice.yaml describe the same lab."""

import re
import unittest
from pathlib import Path

from labkit import plan

YAML = (Path(__file__).resolve().parents[1] / "sluice.yaml").read_text(encoding="utf-8")


class PlanTest(unittest.TestCase):
    def test_every_link_to_the_switch_is_a_port_with_a_neighbour(self) -> None:
        for one, other in plan.LINKS:
            if other.node != plan.SWITCH:
                continue
            with self.subTest(node=one.node):
                self.assertRegex(YAML, rf"\{{ port: {other.port}, network: \w+, address: [\d./]+ \}}")
                if one.address:
                    address = one.address.split("/")[0]
                    self.assertIn(f"{{ address: {address}, mac: {one.mac}, port: {other.port} }}", YAML)
                else:  # an LD: it is the switch's neighbour by its place in the cluster
                    self.assertIn(f"mac: {one.mac}\n", YAML)

    def test_addresses_of_switch_service_and_guests(self) -> None:
        self.assertIn(f"mac: {plan.SWITCH_MAC}\n", YAML)
        self.assertIn(f"tunnel_address: {plan.SWITCH_VTEP}\n", YAML)
        self.assertIn(f"vip: {plan.VIP}\n", YAML)
        self.assertIn(f"vni: {plan.VNI}\n", YAML)
        for address in plan.SWITCH_ADDRESS.values():
            self.assertRegex(YAML, rf"address: {re.escape(address)}/\d+ }}")
        for host in plan.HOSTS:
            for guest in host.guests:
                text = YAML.partition(f"name: {guest.name}\n")[2].partition("- name")[0]
                for line in (f"address: {guest.address}", f"host: {host.vtep}", f"mac: {guest.mac}"):
                    self.assertIn(f"{line}\n", text)
        self.assertIn(f"- name: {plan.EIP_NAME}\n    address: {plan.EIP}\n", YAML)
        self.assertIn(f"prefixes: [{plan.PUBLIC_PREFIX}]\n", YAML)

    def test_macs_are_local_unicast_and_differ_between_nodes(self) -> None:
        owner: dict[str, str] = {plan.VPC_GATEWAY_MAC: "VPC gateway"}
        for link in plan.LINKS:
            for end in link:
                self.assertTrue(end.mac.startswith("02:"), end.mac)
                self.assertEqual(owner.setdefault(end.mac, end.node), end.node)


if __name__ == "__main__":
    unittest.main()
