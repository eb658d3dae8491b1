"""A cluster is joined only after it was knocked at, and left again when its nodes differ."""

import os

import pytest
import ray

from configs.runs import RayConfig
from trainers.cluster import connect, open_cluster, token
from trainers.cluster.connect import join_ray, resolved
from trainers.cluster.open_cluster import NoAnswer
from trainers.cluster.versions import MixedVersions

CLUSTER = RayConfig(address="10.0.0.1:6379")


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    """What is done, in order; `lets_in` and `differs` say what the cluster is like."""
    state = {"lets_in": False, "differs": False, "done": []}
    done = state["done"]
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (token.MODE, token.TOKEN, token.TOKEN_PATH):
        monkeypatch.delenv(name, raising=False)

    def knock(address):
        done.append(f"knock {address}")
        return state["lets_in"]

    def versions():
        done.append("versions")
        if state["differs"]:
            raise MixedVersions("differ")

    def init(**how):
        done.append(f"init {how['address']} {os.environ.get(token.MODE)}")
        state["how"] = how

    monkeypatch.setattr(open_cluster, "lets_strangers_in", knock)
    monkeypatch.setattr(connect, "refuse_mixed_versions", versions)
    for module in (open_cluster, token):
        monkeypatch.setattr(module, "set_mode", lambda mode: monkeypatch.setenv(token.MODE, mode))
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: done.append("shutdown"))
    return state


def give_token(monkeypatch):
    monkeypatch.setenv(token.TOKEN, "sesame")


def test_a_closed_cluster_is_joined_with_the_token_and_asked_for_its_versions(cluster, monkeypatch):
    give_token(monkeypatch)
    join_ray(CLUSTER)
    assert cluster["done"] == ["knock 10.0.0.1:6379", "init 10.0.0.1:6379 token", "versions"]
    assert "sesame" not in str(cluster["how"])


def test_an_open_cluster_gets_nothing_of_us(cluster, monkeypatch):
    give_token(monkeypatch)
    cluster["lets_in"] = True
    with pytest.raises(ValueError, match=r"asks for no token.*--ray.insecure-local"):
        join_ray(CLUSTER)
    assert cluster["done"] == ["knock 10.0.0.1:6379"]


def test_an_open_cluster_is_joined_where_the_user_says_so(cluster):
    cluster["lets_in"] = True
    join_ray(CLUSTER.model_copy(update={"insecure_local": True}))
    assert cluster["done"][-2:] == ["init 10.0.0.1:6379 disabled", "versions"]


def test_without_its_token_a_cluster_is_not_joined_and_none_is_made_up(cluster, tmp_path):
    with pytest.raises(ValueError, match="copy the token"):
        join_ray(CLUSTER)
    assert cluster["done"] == ["knock 10.0.0.1:6379"] and list(tmp_path.iterdir()) == []


def test_a_cluster_whose_nodes_differ_is_left_again(cluster, monkeypatch):
    give_token(monkeypatch)
    cluster["differs"] = True
    with pytest.raises(MixedVersions):
        join_ray(CLUSTER)
    assert cluster["done"][-1] == "shutdown"


def test_a_local_ray_has_a_token_that_only_we_can_read_and_no_dashboard(cluster, tmp_path):
    join_ray(RayConfig(), cpus=3)
    assert cluster["done"] == ["init local token"]
    assert cluster["how"]["num_cpus"] == 3 and cluster["how"]["include_dashboard"] is False
    assert (tmp_path / ".ray" / "auth_token").stat().st_mode & 0o077 == 0


def test_a_local_ray_without_tokens_must_be_wanted(cluster, monkeypatch):
    monkeypatch.setenv(token.MODE, "disabled")
    with pytest.raises(ValueError, match="--insecure-local"):
        join_ray(RayConfig())
    join_ray(RayConfig(insecure_local=True))
    assert cluster["done"] == ["init local disabled"]


@pytest.mark.parametrize("address", ["ray://10.0.0.1:10001", "http://10.0.0.1:8265"])
def test_an_address_of_another_kind_is_told_what_it_is_for(address):
    with pytest.raises(ValueError, match=r"must be local, auto or HOST:PORT.*weakvid launch"):
        resolved(address)


def test_nothing_at_the_address_says_so(monkeypatch):
    monkeypatch.setattr("trainers.cluster.open_cluster.KNOCK_S", 2.0)
    with pytest.raises(NoAnswer):
        join_ray(RayConfig(address="127.0.0.1:1"))
