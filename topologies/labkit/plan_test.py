"""The plan and sluice.yaml describe the same lab."""

import re
import unittest
from pathlib import Path

from labkit import plan

YAML = (Path(__file__).resolve().parents[1] / "sluice.yaml").read_text(encoding="utf-8")


class PlanTest(unittest.TestCase):
    def test_every_station_next_to_the_switch_is_on_a_port_of_it(self) -> None:
        stations = [
            (one, other.port) for one, other in plan.LINKS if other.node == plan.SWITCH and one.node != plan.UPLINK
        ]
        stations += [(plan.interfaces_of(router)[1], 1) for router in plan.ROUTERS]
        for station, port in stations:
            with self.subTest(node=station.node):
                self.assertRegex(YAML, rf"\{{ port: {port}, network: \w+, address: [\d./]+[ ,]")
                if station.node in plan.LDS:  # the switch's neighbour by its place in the cluster
                    self.assertIn(f"mac: {station.mac}\n", YAML)
                for address in (station.address, station.address_v6):
                    if address:
                        self.assertRegex(YAML, _neighbor(plan.host_of(address), station.mac, port))

    def test_the_carrier_is_on_its_vlan(self) -> None:
        gateway, vlan = plan.SWITCH_ADDRESS[plan.CARRIER_ROUTER], plan.CARRIER_VLAN
        self.assertIn(f"{{ port: 1, vlan: {vlan}, network: carrier, address: {gateway}/30 }}", YAML)
        address = plan.host_of(plan.CARRIER_ROUTER_ADDRESS)
        self.assertIn(f"{{ address: {address}, mac: {plan.CARRIER_ROUTER_MAC}, port: 1, vlan: {vlan} }}", YAML)
        self.assertIn(f"prefixes: [{plan.CARRIER_PREFIX}]\n", YAML)
        self.assertIn(f"vip: {plan.CARRIER_VIP}\n", YAML)

    def test_addresses_of_switch_service_and_guests(self) -> None:
        self.assertIn(f"mac: {plan.SWITCH_MAC}\n", YAML)
        self.assertIn(f"tunnel_address: {plan.SWITCH_VTEP}\n", YAML)
        self.assertIn(f"vip: {plan.VIP}\n", YAML)
        self.assertIn(f'vip: "{plan.VIP_V6}"\n', YAML)
        self.assertIn(f"action: deny, network: internet, src: {plan.BLOCKED_ADDRESS}/32 }}", YAML)
        self.assertIn(f"vip: {plan.APP_VIP}\n", YAML)
        self.assertIn(f"address: {plan.APP_EIP}\n", YAML)
        self.assertIn(f"vni: {plan.VNI}\n", YAML)
        self.assertIn(f'prefixes: [{plan.PUBLIC_PREFIX}, "{plan.PUBLIC_PREFIX_V6}"]\n', YAML)
        for address in (*plan.SWITCH_ADDRESS.values(), *plan.SWITCH_ADDRESS_V6.values(), plan.SWITCH_FABRIC_ADDRESS_V6):
            self.assertRegex(YAML, rf'address(_v6)?: "?{re.escape(address)}/\d+')
        for host in plan.HOSTS:
            for guest in host.guests:
                text = YAML.partition(f"- name: {guest.name}\n")[2].partition("- name")[0]
                if guest.name == plan.OTHER_VM:
                    self.assertIn(f"{{ address: {guest.address}, mac: {guest.mac}, host: {host.vtep} }}", YAML)
                if guest.name in plan.REAL_SERVERS:
                    for line in (f"address: {guest.address}", f"host: {host.vtep}", f"mac: {guest.mac}"):
                        self.assertIn(f"{line}\n", text)

    def test_eips_are_those_of_the_guests(self) -> None:
        for eip in (plan.EIP, plan.EIP_V6, plan.CARRIER_EIP, plan.LIMITED_EIP):
            text = YAML.partition(f"- name: {eip.name}\n")[2].partition("- name")[0].replace('"', "")
            self.assertIn(f"address: {eip.address}\n", text)
            self.assertIn(plan.vm_line(eip).replace('"', ""), text)

    def test_the_other_entry_is_behind_a_port_of_the_switch(self) -> None:
        port = plan.switch_port_of(plan.ENTRY)
        self.assertIn(f"{{ address: 10.0.{port}.2, mac: {plan.ENTRY_MAC}, port: {port} }}", YAML)
        self.assertIn(f"{{ prefix: {plan.ENTRY_VTEP}/32, via: 10.0.{port}.2 }}", YAML)

    def test_limits_of_services(self) -> None:
        for text in (
            f"sessions: {plan.SESSION_LIMIT.limit} }}",
            f"new_sessions_per_s: {plan.NEW_SESSION_LIMIT.limit} }}",
            f"new_sessions_per_client_per_s: {plan.CLIENT_LIMIT.limit}\n",
            f"bandwidth: {{ in: {plan.BANDWIDTH_LIMIT.limit // 1_000_000}Mbps,",
            f"block: [{plan.LISTED_ADDRESS}/32]",
            f"allow: [{plan.LISTED_ADDRESS}/32]",
        ):
            self.assertIn(text, YAML)

    def test_services_that_say_no(self) -> None:
        self.assertIn(f"port: {plan.SESSION_LIMIT.port}\n    cluster: edge\n    limit: few\n    reset: true\n", YAML)
        parting = YAML.partition(f"- name: {plan.PARTING_SERVICE}\n")[2].partition("\n  - name")[0]
        self.assertIn(f"port: {plan.PARTING_PORT}\n    cluster: edge\n    reset: true\n", parting)
        for rs in plan.PARTING_SERVERS:
            self.assertIn(f"{{ name: {rs}, address: {plan.address_of(rs)}, port: {plan.PARTING_PORT}", parting)

    def test_macs_are_local_unicast_and_differ_between_nodes(self) -> None:
        owner: dict[str, str] = {plan.VPC_GATEWAY_MAC: "VPC gateway", plan.CARRIER_ROUTER_MAC: "carrier"}
        of_green = {guest.name for host in plan.HOSTS for guest in host.guests if guest.vni == plan.GREEN_VNI}
        for link in plan.LINKS:
            for end in link:
                self.assertTrue(end.mac.startswith("02:"), end.mac)
                if end.node not in of_green:
                    self.assertEqual(owner.setdefault(end.mac, end.node), end.node)

    def test_the_second_vpc_differs_by_its_vni_alone(self) -> None:
        self.assertIn(f"- name: green\n    vni: {plan.GREEN_VNI}\n", YAML)
        for one, other in ((plan.OTHER_VM, plan.GREEN_VM), (plan.APP_SERVERS[0], plan.GREEN_SERVER)):
            blue, green = plan.guest(one), plan.guest(other)
            self.assertEqual((blue.address, blue.mac, blue.vni), (green.address, green.mac, plan.VNI))
            self.assertEqual(plan.host_of_guest(one), plan.host_of_guest(other))
        (vm,) = set(re.findall(r"vms:\n +- (.+)\n", YAML))  # that of either VPC
        self.assertIn(plan.guest(plan.GREEN_VM).address, vm)
        for service, port in ((plan.APP_SERVICE, 80), (plan.GREEN_SERVICE, 80), *((held, plan.HELD_PORT) for held in plan.HELD_SERVERS)):
            vpc = "green" if service.endswith("green") else "blue"
            self.assertIn(f"- name: {service}\n    vip: {plan.APP_VIP}\n    vpc: {vpc}\n    protocol: tcp\n    port: {port}\n", YAML)
        of_both = (f"{{ vpc: {vpc}, address: {plan.APP_VIP} }}" for vpc in ("blue", "green"))
        for address, vip in zip((plan.APP_EIP, plan.GREEN_EIP), of_both):
            self.assertIn(f"address: {address}\n    network: internet\n    vip: {vip}\n", YAML)


def _neighbor(address: str, mac: str, port: int) -> str:
    return rf'\{{ address: "?{re.escape(address)}"?, mac: {mac}, port: {port}(, vlan: 0)? \}}'


if __name__ == "__main__":
    unittest.main()
