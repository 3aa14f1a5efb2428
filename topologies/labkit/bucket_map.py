"""Which LD has which bucket, and what a change of that has touched."""

from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Mapping

# By bucket: the LD that has it, and its backup ("" where it has none).
BucketMap = Mapping[int, "tuple[str, str]"]


def of_numbers(items: Iterable[Mapping[str, Any]]) -> BucketMap:
    """From what `sluice get buckets` says of one switch and one cluster."""
    holders: dict[int, str] = {}
    backups: dict[int, str] = {}
    for item in items:
        holders.update(dict.fromkeys(_buckets(item["ranges"]), item["ld"]))
        backups.update(dict.fromkeys(_buckets(item["backup_ranges"]), item["ld"]))
    return {bucket: (ld, backups.get(bucket, "")) for bucket, ld in holders.items()}


def _buckets(ranges: Iterable[Mapping[str, int]]) -> Iterator[int]:
    for one in ranges:
        yield from range(one["first"], one["last"] + 1)


@dataclass(frozen=True)
class Change:
    """From one map to the next, by an LD that comes or goes."""

    ld: str
    old: BucketMap
    new: BucketMap

    @property
    def moved(self) -> "set[int]":
        """Buckets that another LD has."""
        return {bucket for bucket in self.new if self.new[bucket][0] != self.old[bucket][0]}

    @property
    def changed(self) -> "set[int]":
        """Buckets that another LD has, or stands in for."""
        return {bucket for bucket in self.new if self.new[bucket] != self.old[bucket]}

    @property
    def lds(self) -> "set[str]":
        """Before or after."""
        return {ld for each in (self.old, self.new) for holders in each.values() for ld in holders if ld}

    def wrong(self, told: Mapping[str, int], modified: int) -> Iterator[str]:
        """What is touched that need not be.

        told: of each map on the way, how many buckets it has changed, by its step
        modified: entries that the switch was told, all together; with each map also each LD's epoch
        """
        of_ld = [{bucket for bucket in each if each[bucket][0] == self.ld} for each in (self.old, self.new)]
        others = self.moved - (of_ld[0] ^ of_ld[1])
        if others:
            yield f"{len(others)} buckets moved among other LDs"
        strange = [bucket for bucket in self.changed if self.ld not in (*self.old[bucket], *self.new[bucket])]
        if strange:
            yield f"{len(strange)} buckets have another backup for no reason"
        share = len(self.new) / len(self.lds)
        if not share - 1 < len(self.moved) < share + 1:
            yield f"{len(self.moved)} buckets moved, its share is {share:.0f}"
        if told.get("join", 0) > len(self.moved) or told.get("swap") != len(self.moved):
            yield f"other buckets were touched on the way than the {len(self.moved)} that moved: {dict(told)}"
        if told.get("leave") != len(self.changed):
            yield f"other buckets were touched in the end than the {len(self.changed)} that changed: {dict(told)}"
        most = sum(told.values()) + len(told) * len(self.lds)
        if modified > most:
            yield f"{modified} entries were written, for {most} that maps have changed"
