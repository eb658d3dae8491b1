"""All nodes of a cluster compute with the same versions, or the work is not begun."""

import logging
from collections.abc import Mapping

from trainers.cluster.ask import ask_nodes
from trainers.cluster.stamp import CODE, PLACE, stamp

logger = logging.getLogger(__name__)

ASK_S = 120.0
"""How long a node may take to answer: it may have to unpack our code first."""


class MixedVersions(ValueError):  # noqa: N818  it is what the user is told
    """A node has other versions than the driver."""


def refuse_mixed_versions() -> None:
    """Ask each live node of the cluster that we have joined.

    Raises:
        MixedVersions: If one differs from this process, naming it and both versions.
    """
    here = stamp()
    answers = _ask_nodes()
    told = [
        line for node, there in answers.items() if there for line in differences(node, here, there)
    ]
    if told:
        raise MixedVersions(refusal(told))
    for node, there in answers.items():
        if there is None:
            logger.warning(
                "node %s did not say within %.0f s which versions it has; it is asked again when "
                "it gets work",
                node,
                ASK_S,
            )


def refuse_other_versions(driver: Mapping[str, str]) -> None:
    """On a node, before it works: one that came later was not asked at the start.

    Args:
        driver: Stamp of the driver.

    Raises:
        MixedVersions: If this node has other versions.
    """
    if told := differences(_node_address(), driver, stamp()):
        raise MixedVersions(refusal(told))


def _node_address() -> str:
    import ray

    return ray.util.get_node_ip_address()


def differences(node: str, here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """Return a phrase for each version in which a node differs from the driver."""
    # One folder, read twice, is one code: at most somebody has edited it in between.
    is_same = here[PLACE] == there.get(PLACE)
    ignored = {PLACE, CODE} if is_same else {PLACE}
    return [
        f"node {node} has {name} {there.get(name, 'none')}, the driver has {here[name]}"
        for name in here
        if name not in ignored and there.get(name, "none") != here[name]
    ]


def refusal(told: list[str]) -> str:
    """Return what the user is told, in one line: it is the last one of an error from afar."""
    return (
        f"all nodes must have the same versions, else their shards and losses differ, but "
        f"{'; '.join(told)}. Start such a node again from the same image, or send the code along "
        "with `weakvid launch`; the same command goes on"
    )


def _stamp_there() -> Mapping[str, str]:
    """Ray takes no cached function."""
    return stamp()


def _ask_nodes() -> dict[str, Mapping[str, str] | None]:
    """Return what each live node answers; None where it does not in time."""
    import ray

    # Several nodes may have one address, as on a machine that two were started on.
    names = {
        node["NodeID"]: f"{node['NodeManagerAddress']} ({node['NodeID'][:8]})"
        for node in ray.nodes()
        if node["Alive"]
    }
    answers = ask_nodes(_stamp_there, names, ASK_S)
    return {name: answers.get(node) for node, name in names.items()}
