import unittest

from labkit.many_sessions import source_ports


class ManySessionsTest(unittest.TestCase):
    def test_no_two_sessions_are_of_one_address_and_port(self) -> None:
        chosen = source_ports(100_000, 2)
        self.assertEqual(len(set(chosen)), 100_000)
        self.assertTrue(all(at in (0, 1) and 4789 < port < 65_536 for at, port in chosen))

    def test_too_many_are_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "100000 sessions need 2 addresses, there are 1"):
            source_ports(100_000, 1)


if __name__ == "__main__":
    unittest.main()
