"""What Kubernetes is handed: right by its schemas, with a token, and with commands that hold."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings.load import resolve

MANIFESTS = ["shards.yaml", "train.yaml", "storage.yaml", "network-policy.yaml"]
JOBS = MANIFESTS[:2]
OURS = {"app.kubernetes.io/part-of": "weakvid"}

Errors = Callable[[dict[str, Any]], list[str]]
Read = Callable[[str], dict[str, Any]]


def pods(job: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"] for group in groups]


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_manifest_is_valid(name: str, read: Read, kubernetes_errors: Errors) -> None:
    assert kubernetes_errors(read(f"kuberay/{name}")) == []


def test_no_manifest_is_left_out(deploy: Path) -> None:
    assert sorted(path.name for path in (deploy / "kuberay").iterdir()) == sorted(MANIFESTS)


def mappings(node: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """All mappings of a manifest whose keys a schema fixes."""
    if isinstance(node, list):
        for number, entry in enumerate(node):
            yield from mappings(entry, f"{path}[{number}]")
    elif isinstance(node, dict):
        if not re.search(r"(labels|annotations|matchLabels|rayStartParams|requests|limits)$", path):
            yield path, node
        for key, value in node.items():
            yield from mappings(value, f"{path}.{key}")


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_wrong_key_is_caught_wherever_it_is_planted(
    name: str, read: Read, kubernetes_errors: Errors
) -> None:
    # What anchors of YAML share is not to be shared: each place is tried by itself.
    manifest = json.loads(json.dumps(read(f"kuberay/{name}")))
    unnoticed = []
    for path, mapping in list(mappings(manifest)):
        mapping["backofLimit"] = 1
        if not kubernetes_errors(manifest):
            unnoticed.append(path)
        del mapping["backofLimit"]
    assert unnoticed == []
    assert kubernetes_errors(manifest) == []


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("spec.backoffLimit", "three"),
        ("spec.submissionMode", "HttpMode"),
        ("spec.shutdownAfterJobFinishes", False),  # the time to live would mean nothing
        ("spec.rayClusterSpec.authOptions.mode", "tokens"),
        ("spec.rayClusterSpec.workerGroupSpecs.0.maxReplicas", -1),
        ("spec.rayClusterSpec.headGroupSpec.rayStartParams.num-cpus", 0),  # a number, not a string
        ("spec.rayClusterSpec.headGroupSpec.template.spec.containers", None),
    ],
)
def test_a_wrong_value_is_caught(
    where: str, value: object, read: Read, kubernetes_errors: Errors
) -> None:
    manifest: Any = read("kuberay/shards.yaml")
    *path, last = where.split(".")
    node = manifest
    for key in path:
        node = node[int(key) if key.isdecimal() else key]
    node[last] = value
    assert len(kubernetes_errors(manifest)) == 1


@pytest.mark.parametrize("name", JOBS)
def test_the_command_of_a_job_holds(name: str, read: Read) -> None:
    program, verb, *words = shlex.split(read(f"kuberay/{name}")["spec"]["entrypoint"])
    assert program == "weakvid"
    job: Any = resolve(verb, words, "weakvid").job
    assert job.ray.address == "auto"
    assert not job.ray.insecure_local


@pytest.mark.parametrize("name", JOBS)
def test_a_job_retries_goes_away_and_asks_for_a_token(name: str, read: Read) -> None:
    spec = read(f"kuberay/{name}")["spec"]
    assert spec["backoffLimit"] >= 1
    assert spec["shutdownAfterJobFinishes"]
    cluster = spec["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token", "secretName": "weakvid-ray-token"}
    assert "runtimeEnvYAML" not in spec


@pytest.mark.parametrize("name", JOBS)
def test_pods_are_no_root_and_give_up_what_they_do_not_need(name: str, read: Read) -> None:
    head, *workers = pods(read(f"kuberay/{name}"))
    for pod in (head, *workers):
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        [container] = pod["spec"]["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert all(not pod["spec"]["automountServiceAccountToken"] for pod in workers)


@pytest.mark.parametrize("name", JOBS)
def test_a_pod_has_longer_to_leave_than_ray_takes(name: str, read: Read) -> None:
    for pod in pods(read(f"kuberay/{name}"))[1:]:
        [container] = pod["spec"]["containers"]
        environment = {entry["name"]: entry["value"] for entry in container["env"]}
        drain_s = float(environment["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
        assert drain_s + 10 <= pod["spec"]["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("name", JOBS)
def test_every_node_mounts_the_same_storage_and_is_watched(name: str, read: Read) -> None:
    claim = read("kuberay/storage.yaml")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for pod in pods(read(f"kuberay/{name}")):
        claims = {
            volume["name"]: volume["persistentVolumeClaim"]["claimName"]
            for volume in pod["spec"]["volumes"]
            if "persistentVolumeClaim" in volume
        }
        [container] = pod["spec"]["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert {mounts[v]: c for v, c in claims.items()} == {
            "/mnt/weakvid": claim["metadata"]["name"]
        }
        port = pod["metadata"]["annotations"]["prometheus.io/port"]
        assert int(port) in {entry["containerPort"] for entry in container["ports"]}


def test_bundles_find_their_memory_on_a_node(read: Read) -> None:
    spec = read("kuberay/shards.yaml")["spec"]
    job: Any = resolve("shards", shlex.split(spec["entrypoint"])[2:], "weakvid").job
    for group in spec["rayClusterSpec"]["workerGroupSpecs"]:
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        memory = int(limits["memory"].removesuffix("Gi")) * 2**30
        for_tasks = memory - int(group["rayStartParams"]["object-store-memory"])
        assert int(limits["cpu"]) * job.shards.task_memory_bytes <= for_tasks
        # Fewer than one node, and the driver takes the head's memory for that of all nodes.
        assert 1 <= group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_a_run_has_a_gpu_for_each_worker(read: Read) -> None:
    manifest = read("kuberay/train.yaml")
    job: Any = resolve("train", shlex.split(manifest["spec"]["entrypoint"])[2:], "weakvid").job
    [group] = manifest["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert group["minReplicas"] == group["replicas"] == group["maxReplicas"]
    assert group["replicas"] * int(limits["nvidia.com/gpu"]) == job.training.workers
    assert 1 <= job.training.min_workers < job.training.workers
    assert job.data.threads <= int(limits["cpu"])


def test_the_policy_covers_the_pods_and_opens_only_what_others_need(read: Read) -> None:
    policy = read("kuberay/network-policy.yaml")["spec"]
    assert policy["podSelector"]["matchLabels"] == OURS
    among_us, *others = policy["ingress"]
    assert among_us == {"from": [{"podSelector": {"matchLabels": OURS}}]}
    assert [port["port"] for rule in others for port in rule["ports"]] == [8265, 8080]
    for name in JOBS:
        for pod in pods(read(f"kuberay/{name}")):
            assert pod["metadata"]["labels"].items() >= OURS.items()
