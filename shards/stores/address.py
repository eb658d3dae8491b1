"""Which addresses are taken, and how they are shown: an allow-list, and no secrets.

URLs come out of listings, which anybody may have written. So the scheme must be known, a bucket
must be a plain name (an ARN would choose another endpoint), and nothing is asked of the addresses
at which clouds tell a machine its own credentials.
"""

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

BUCKETS = frozenset({"s3", "gs"})
WEB = frozenset({"http", "https"})

_SCHEME = re.compile(r"([^/]*)://")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
"""Metadata services outside of the link-local range: Azure, Alibaba, Oracle, Amazon over IPv6."""
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})


def scheme_of(path: str) -> str:
    """Return the scheme of a URL, empty for a path on this machine (`file://` too).

    Raises:
        ValueError: If the path runs a command, or the scheme is not one of those taken.
    """
    if path.startswith("pipe:"):
        raise ValueError(f"a path must be a file, got a command: {path[:80]!r}")
    match = _SCHEME.match(path)
    if match is None:
        return ""
    scheme = match.group(1).lower()
    if scheme == "file":
        return ""
    if scheme not in BUCKETS | WEB:
        raise ValueError(
            "a path must lie on this machine or begin with s3://, gs://, http:// or https://, "
            f"got {shown(path)!r}"
        )
    return scheme


def is_remote(path: str) -> bool:
    """Return whether a path is a URL of another machine. Raises as `scheme_of` does."""
    return bool(scheme_of(path))


def local_path(path: str) -> Path:
    """Return the path on this machine.

    Raises:
        ValueError: If the path names another kind of store, or runs a command (`pipe:`).
    """
    if is_remote(path):
        raise ValueError(f"a path must lie on this machine, got {shown(path)!r}")
    return Path(path.partition("://")[2] if _SCHEME.match(path) else path)


def bucket_and_key(path: str) -> tuple[str, str]:
    """Return the bucket and the key of an s3:// or gs:// URL.

    Raises:
        ValueError: If there is no plain bucket name, or the key has control characters.
    """
    bucket, _, key = path.partition("://")[2].partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"{shown(path)!r} must name a bucket, got {bucket[:80]!r}")
    if _CONTROL.search(key):
        raise ValueError(f"{shown(path)!r} must have no control characters")
    return bucket, key


def shown(path: str) -> str:
    """Return a path as it may stand in messages: without user, password, query and fragment."""
    match = _SCHEME.match(path)
    if match is None or match.group(1).lower() in BUCKETS | {"file"}:
        return path
    rest = re.split(r"[?#]", path[match.end() :], maxsplit=1)[0]
    host, slash, name = rest.partition("/")
    return match.group(0) + host.rpartition("@")[2] + slash + name


def refuse_name(url: str) -> None:
    """Refuse a web address whose host is missing or is known to be a metadata service.

    Raises:
        ValueError: It is.
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if not host or _CONTROL.search(url):
        raise ValueError(f"a URL must name a host, got {shown(url)!r}")
    if host in _METADATA_NAMES:
        raise ValueError(f"{shown(url)!r} must not be a metadata service")


def refuse_address(address: str) -> None:
    """Refuse an IP address that no video comes from. Called with what is connected to.

    Raises:
        ValueError: If it is link-local, a metadata service, multicast or unspecified.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    for one in (found, mapped):
        if one is None:
            continue
        if one.is_link_local or one.is_multicast or one.is_unspecified or one in _METADATA:
            raise ValueError(f"{address} must not be connected to: no source lies there")
