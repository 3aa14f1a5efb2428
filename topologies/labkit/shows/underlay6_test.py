"""The desired state whose tunnels go over IPv6 has no end of one over IPv4 left."""

import re
import unittest
from pathlib import Path

from labkit import plan
from labkit.shows import underlay6

YAML = (Path(__file__).resolve().parents[2] / "sluice.yaml").read_text(encoding="utf-8")
TEXT = underlay6.over_ipv6(YAML)


class Underlay6Test(unittest.TestCase):
    def test_every_tunnel_end_is_ipv6(self) -> None:
        for key in ("tunnel_address", "steering_address", "host"):
            with self.subTest(key=key):
                self.assertEqual(
                    len(re.findall(rf'\b{key}: "[0-9a-f:]+"', TEXT)), len(re.findall(rf"\b{key}: [\d.]+", YAML))
                )
                self.assertNotRegex(TEXT, rf"\b{key}: [\d.]+")

    def test_lds_have_the_address_that_they_had_beside(self) -> None:
        for ld in plan.LDS:
            had = re.search(rf"- name: {ld}\n(?:.+\n)+? +address_v6: (.+)\n +gateway_v6: (.+)\n", YAML)
            assert had
            self.assertRegex(TEXT, rf"- name: {ld}\n +agent: .+\n +address: {had[1]}\n +gateway: {had[2]}\n +mac: ")
        self.assertNotIn("gateway_v6", TEXT)

    def test_the_switch_reaches_each_host(self) -> None:
        for host in plan.HOSTS:
            self.assertRegex(TEXT, rf'address_v6: "{host.vtep_v6[:-1]}1/64" }}')
            self.assertRegex(TEXT, rf'\{{ address: "{host.vtep_v6}", mac: {plan.interfaces_of(host.name)[0].mac}, port: ')


if __name__ == "__main__":
    unittest.main()
