"""What Ray runs: thin tasks around functions that know no Ray, and the room that each gets."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ray

from configs.shards import ShardsConfig
from pipeline.tasks.bundle import BundleCounts, BundleTask, build_bundle, probe_source
from pipeline.tasks.progress import reporter
from pipeline.tasks.quarantine import Verdict
from pipeline.tasks.told import told
from shards import storage
from trainers.cluster.versions import refuse_other_versions

logger = logging.getLogger(__name__)

MORE_ROOM = 2
"""Memory of a task that runs alone, as a multiple of the usual."""


# Ray retries nothing: it would retry for ever what its memory monitor killed, and without asking.
@ray.remote(num_cpus=1, max_retries=0)
def build_remotely(task: BundleTask, name: str) -> BundleCounts:
    """Build a bundle; its rows stand in done/, the driver needs only counts."""
    _refuse_others(task)
    storage.use_scratch(task.shards.scratch)
    before = storage.num_retries()
    with told(task, name):
        record = build_bundle(task, _reporter(task, name))
    retries = storage.num_retries() - before
    written, lost = record.num_samples, len(record.rejects)
    return BundleCounts(len(record.planned), written, lost, retries=retries)


@ray.remote(num_cpus=1, max_retries=0)
def probe_remotely(task: BundleTask, name: str) -> Verdict | None:
    """Try a source alone."""
    _refuse_others(task)
    storage.use_scratch(task.shards.scratch)
    with told(task, name):
        return probe_source(task, _reporter(task, name))


def _reporter(task: BundleTask, name: str) -> Callable[[BundleCounts], None]:
    return reporter(task.out, name, ray.get_runtime_context().get_node_id())


def _refuse_others(task: BundleTask) -> None:
    if task.versions:
        refuse_other_versions(task.versions)


@dataclass(frozen=True, slots=True)
class Room:
    """What a cluster offers a task.

    `num_slots` is how many tasks run side by side, by CPUs and by memory. `num_nodes` are those of
    the cluster, `node_cpus` and `node_memory` those of its largest node.
    """

    num_slots: int
    num_nodes: int
    node_cpus: float
    node_memory: int
    task_memory: int

    @classmethod
    def of_cluster(cls, settings: ShardsConfig) -> "Room":
        """Return the room of the cluster that we are connected to."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        node_memory = int(max((node.get("memory", 0) for node in nodes), default=0))
        task_memory = min(settings.task_memory_bytes, node_memory)
        if task_memory < settings.task_memory_bytes:
            logger.info(
                "shards.task_memory_bytes is %d, and no node has more than %d: one task a node",
                settings.task_memory_bytes,
                node_memory,
            )
        return cls(
            num_slots=max(1, sum(_num_slots(node, task_memory) for node in nodes)),
            num_nodes=max(1, sum(node.get("CPU", 0) >= 1 for node in nodes)),
            node_cpus=max((node.get("CPU", 1) for node in nodes), default=1),
            node_memory=node_memory,
            task_memory=task_memory,
        )

    def options(self, *, is_alone: bool) -> dict[str, Any]:
        """Return Ray's options for a task; one that is alone has a node for itself."""
        if not is_alone:
            return {"num_cpus": 1, "memory": self.task_memory}
        memory = min(self.node_memory, MORE_ROOM * self.task_memory)
        return {"num_cpus": self.node_cpus, "memory": memory}


def _num_slots(node: Mapping[str, float], task_memory: int) -> int:
    num_cpus = int(node.get("CPU", 0))
    if not task_memory:
        return num_cpus
    return min(num_cpus, int(node.get("memory", 0) // task_memory))
