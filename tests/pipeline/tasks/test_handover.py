from types import SimpleNamespace

from pipeline.tasks import handover as handover_module
from pipeline.tasks.handover import GATHER_S, RayHandover


def test_all_that_ended_is_taken_at_once_and_a_little_is_waited_for_more(monkeypatch):
    asked = []

    def wait(references, num_returns=1, timeout=None):
        asked.append((num_returns, timeout))
        return references[:num_returns], references[num_returns:]

    monkeypatch.setattr(handover_module, "ray", SimpleNamespace(wait=wait))
    assert RayHandover().ended(range(1000), 0.5) == list(range(1000))
    assert asked == [(1, 0.5), (1000, 1000 * GATHER_S)]


def test_where_nothing_ended_ray_is_asked_once(monkeypatch):
    asked = []

    def wait(references, num_returns=1, timeout=None):
        asked.append(timeout)
        return [], references

    monkeypatch.setattr(handover_module, "ray", SimpleNamespace(wait=wait))
    assert RayHandover().ended(["a", "b"], 0.5) == [] and asked == [0.5]
