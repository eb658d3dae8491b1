"""How many workers a Ray cluster has room for now, and which nodes have been given notice."""

from trainers.cluster import ask

_ANSWER_S = 10.0
"""How long a node may take to answer: a process has to be started there."""


class Capacity:
    """Counts room for workers: one GPU each where there are enough of them, else one CPU each."""

    def __init__(self, least: int) -> None:
        """Look at what the cluster is made of.

        Args:
            least: Workers that a run needs to go on at all.
        """
        import ray

        self.use_gpu = ray.cluster_resources().get("GPU", 0) >= least

    def free(self, *, ask_nodes: bool = False) -> int:
        """Return how many more workers could be started now.

        Args:
            ask_nodes: Leave out nodes that do not answer. Ray takes a dead one for alive for
                15 s, a frozen one for a minute, and would wait there for workers in vain.
        """
        import ray
        from ray._private.state import available_resources_per_node

        leaving = self.draining()
        alive = [n["NodeID"] for n in ray.nodes() if n["Alive"] and n["NodeID"] not in leaving]
        if ask_nodes and len(alive) > 1:
            alive = [*ask.ask_nodes(_nothing, alive, _ANSWER_S)]
        available = available_resources_per_node()
        return sum(self._fits(available.get(node, {})) for node in alive)

    def draining(self) -> set[str]:
        """Return the nodes that are to be taken away."""
        from ray._private.state import state

        return set(state.get_draining_nodes())

    def _fits(self, available: dict[str, float]) -> int:
        cpus = int(available.get("CPU", 0) + 1e-6)
        return min(cpus, int(available.get("GPU", 0) + 1e-6)) if self.use_gpu else cpus


def _nothing() -> None:
    """Answer."""
