import json

from pipeline.reports.runfacts import run_facts
from trainers.loop.heartbeat import Heartbeat


def test_a_finished_run_tells_how_it_went(read_only_material):
    facts = run_facts(read_only_material.run_dir, 1062.0)
    assert facts["state"] == "finished" and (facts["step"], facts["steps"]) == (40, 40)
    assert facts["attempts"] == 2 and facts["lost_steps"] == 3
    (one,) = facts["interruptions"]
    assert one["kind"] == "killed" and one["from_step"] == 20
    assert {row["worker"] for row in facts["workers"]} >= {"0", "1"}
    assert facts["eta_s"] == 0 and facts["figures"]["train/loss"] == 1.1
    json.dumps(facts)


def test_a_run_under_way_tells_where_each_worker_is(material):
    (material.run_dir / "config.yaml").write_text("training: {steps: 100}\n")
    Heartbeat(material.run_dir, 2, 1).beat(40, "step")
    facts = run_facts(material.run_dir)
    (worker,) = [row for row in facts["workers"] if row["worker"] == "1"]
    assert (worker["step"], worker["phase"]) == (40, "step") and worker["phase_s"] < 60
    assert facts["eta_s"] == 60 * facts["step_s"]


def test_where_there_is_nothing_yet_nothing_is_made_up(tmp_path):
    facts = run_facts(tmp_path)
    assert facts["state"] == "not begun" and facts["checkpoint"] is None
    assert facts["steps"] is None and facts["eta_s"] is None and facts["workers"] == []
