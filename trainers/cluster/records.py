"""Which nodes were started on this machine: one file each, that `cluster stop` goes by."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from shards.stores.scratch import private_folder
from trainers.cluster.processes import Process


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node that `weakvid cluster start` started."""

    pid: int
    began: int
    is_head: bool
    address: str
    """HOST:PORT of the cluster's head."""

    dashboard: str
    """HOST:PORT of the dashboard; empty where the node is no head."""

    folder: str
    """Where Ray keeps logs and sockets of it."""

    @property
    def process(self) -> Process:
        """Its first process."""
        return Process(self.pid, self.began)

    @property
    def text(self) -> str:
        """How it is told from others."""
        role = "head" if self.is_head else "node"
        return f"{role} of {self.address}, process {self.pid}"


def private_base() -> Path:
    """Return this user's own folder on this machine; a home may be shared with others.

    Raises:
        PermissionError: If somebody else has made it.
    """
    return private_folder(Path(tempfile.gettempdir()) / f"weakvid-ray-{os.getuid()}", "TMPDIR")


def save(record: NodeRecord) -> None:
    """Write down a node that is about to start."""
    path = _folder() / f"{record.pid}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(record)))
    part.replace(path)


def forget(record: NodeRecord) -> None:
    """Delete the file of a node that has ended."""
    (_folder() / f"{record.pid}.json").unlink(missing_ok=True)


def nodes_here() -> list[NodeRecord]:
    """Return the nodes that run, and forget those that have ended."""
    found = []
    for path in sorted(_folder().glob("*.json")):
        record = NodeRecord(**json.loads(path.read_text()))
        if record.process.is_alive:
            found.append(record)
        else:
            path.unlink(missing_ok=True)
    return found


def _folder() -> Path:
    return private_folder(private_base() / "nodes", "TMPDIR")
