"""The token with which a cluster tells friends from strangers: found, or made, and kept private.

Ray looks for it in `RAY_AUTH_TOKEN`, then in the file that `RAY_AUTH_TOKEN_PATH` names, then in
`~/.ray/auth_token`. Left to itself it writes that file for everybody to read (mode 0644).
"""

import importlib
import logging
import os
import secrets
import stat
import sys
import tempfile
from pathlib import Path

logger = logging.getLogger(__name__)

MODE, TOKEN, TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"

COPY_IT = (
    "copy the token of the cluster's head to ~/.ray/auth_token (mode 0600), or name its file by "
    f"{TOKEN_PATH}"
)


def ensure_token() -> Path | None:
    """Find the token, or make one, and let Ray ask for it in this process and in its children.

    Returns:
        Its file; None where `RAY_AUTH_TOKEN` holds it.

    Raises:
        ValueError: If tokens are switched off, or a named token is not there.
    """
    return _found(make=True)


def find_token() -> Path | None:
    """Find the token of a cluster that runs already; one made here could not be its own.

    Returns:
        Its file; None where `RAY_AUTH_TOKEN` holds it.

    Raises:
        ValueError: If tokens are switched off, or there is none.
    """
    return _found(make=False)


def token_path() -> Path:
    """Return the file in which Ray looks for the token."""
    return Path(os.environ.get(TOKEN_PATH) or Path.home() / ".ray" / "auth_token")


def token_source() -> str:
    """Return where Ray takes the token from, in words; never the token."""
    return TOKEN if TOKEN in os.environ else str(token_path())


def set_mode(mode: str) -> None:
    """Set `RAY_AUTH_MODE` for this process and its children.

    A Ray that was imported and has read it already reads it again.
    """
    os.environ[MODE] = mode
    if "ray" in sys.modules:
        raylet = importlib.import_module("ray._raylet")
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


def _found(*, make: bool) -> Path | None:
    path = _checked(make=make)
    set_mode("token")
    return path


def _checked(*, make: bool) -> Path | None:
    mode = os.environ.get(MODE, "token").lower()
    if mode != "token":
        raise ValueError(
            f"{MODE} must be token or unset, got {mode!r}: anyone who reaches such a Ray runs code "
            "on it; unset it, or say --insecure-local (--ray.insecure-local) where nobody else "
            "can reach this machine"
        )
    if TOKEN in os.environ:
        if not os.environ[TOKEN].strip():
            raise ValueError(f"{TOKEN} must hold a token, and is empty; {COPY_IT}")
        return None
    path = token_path()
    if not path.is_file():
        if not make or TOKEN_PATH in os.environ:
            raise ValueError(
                f"{path} must hold the token of the cluster, and is not there; {COPY_IT}"
            )
        _make(path)
    _keep_private(path)
    if not path.read_text().strip():
        raise ValueError(f"{path} must hold a token, and is empty; {COPY_IT}")
    return path


def _make(path: Path) -> None:
    """Write a new token, unless another process is faster: then its token holds."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".auth_token-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(descriptor)
        os.link(name, path)
        logger.info("a new token for Ray is in %s", path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink(missing_ok=True)


def _keep_private(path: Path) -> None:
    """Take the file from the eyes of others where it is ours; say so where it is not."""
    status = path.stat()
    if not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return
    if status.st_uid == os.getuid():
        path.chmod(0o600)
        logger.info("%s could be read by others; its mode is now 0600", path)
    else:
        logger.warning(
            "%s belongs to somebody else and can be read by others (mode %o): whoever reads it "
            "runs code on the cluster",
            path,
            stat.S_IMODE(status.st_mode),
        )
