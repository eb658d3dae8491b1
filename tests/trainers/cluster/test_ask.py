"""Nodes are asked each on itself; what fails or is silent is left out and not waited for."""

import ray

from trainers.cluster.ask import ask_nodes


def test_nodes_that_fail_or_are_silent_are_left_out(monkeypatch):
    asked, cancelled = {}, []

    class Task:
        def options(self, *, num_cpus, max_retries, scheduling_strategy):
            assert (num_cpus, max_retries, scheduling_strategy.soft) == (0, 0, False)
            self.node = scheduling_strategy.node_id
            return self

        def remote(self):
            asked[self.node] = True
            return self.node

    def wait(references, num_returns, timeout):
        assert (num_returns, timeout) == (3, 5.0)
        return ["b" * 56, "a" * 56], ["c" * 56]

    def get(node):
        if node == "b" * 56:
            raise ray.exceptions.RayError("its process died\nand more")
        return f"answer of {node[0]}"

    for name, fake in {"wait": wait, "get": get, "cancel": cancelled.append}.items():
        monkeypatch.setattr(ray, name, fake)
    monkeypatch.setattr(ray, "remote", lambda question: Task())
    nodes = [letter * 56 for letter in "abc"]
    assert ask_nodes(print, nodes, 5.0) == {"a" * 56: "answer of a"}
    assert list(asked) == nodes
    assert cancelled == ["c" * 56]
