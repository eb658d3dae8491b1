"""Google Cloud Storage through gcsfs, whose own retries (6, backing off) cannot be turned off.

Not run against Google's service: see docs/storage.md.
"""

import errno
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import fsspec
import google.auth.exceptions
import requests
from gcsfs.retry import HttpError

from shards.stores.address import bucket_and_key
from shards.stores.errors import ChangedError


class _PastEnd(Exception):  # noqa: N818  it is no error
    """A span begins behind the end of an object."""


class GcsStore:
    """Objects of all buckets. Credentials are those of the environment."""

    tries: int | None = 1

    def __init__(self) -> None:
        self._files = fsspec.filesystem("gs", skip_instance_cache=True, use_listings_cache=False)

    def head(self, path: str) -> tuple[int, str]:
        found = self._run(path, self._files.info, _plain(path))
        if found["type"] != "file":
            raise FileNotFoundError(errno.ENOENT, "no such object", path)
        return int(found["size"]), _version(found)

    def get(self, path: str, start: int, end: int | None, version: str = "") -> tuple[bytes, str]:
        if end is not None and end <= start:
            return b"", version
        bucket, key = bucket_and_key(path)
        asked = {"headers": {"Range": f"bytes={start}-{'' if end is None else end - 1}"}}
        if start == 0 and end is None:
            asked = {}
        # gcsfs has no way of its own to ask for a generation, except in the name of the object.
        pinned = {"generation": version} if version else {}
        where = f"{self._files._location}/download/storage/v1/b/{quote(bucket)}/o"
        try:
            _, data = self._run(
                path, self._files.call, "GET", f"{where}/{quote(key, safe='')}", alt="media",
                **asked, **pinned,
            )  # fmt: skip
        except FileNotFoundError:
            if version:
                raise ChangedError(path) from None
            raise
        except _PastEnd:
            return b"", version
        return data, version

    def put(self, path: str, data: bytes, *, create: bool = False, replaces: str = "") -> str:
        bucket, key = bucket_and_key(path)
        # Named as gcsfs names it; it has no way of its own to hand a generation over.
        base = f"{self._files._location}/upload/storage/v1/b/{quote(bucket)}/o"
        condition = {"ifGenerationMatch": "0" if create else replaces} if create or replaces else {}
        try:
            found = self._run(
                path, self._files.call, "POST", base, uploadType="media", name=key,
                data=data, json_out=True, **condition,
            )  # fmt: skip
        except FileExistsError:  # what gcsfs makes of 412
            if create:
                raise
            raise ChangedError(path) from None
        return _version(found)

    def upload(self, source: Path, path: str) -> None:
        self._run(path, self._files.put_file, str(source), _plain(path))

    def delete(self, path: str) -> None:
        self._run(path, self._files.rm_file, _plain(path))

    def page(
        self, folder: str, token: str, *, deep: bool = False
    ) -> tuple[list[tuple[str, int, str]], str]:
        prefix = _plain(folder).rstrip("/") + "/"
        try:
            if deep:
                found = self._run(folder, self._files.find, prefix, detail=True).values()
            else:
                found = self._run(folder, self._files.ls, prefix, detail=True)
        except FileNotFoundError:
            found = []
        files = [each for each in found if each["type"] == "file"]
        return [
            (each["name"].removeprefix(prefix), int(each["size"]), _version(each)) for each in files
        ], ""

    def _run(self, path: str, call: Any, *arguments: Any, **more: Any) -> Any:
        try:
            return call(*arguments, **more)
        except (FileNotFoundError, FileExistsError, PermissionError):
            raise
        except HttpError as error:
            if int(error.code or 0) == 416:
                raise _PastEnd from None
            detail = f"Google Cloud Storage said {error.code}"
            raise OSError(errno.EIO, detail, path) from None
        except google.auth.exceptions.GoogleAuthError as error:
            detail = f"no usable credentials ({type(error).__name__})"
            raise PermissionError(errno.EACCES, detail, path) from None
        except (aiohttp.ClientError, requests.RequestException, TimeoutError) as error:
            detail = f"Google Cloud Storage did not answer ({type(error).__name__})"
            raise OSError(errno.EIO, detail, path) from None
        except OSError as error:
            if str(error).startswith("Forbidden"):  # what gcsfs makes of 403, with the answer
                detail = "Google Cloud Storage said 403"
                raise PermissionError(errno.EACCES, detail, path) from None
            raise


def _plain(path: str) -> str:
    bucket, key = bucket_and_key(path)
    return f"{bucket}/{key}"


def _version(found: dict[str, Any]) -> str:
    return str(found.get("generation", ""))
