"""Verb `cluster`: a node of a Ray cluster on this machine, started, ended and looked at."""

from collections.abc import Sequence

from pipeline.console import say
from trainers.cluster.listening import listening
from trainers.cluster.node import NodeSpec, become_node, start_node, stop_node
from trainers.cluster.open_cluster import NoAnswer, lets_strangers_in
from trainers.cluster.processes import family
from trainers.cluster.records import NodeRecord, nodes_here
from trainers.cluster.token import token_source

EXIT_OK, EXIT_NONE = 0, 1


def run(action: str, **arguments: object) -> int:
    """Do what was asked, and return the exit code.

    Raises:
        ValueError: If a node would be open to strangers, does not start, or is not the one meant.
    """
    match action:
        case "start":
            # Whether it is a head is told by the address that it has or has not.
            arguments.pop("head")
            return _start(**arguments)  # pyrefly: ignore[bad-argument-type]
        case "stop":
            return _stop(**arguments)  # pyrefly: ignore[bad-argument-type]
        case _:
            return _status()


def _start(
    *,
    block: bool,
    node_ip: str,
    temp_dir: str,
    ray_options: Sequence[str],
    **same: object,
) -> int:
    options = tuple(ray_options)
    spec = NodeSpec(node_ip=node_ip, folder=temp_dir, ray_options=options, **same)  # pyrefly: ignore
    if block:
        become_node(spec)
    record = start_node(spec)
    say(f"up: {record.text}")
    if record.is_head:
        say(_how_to_go_on(record, is_open=spec.insecure_local))
    return EXIT_OK


def _how_to_go_on(record: NodeRecord, *, is_open: bool) -> str:
    token = "no token: for this machine alone" if is_open else f"token in {token_source()}"
    lines = [f"dashboard   http://{record.dashboard}, {token}"]
    if not is_open:
        lines.append(f"more nodes  weakvid cluster start --address {record.address}")
    lines.append("work        weakvid launch VERB ..., or on this machine --ray.address auto")
    return "\n".join([*lines, "the end     weakvid cluster stop"])


def _stop(*, pid: int | None) -> int:
    nodes = nodes_here()
    chosen = [one for one in nodes if pid in (None, one.pid)]
    if not chosen:
        known = "; ".join(one.text for one in nodes) or "none runs"
        raise ValueError(f"cluster stop must find a node that was started here, got {pid}: {known}")
    if len(chosen) > 1:
        known = "; ".join(one.text for one in chosen)
        raise ValueError(f"cluster stop must be told which node, by its process: {known}")
    killed = stop_node(chosen[0])
    rest = f"; {killed} of its processes had to be killed" if killed else ""
    say(f"ended: {chosen[0].text}{rest}")
    return EXIT_OK


def _status() -> int:
    nodes = nodes_here()
    if not nodes:
        say("no node was started here by `weakvid cluster start`")
        return EXIT_NONE
    for one in nodes:
        say("\n".join([one.text, *_lines(one)]))
    return EXIT_OK


def _lines(record: NodeRecord) -> list[str]:
    knocks = [("cluster", record.address)]
    knocks += [("dashboard", f"http://{record.dashboard}")] if record.dashboard else []
    lines = [f"  {name:<10} {address}: {_who_gets_in(address)}" for name, address in knocks]
    lines += [f"  {'logs':<10} {record.folder}/r/session_latest/logs"]
    return lines + [
        f"  {'listens':<10} {host}:{port} {program}"
        for host, port, program in listening(family(record.process))
    ]


def _who_gets_in(address: str) -> str:
    try:
        is_open = lets_strangers_in(address)
    except NoAnswer as error:
        return str(error)
    return "OPEN to everybody who reaches it" if is_open else "asks for a token"
