"""Ray's version, and the token with which a cluster tells friends from strangers."""

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pipeline.health.finding import Finding


def check_ray() -> Finding:
    """Check that Ray can find, or write, its token."""
    return token_finding(os.environ, Path.home())


def token_finding(environment: Mapping[str, str], home: Path) -> Finding:
    """Judge Ray's authentication from the variables and the home folder it would look at.

    A local Ray makes itself a token in `~/.ray/auth_token`, so it needs that folder. A cluster
    without tokens runs the code of anyone who reaches its ports.
    """
    mode = environment.get("RAY_AUTH_MODE", "").lower()
    given = environment.get("RAY_AUTH_TOKEN")
    path = Path(environment.get("RAY_AUTH_TOKEN_PATH") or home / ".ray" / "auth_token")
    found = f"Ray {version('ray')}, RAY_AUTH_MODE {mode or 'unset (token)'}"
    if mode == "disabled":
        mend = "unset RAY_AUTH_MODE, unless nobody else reaches this machine's ports"
        return Finding("ray", "warn", f"{found}: anyone who reaches it may run code", mend)
    if given:
        return Finding("ray", "ok", f"{found}, token from RAY_AUTH_TOKEN")
    if path.is_file():
        return _of_file(found, path)
    nearest = next(parent for parent in path.parents if parent.exists())
    if "RAY_AUTH_TOKEN_PATH" in environment or not os.access(nearest, os.W_OK):
        mend = "`ray get-auth-token --generate`, or point HOME to a folder that can be written"
        return Finding("ray", "broken", f"{found}, no token in {path}", mend)
    return Finding("ray", "ok", f"{found}, a local start will write {path}")


def _of_file(found: str, path: Path) -> Finding:
    if not os.access(path, os.R_OK):
        return Finding("ray", "broken", f"{found}, {path} cannot be read", f"chmod 600 {path}")
    if path.stat().st_mode & 0o077:
        told = f"{found}, others can read the token in {path} and run code with it"
        return Finding("ray", "warn", told, f"chmod 600 {path}")
    return Finding("ray", "ok", f"{found}, token in {path}")
