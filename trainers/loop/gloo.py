"""Gloo between machines goes through the network device that has the node's address for Ray.

Left alone, gloo listens where the host's name points to. On Debian and in many images that is a
loopback address: workers on other machines would call themselves there, and wait.
"""

import fcntl
import logging
import os
import socket
import struct
from typing import Any

import ray.util
from ray.train.constants import TORCH_PROCESS_GROUP_SHUTDOWN_TIMEOUT_S
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend

logger = logging.getLogger(__name__)

DEVICE = "GLOO_SOCKET_IFNAME"
"""Gloo's own setting; one that the node's environment has is left as it is."""

SHUTDOWN_S = "3"
"""How long workers may take to leave their group: those of one that has failed may not answer."""

_GET_ADDRESS = 0x8915  # SIOCGIFADDR: the IPv4 address of a device


class BetweenMachines(TorchConfig):
    """Ray's set-up of a process group, after gloo has been told its device on each node."""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        """What Ray calls on its workers."""
        return _Backend


class _Backend(_TorchBackend):
    def on_start(self, worker_group: Any, backend_config: TorchConfig) -> None:
        # On one machine loopback is right: it stays when a network comes and goes.
        if len(set(worker_group.execute(ray.util.get_node_ip_address))) > 1:
            worker_group.execute(_name_device)
        super().on_start(worker_group, backend_config)

    def on_shutdown(self, worker_group: Any, backend_config: TorchConfig) -> None:
        # On a cluster the controller has the environment of its node, not ours.
        os.environ.setdefault(TORCH_PROCESS_GROUP_SHUTDOWN_TIMEOUT_S, SHUTDOWN_S)
        super().on_shutdown(worker_group, backend_config)


def _name_device() -> None:
    address = ray.util.get_node_ip_address()
    device = device_of(address)
    if device:
        os.environ.setdefault(DEVICE, device)
    else:
        logger.warning(
            "no network device has the IPv4 address %s: gloo chooses one itself, by the host's "
            "name; if workers do not find each other, set %s on each node",
            address,
            DEVICE,
        )


def device_of(address: str) -> str:
    """Return the network device that has an IPv4 address; empty where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            try:
                answer = fcntl.ioctl(asking, _GET_ADDRESS, request)
            except OSError:  # a device without an address
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return ""
