"""Shards on nodes with addresses of their own, in a folder and in a bucket: the same bytes.

A node loses its power, is cut off for 30 s, is given notice, is added; the head dies with the
driver on it, and the same command goes on with a new cluster.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import builds
import pytest
from kills import difference, snapshot

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster"))
from namespaces import NETWORK, Machines, Node, start_head, two_nodes

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]

HASTE = (
    *("--shards.overdue-s", "10", "--sources.limits.deadline-s", "20"),
    *("--clips.stride-s", "0.5"),
)
"""Deadlines that give up a node that is cut off while it still is (they are 180 s by default), and
more to do, so that a node can come up meanwhile."""

CUT_S, NOTICE_S = 30.0, 20.0
END_S = 300.0
S3_PORT = 5000
CREDENTIALS = {
    "AWS_ENDPOINT_URL": f"http://{NETWORK}.1:{S3_PORT}",
    "AWS_ACCESS_KEY_ID": "key-of-tests",
    "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
    "AWS_DEFAULT_REGION": "us-east-1",
}

# Run on a machine that reaches the bucket: the hash of every object but the driver's own.
OBJECTS = """
import hashlib, json, sys
import s3fs
store = s3fs.S3FileSystem()
names = store.find(sys.argv[1])
own = (".driver.lock", ".costs.jsonl")
print(json.dumps({
    n.partition("/")[2].partition("/")[2]: n.rpartition("/")[2] if n.endswith(own)
    else hashlib.sha256(store.cat_file(n)).hexdigest() for n in names
}))
"""
MAKE_BUCKET = "import s3fs; s3fs.S3FileSystem().mkdir('shards')"


class Build:
    """`weakvid shards` on the head of the cluster."""

    def __init__(self, machines: Machines, corpus: Path, out: Path | str, log: Path) -> None:
        self.machines, self.log = machines, log
        command = builds.shards(corpus, out, "--ray.address", machines.address, *HASTE)
        self.process = machines.start(machines.head, command, log=log)

    def works_on(self, node: Node) -> bool:
        """Return whether a bundle is being built there."""
        return any("ray::build_remotely" in words for words in self.machines.commands(node))

    def wait(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + END_S
        while not condition():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def wait_until_both_work(self) -> None:
        self.wait(lambda: all(self.works_on(node) for node in self.machines.nodes))
        time.sleep(1.5)

    def end(self) -> float:
        began = time.monotonic()
        assert self.process.wait(END_S) == 0, self.log.read_text()[-3000:]
        return time.monotonic() - began

    def told(self) -> dict[str, int]:
        said = self.log.read_text()
        return {
            "bundles_given_up": said.count("no sign of life past its deadline"),
            "bundles_tried_again": said.count(" follows"),
        }


@pytest.fixture(scope="module")
def cluster() -> Iterator[Machines]:
    pytest.importorskip("moto")
    with two_nodes(environment=CREDENTIALS) as machines:
        moto = Path(sys.executable).with_name("moto_server")
        machines.start(machines.outside, [moto, "-H", f"{NETWORK}.1", "-p", str(S3_PORT)])
        until = time.monotonic() + 30
        while machines.run(machines.outside, [sys.executable, "-c", MAKE_BUCKET])[0]:
            assert time.monotonic() < until
        yield machines


@pytest.fixture
def machines(cluster: Machines) -> Machines:
    """The cluster with a far node that nothing has happened to."""
    cluster.renew()
    return cluster


@pytest.fixture(scope="module")
def calm(corpus: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one machine builds in peace, with the same limits: they decide what is rejected."""
    out = tmp_path_factory.mktemp("calm") / "out"
    log = out.parent / "log"
    assert builds.finish(builds.shards(corpus, out, *HASTE), log, root) == 0, log.read_text()
    return snapshot(out)


def objects(machines: Machines, url: str) -> dict[str, str]:
    words = [sys.executable, "-c", OBJECTS, url.removeprefix("s3://")]
    code, said = machines.run(machines.outside, words)
    assert code == 0, said
    return json.loads(said.splitlines()[-1])


def cut_for_a_while(build: Build, machines: Machines) -> dict[str, Any]:
    build.wait_until_both_work()
    machines.cut(machines.nodes[1])
    time.sleep(CUT_S)
    machines.heal(machines.nodes[1])
    took_s = build.end()
    return {"healed_to_end_s": took_s, **build.told()}


def test_a_cut_of_30_s_changes_no_byte(calm, machines, corpus, tmp_path, figures) -> None:
    build = Build(machines, corpus, tmp_path / "out", tmp_path / "log")
    figures(**cut_for_a_while(build, machines))
    assert difference(calm, snapshot(tmp_path / "out")) == ""


def test_a_cut_from_cluster_and_bucket_changes_no_byte(
    calm, machines, corpus, tmp_path, figures
) -> None:
    peace = Build(machines, corpus, "s3://shards/calm", tmp_path / "calm.log")
    figures(seconds_in_peace=peace.end())
    build = Build(machines, corpus, "s3://shards/cut", tmp_path / "log")
    figures(**cut_for_a_while(build, machines))
    want, got = (objects(machines, f"s3://shards/{name}") for name in ("calm", "cut"))
    assert difference(want, got) == ""
    # Tars are named by their content there, so they are equal to those of a folder.
    assert {v for k, v in calm.items() if k.endswith(".tar")} <= set(want.values())
    figures(objects=len(got))


def test_a_notice_of_20_s_and_a_new_node_change_no_byte(
    calm, machines, corpus, tmp_path, figures
) -> None:
    build = Build(machines, corpus, tmp_path / "out", tmp_path / "log")
    build.wait_until_both_work()
    leaving = machines.nodes[1]
    began = time.monotonic()
    new = machines.add_node()
    build.wait(lambda: build.works_on(new))
    figures(new_node_to_its_first_bundle_s=time.monotonic() - began)
    machines.drain(leaving, NOTICE_S)
    began = time.monotonic()
    while build.process.poll() is None and time.monotonic() - began < NOTICE_S:
        time.sleep(0.1)
    machines.remove(leaving)
    build.end()
    figures(**build.told())
    assert difference(calm, snapshot(tmp_path / "out")) == ""


def test_a_node_that_loses_power_is_done_without(calm, machines, corpus, tmp_path, figures) -> None:
    build = Build(machines, corpus, tmp_path / "out", tmp_path / "log")
    build.wait_until_both_work()
    machines.remove(machines.nodes[1])
    figures(power_off_to_end_s=build.end(), **build.told())
    assert difference(calm, snapshot(tmp_path / "out")) == ""


def test_the_head_dies_with_its_driver_and_a_new_cluster_goes_on(
    calm, machines, corpus, tmp_path, figures
) -> None:
    build = Build(machines, corpus, tmp_path / "out", tmp_path / "log")
    done = tmp_path / "out" / "done"
    build.wait(lambda: len(list(done.glob("*.json"))) >= 4)
    machines.kill(machines.head)
    assert build.process.wait(30) != 0
    committed = len(list(done.glob("*.json")))
    start_head(machines, machines.plug_in("new-head"))
    again = Build(machines, corpus, tmp_path / "out", tmp_path / "log-again")
    figures(bundles_committed_before=committed, seconds_of_the_second=again.end())
    assert difference(calm, snapshot(tmp_path / "out")) == ""
