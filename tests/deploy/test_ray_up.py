"""Clusters for `ray up`: right by Ray's own schema and checks, closed to strangers."""

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import jsonschema
import pytest
from botocore.validate import ParamValidator
from ray.autoscaler._private.util import prepare_config, validate_config

from trainers.cluster.environment import OF_NODES

CLUSTERS = ["aws.yaml", "on-premises.yaml"]

Read = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("name", CLUSTERS)
def test_ray_takes_it(name: str, read: Read) -> None:
    validate_config(prepare_config(read(f"ray-up/{name}")))


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("aws.yaml", ""),
        ("aws.yaml", "auth"),
        ("aws.yaml", "docker"),
        ("aws.yaml", "available_node_types.shards"),
        ("on-premises.yaml", ""),
        ("on-premises.yaml", "auth"),
    ],
)
def test_a_wrong_key_is_caught(name: str, where: str, read: Read) -> None:
    config: Any = read(f"ray-up/{name}")
    node = config
    for key in where.split(".") if where else []:
        node = node[key]
    node["max_wrokers"] = 1
    with pytest.raises(jsonschema.ValidationError, match="max_wrokers"):
        validate_config(prepare_config(config))


def instance_errors(node_config: dict[str, Any]) -> list[str]:
    """Where a request for an instance breaks Amazon's own description of it."""
    model = botocore.session.get_session().get_service_model("ec2")
    request = {**node_config, "MinCount": 1, "MaxCount": 1}
    report = ParamValidator().validate(request, model.operation_model("RunInstances").input_shape)
    return report.generate_report().splitlines()


def test_amazon_knows_every_key_of_a_node(read: Read) -> None:
    for name, node in read("ray-up/aws.yaml")["available_node_types"].items():
        assert instance_errors(node["node_config"]) == [], name


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("InstnaceType", "m7i.xlarge"),
        ("MetadataOptions.HttpToken", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "one"),
        ("IamInstanceProfile.name", "weakvid"),
    ],
)
def test_a_wrong_key_of_a_node_is_caught(path: str, value: str, read: Read) -> None:
    node_config = read("ray-up/aws.yaml")["available_node_types"]["head"]["node_config"]
    node = node_config
    *folders, last = path.split(".")
    for key in folders:
        node = node[key]
    node[last] = value
    assert instance_errors(node_config)


def start_commands(config: dict[str, Any]) -> Iterator[list[str]]:
    for role in ("head", "worker"):
        *_, command = config[f"{role}_start_ray_commands"]
        yield shlex.split(command)


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_node_asks_for_a_token_and_is_told_what_our_nodes_are_told(
    name: str, read: Read
) -> None:
    config = read(f"ray-up/{name}")
    for command in start_commands(config):
        if "docker" in config:  # the image tells the rest: test_image.py
            assert "-e RAY_AUTH_MODE=token" in config["docker"]["run_options"]
        else:
            told = dict(re.findall(r"(RAY_\w+)=([^\s;]+)", " ".join(command)))
            assert told == {"RAY_AUTH_MODE": "token", **OF_NODES}


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_token_travels_as_a_file(name: str, read: Read) -> None:
    config = read(f"ray-up/{name}")
    [(there, here)] = config["file_mounts"].items()
    assert here == "~/.ray/auth_token"
    if "docker" in config:
        assert f"-e RAY_AUTH_TOKEN_PATH={there}" in config["docker"]["run_options"]
    assert not re.search(r"RAY_AUTH_TOKEN=", str(config))


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_dashboard_is_on_loopback(name: str, read: Read) -> None:
    head, worker = start_commands(read(f"ray-up/{name}"))
    assert "--dashboard-host=127.0.0.1" in head
    assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in head
    assert not any("dashboard" in word for word in worker)
    assert "--disable-usage-stats" in head
    assert "--disable-usage-stats" in worker


@pytest.mark.parametrize("name", CLUSTERS)
def test_ray_knows_the_options_of_its_start(name: str, read: Read) -> None:
    from ray.scripts.scripts import start

    known = {option for parameter in start.params for option in parameter.opts}
    for command in start_commands(read(f"ray-up/{name}")):
        words = command[command.index("start") + 1 :]
        assert {word.partition("=")[0] for word in words} - known == set()


def test_amazon_machines_are_closed_to_the_world(read: Read) -> None:
    config = read("ray-up/aws.yaml")
    for node in config["available_node_types"].values():
        machine = node["node_config"]
        assert machine["SecurityGroupIds"]  # else Ray opens SSH to 0.0.0.0/0
        assert machine["MetadataOptions"]["HttpTokens"] == "required"
        assert all(disk["Ebs"]["Encrypted"] for disk in machine["BlockDeviceMappings"])
    assert "security_group" not in config["provider"]


def test_nothing_of_the_work_is_placed_on_the_head_of_a_cloud(read: Read) -> None:
    config = read("ray-up/aws.yaml")
    types = config["available_node_types"]
    assert types[config["head_node_type"]]["resources"] == {"CPU": 0}
    workers = sum(t["max_workers"] for name, t in types.items() if name != "head")
    assert config["max_workers"] == workers
    assert all("InstanceMarketOptions" not in types["head"]["node_config"] for _ in types)
