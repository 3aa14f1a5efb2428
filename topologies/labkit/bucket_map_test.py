import unittest

from labkit.bucket_map import BucketMap, Change, of_numbers

# Eight buckets of two LDs, and of three: ld3 has got two, and left its predecessors as their backups.
TWO: BucketMap = {bucket: ("ld1", "ld2") if bucket < 4 else ("ld2", "ld1") for bucket in range(8)}
THREE: BucketMap = {**TWO, 0: ("ld3", "ld1"), 1: ("ld3", "ld1"), 4: ("ld3", "ld2")}
TOLD = {"join": 3, "swap": 3, "leave": 3}


class BucketMapTest(unittest.TestCase):
    def test_is_read_from_what_the_switch_holds(self) -> None:
        items = [
            {
                "ld": "ld1",
                "ranges": [{"first": 0, "last": 1}, {"first": 5, "last": 5}],
                "backup_ranges": [{"first": 2, "last": 3}],
            },
            {"ld": "ld2", "ranges": [{"first": 2, "last": 4}], "backup_ranges": [{"first": 0, "last": 1}]},
        ]
        one, two = ("ld1", "ld2"), ("ld2", "ld1")
        self.assertEqual(of_numbers(items), {0: one, 1: one, 2: two, 3: two, 4: ("ld2", ""), 5: ("ld1", "")})

    def test_an_ld_that_comes_or_goes_touches_its_share(self) -> None:
        come, gone = Change("ld3", TWO, THREE), Change("ld3", THREE, TWO)
        self.assertEqual((come.moved, come.changed), ({0, 1, 4}, {0, 1, 4}))
        self.assertEqual([*come.wrong(TOLD, 18), *gone.wrong(TOLD, 18)], [])

    def test_what_is_touched_besides_is_found(self) -> None:
        for extra, told, message in (
            ({}, {**TOLD, "leave": 2}, "18 entries were written, for 17 that maps have changed"),
            ({5: ("ld1", "ld2")}, TOLD, "1 buckets moved among other LDs"),
            ({7: ("ld2", "")}, TOLD, "1 buckets have another backup for no reason"),
            ({5: ("ld3", "ld2"), 6: ("ld3", "ld2")}, TOLD, "5 buckets moved, its share is 3"),
            ({}, {**TOLD, "join": 4}, "other buckets were touched on the way than the 3 that moved"),
            ({}, {"join": 3, "leave": 3}, "other buckets were touched on the way than the 3 that moved"),
            ({}, {**TOLD, "leave": 8}, "other buckets were touched in the end than the 3 that changed"),
        ):
            with self.subTest(message=message):
                found = list(Change("ld3", TWO, {**THREE, **extra}).wrong(told, 18))
                self.assertTrue(any(one.startswith(message) for one in found), found)


if __name__ == "__main__":
    unittest.main()
