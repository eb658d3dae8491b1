from dataclasses import asdict

from pipeline.reports.costs import compare
from pipeline.tasks.costs import Outcome
from pipeline.tasks.estimate import Estimate


def test_an_estimate_stands_beside_what_happened():
    estimate = Estimate(10, 2**20, 1.0, 100, 2.0, 3, 2**30, probed=8)
    outcome = Outcome(10, 2**21, 0.5, 110, None, 3, 2**30)
    costs = {cost.label: cost for cost in compare(asdict(estimate), asdict(outcome))}
    assert costs["Clips planned"].ratio == 1.1
    assert costs["Read"].estimated == "1.0\u202fMiB" and costs["Read"].ratio == 2.0
    assert costs["Length of video"].happened == "30.0\u202fmin"
    assert (costs["Core time"].happened, costs["Core time"].ratio) == ("\u2013", None)
