"""Words of `weakvid cluster`: start, stop and status of a node on this machine."""

import argparse

DEFAULT_PORT, DEFAULT_DASHBOARD = 6379, 8265


def add_cluster_words(parser: argparse.ArgumentParser) -> None:
    """Add the three actions to the parser of the verb."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="start|stop|status")
    _add_start(
        actions.add_parser(
            "start", help="make this machine a head, or join one", allow_abbrev=False
        )
    )
    stop = actions.add_parser("stop", help="end a node that was started here", allow_abbrev=False)
    stop.add_argument(
        "pid", nargs="?", type=int, help="of the node, where several run (see `cluster status`)"
    )
    actions.add_parser("status", help="nodes of this machine, what they listen on, who is let in")


def _add_start(parser: argparse.ArgumentParser) -> None:
    role = parser.add_mutually_exclusive_group(required=True)
    role.add_argument("--head", action="store_true", help="begin a cluster")
    role.add_argument("--address", default="", metavar="HOST:PORT", help="join this head")
    for flag, value, text in (
        ("--node-ip", "", "address of this machine that others reach (default: found)"),
        ("--dashboard-host", "127.0.0.1", "where the dashboard listens (default: loopback)"),
        ("--temp-dir", "", "for logs and sockets; closed to others (default: made in TMPDIR)"),
    ):
        parser.add_argument(flag, default=value, help=text)
    for flag, number, text in (
        ("--port", DEFAULT_PORT, "of the head"),
        ("--dashboard-port", DEFAULT_DASHBOARD, "of the dashboard"),
    ):
        parser.add_argument(flag, type=int, default=number, help=f"{text} (default: {number})")
    parser.add_argument(
        "--block", action="store_true", help="stay, as the node itself: for Slurm and containers"
    )
    parser.add_argument(
        "--insecure-local",
        action="store_true",
        help="without a token: only where nobody else reaches this machine",
    )
    parser.add_argument(
        "ray_options",
        nargs="*",
        metavar="-- OPTION",
        help="options for `ray start`, after `--`: -- --num-cpus 8 --resources '{\"big\": 1}'",
    )
