"""Alert rules and the dashboard name figures that the code exports, in expressions that hold."""

import json
import re

import pytest
import yaml

from trainers.telemetry.figures import FIGURES

promql = pytest.importorskip("promql_parser", reason="no parser of Prometheus' expressions")

EXPORTED = {figure.exported: figure for figure in FIGURES} | {
    f"ray_{figure.name}_bucket": figure for figure in FIGURES if figure.kind == "histogram"
}
OF_PROMETHEUS = {"le"}


def rules(deploy):
    groups = yaml.safe_load((deploy / "monitoring" / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def board(deploy):
    return json.loads((deploy / "monitoring" / "grafana.json").read_text())


def expressions(deploy):
    panels = board(deploy)["panels"]
    return [rule["expr"] for rule in rules(deploy)] + [
        target["expr"].replace("$run", ".*") for panel in panels for target in panel["targets"]
    ]


def problems(expression):
    """Return what is wrong with an expression: it does not parse, or names what nobody exports."""
    try:
        promql.parse(expression)
    except ValueError as error:
        return [str(error)]
    found = []
    for name, labels in re.findall(r"\b(ray_\w+)(?:\{([^}]*)\})?", expression):
        figure = EXPORTED.get(name)
        if figure is None:
            found.append(f"nobody exports {name}")
            continue
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))
        found += [f"{name} has no label {label}" for label in asked - set(figure.labels)]
    return found


def test_every_expression_holds_and_names_what_is_exported(deploy):
    assert len(expressions(deploy)) > 30
    assert [problem for text in expressions(deploy) for problem in problems(text)] == []


def test_every_figure_is_looked_at(deploy):
    text = "\n".join(expressions(deploy))
    unseen = [f.name for f in FIGURES if not re.search(rf"\bray_{f.name}(_total|_bucket)?\b", text)]
    assert unseen == []


@pytest.mark.parametrize(
    "planted",
    [
        "max(ray_weakvid_stepp)",
        "sum by (run) (ray_weakvid_sources_total{verdict='ok'})",
        "sum by run (ray_weakvid_step)",
        "rate(ray_weakvid_step) > 1",
    ],
)
def test_a_planted_mistake_is_caught(planted):
    assert problems(planted)


def test_a_rule_has_what_prometheus_asks_for_and_leads_to_the_page(deploy, root):
    page = (root / "docs" / "operating.md").read_text()
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    }
    names = [rule["alert"] for rule in rules(deploy)]
    assert len(set(names)) == len(names) >= 8
    for rule in rules(deploy):
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        assert rule["labels"]["severity"] in ("page", "ticket", "info")
        path, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert path == "docs/operating.md" and anchor in anchors, rule["alert"]


def test_the_dashboard_can_be_imported(deploy):
    dashboard = board(deploy)
    assert dashboard["uid"] == "weakvid" and dashboard["schemaVersion"] >= 36
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
    assert len(set(places)) == len(places)
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "run"}


def test_the_scrape_configuration_finds_what_ray_and_our_pods_offer(deploy):
    config = yaml.safe_load((deploy / "monitoring" / "prometheus.yaml").read_text())
    assert config["rule_files"] == ["alerts.yaml"]
    ray, kuberay = config["scrape_configs"]
    assert ray["file_sd_configs"][0]["files"] == ["/tmp/ray/prom_metrics_service_discovery.json"]
    pods = yaml.safe_load((deploy / "kuberay" / "train.yaml").read_text())
    head = pods["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["metadata"]["annotations"]
    sources = {name for rule in kuberay["relabel_configs"] for name in rule["source_labels"]}
    for key in ("prometheus.io/scrape", "prometheus.io/port"):
        assert key in head
        name = re.sub(r"[^a-z]", "_", key)
        assert f"__meta_kubernetes_pod_annotation_{name}" in sources
