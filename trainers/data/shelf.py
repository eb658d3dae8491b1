"""The shards that clips are read from: checked before their first use, and near.

A shard on this machine is hashed once. One in a bucket is copied whole and hashed where
`data.copies_gib` gives room; else its clips are read by range, and only its size can be checked.
"""

import threading
from collections import defaultdict

from configs.data import DataConfig
from shards import storage
from shards.machine import DamagedShard, MachineShards
from shards.read import read_sample_at
from shards.schema import Sample
from trainers.data.corpus import Corpus, Shard

FETCHES = 5
"""Times that a copy is fetched for one clip, if others need its room at once each time."""


class Shelf:
    """Reads samples by their place. Safe to use from several threads.

    Raises:
        ValueError: If the copies' room is less than what a block of shards needs.
    """

    def __init__(self, config: DataConfig, corpus: Corpus) -> None:
        self._config, self._corpus = config, corpus
        quota = int(config.copies_gib * 2**30)
        self._copies = quota > 0
        self._machine = MachineShards(config.copies, quota)
        self._right: set[int] = set()
        self._damaged: dict[int, DamagedShard] = {}
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        if self._copies:
            _refuse_small(config, corpus, quota)

    def prepare(self, number: int) -> str:
        """Return where to read a shard, checked and copied before its first use.

        Raises:
            DamagedShard: If it is not the shard that the manifest names.
            OSError: If it cannot be read or fetched.
        """
        shard = self._corpus.shard(number)
        if number in self._damaged:
            raise self._damaged[number]
        if number in self._right:
            return shard.path
        with self._locks[number]:
            try:
                return self._prepare(number, shard)
            except DamagedShard as error:
                self._damaged[number] = error
                raise
            except FileNotFoundError as error:
                self._damaged[number] = DamagedShard(f"{storage.shown(shard.path)} is missing")
                raise self._damaged[number] from error

    def read(self, number: int, offset: int, length: int) -> Sample:
        """Return the sample at a place in a shard. Raises as `prepare` and `read_sample_at` do."""
        for left in reversed(range(FETCHES)):
            path = self.prepare(number)
            try:
                return read_sample_at(path, offset, length)
            except FileNotFoundError:
                # A copy that had to make room since; a shard that is gone will not be prepared.
                self._right.discard(number)
                if not left:
                    raise
        raise AssertionError("the loop returns or raises")

    def _prepare(self, number: int, shard: Shard) -> str:
        where = shard.sha256, shard.bytes
        if not storage.is_remote(shard.path):
            if self._config.check_shards:
                self._machine.check(shard.path, *where)
            elif not storage.exists(shard.path):
                raise FileNotFoundError(shard.path)
        elif self._copies:
            return str(self._machine.copy(shard.path, *where))
        elif self._config.check_shards and number not in self._right:
            found, _ = storage.version_of(shard.path)
            if found not in {-1, shard.bytes}:
                raise DamagedShard(
                    f"{storage.shown(shard.path)} must have {shard.bytes} bytes, got {found}"
                )
        self._right.add(number)
        return shard.path


def _refuse_small(config: DataConfig, corpus: Corpus, quota: int) -> None:
    remote = [m for m in corpus.manifests if storage.is_remote(m.out)]
    sizes = [max((shard["bytes"] for shard in m.shards), default=0) for m in remote]
    need = config.shards_per_block * sum(sizes)
    if quota < need:
        raise ValueError(
            "data.copies_gib must hold at least the shards of a block, got "
            f"{config.copies_gib} GiB for data.shards_per_block {config.shards_per_block} and "
            f"shards of up to {max(sizes)} bytes, {need / 2**30:.2f} GiB; raise it, or lower "
            "data.shards_per_block of a new run"
        )
