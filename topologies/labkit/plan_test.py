"""The plan and sluice.yaml describe the same lab."""

import re
import unittest
from pathlib import Path

from labkit import plan

YAML = (Path(__file__).resolve().parents[1] / "sluice.yaml").read_text(encoding="utf-8")


class PlanTest(unittest.TestCase):
    def test_every_link_to_the_switch_is_a_port_and_a_neighbour(self) -> None:
        for one, other in plan.LINKS:
            if other.node != plan.SWITCH:
                continue
            with self.subTest(node=one.node):
                self.assertRegex(YAML, rf"\{{ port: {other.port}, network: \w+, address: [\d./]+ \}}")
                self.assertRegex(YAML, rf"\{{ address: [\d.]+, mac: {one.mac}, port: {other.port} \}}")
                if one.address:
                    self.assertIn(f"{{ address: {one.address.split('/')[0]}, mac: {one.mac}, port", YAML)

    def test_addresses_of_switch_service_and_guests(self) -> None:
        self.assertIn(f"mac: {plan.SWITCH_MAC}\n", YAML)
        self.assertIn(f"tunnel_address: {plan.SWITCH_VTEP}\n", YAML)
        self.assertIn(f"vip: {plan.VIP}\n", YAML)
        self.assertIn(f"vni: {plan.VNI}\n", YAML)
        for address in plan.SWITCH_ADDRESS.values():
            self.assertRegex(YAML, rf"address: {re.escape(address)}/\d+ }}")
        for host in plan.HOSTS:
            self.assertRegex(
                YAML, rf"name: {host.guest}, address: {host.guest_address}, .*host: {host.vtep}, mac: {host.guest_mac} }}"
            )

    def test_macs_are_local_unicast_and_differ_between_nodes(self) -> None:
        owner: dict[str, str] = {plan.VPC_GATEWAY_MAC: "VPC gateway"}
        for link in plan.LINKS:
            for end in link:
                self.assertTrue(end.mac.startswith("02:"), end.mac)
                self.assertEqual(owner.setdefault(end.mac, end.node), end.node)


if __name__ == "__main__":
    unittest.main()
