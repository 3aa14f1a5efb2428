"""What iperf3 says is read right."""

import json
import unittest

from labkit import iperf
from labkit.errors import LabError


class IperfTest(unittest.TestCase):
    def test_both_directions(self) -> None:
        end = {"sum": {"packets": 600, "lost_packets": 0}, "sum_bidir_reverse": {"packets": 601, "lost_packets": 2}}
        flows = iperf.udp_flows(iperf.parse(json.dumps({"end": end})))
        self.assertEqual(flows, (iperf.Flow(600, 0), iperf.Flow(601, 2)))

    def test_what_it_complains_about(self) -> None:
        with self.assertRaisesRegex(LabError, "unable to connect"):
            iperf.parse('{"error": "unable to connect to server"}')
        with self.assertRaisesRegex(LabError, "not found"):
            iperf.parse("mnexec: iperf3: not found")


if __name__ == "__main__":
    unittest.main()
