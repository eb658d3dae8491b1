"""S3 through s3fs: one request a call, its retries off, its errors in our words."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
from aiohttp import ClientError as WireError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError
from fsspec.asyn import sync

from shards.stores.address import bucket_and_key
from shards.stores.errors import ChangedError, TransientError
from shards.stores.retry import TRANSIENT_STATUS, persistently

PART_BYTES = 16 << 20
"""Of an upload in parts; one is in memory at a time."""

_TIMEOUTS = {"connect_timeout": 10, "read_timeout": 30}
_CONFLICT = frozenset({"ConditionalRequestConflict", "OperationAborted", "RequestTimeout"})
"""Refusals that S3 asks to send again."""
_NO_ANSWER = (
    ConnectionError,
    HTTPClientError,
    NoConnectionError,
    ResponseParserError,
    TimeoutError,
    WireError,
)
_ABSENT = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchUpload", "404"})


class S3Store:
    """Objects of all buckets. Endpoint and credentials are those of the environment."""

    tries: int | None = None

    def __init__(self) -> None:
        configured = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
        once = {"retries": {"total_max_attempts": 1, "mode": "standard"}}
        self._files = fsspec.filesystem(
            "s3",
            skip_instance_cache=True,
            use_listings_cache=False,
            config_kwargs=_TIMEOUTS | configured | once,
        )

    def head(self, path: str) -> tuple[int, str]:
        found = self._call("head_object", path)
        return found["ContentLength"], _version(found)

    def get(self, path: str, start: int, end: int | None, version: str = "") -> tuple[bytes, str]:
        if end is not None and end <= start:
            return b"", version
        asked = {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        if start == 0 and end is None:
            asked = {}
        if version:
            asked["IfMatch"] = f'"{version}"'
        try:
            return self._on_loop(self._get, path, asked)
        except ClientError as error:
            if _status(error) == 416:  # begins behind the end
                return b"", version
            raise _in_our_words(error, path) from None
        except (TimeoutError, BotoCoreError, WireError, OSError) as error:
            raise _in_our_words(error, path) from None

    def put(self, path: str, data: bytes, *, create: bool = False, replaces: str = "") -> str:
        condition = {"IfNoneMatch": "*"} if create else {}
        if replaces:
            condition = {"IfMatch": f'"{replaces}"'}
        try:
            return _version(self._call("put_object", path, Body=data, **condition))
        except ChangedError:
            if create:
                raise FileExistsError(f"{path} exists") from None
            raise

    def upload(self, source: Path, path: str) -> None:
        with source.open("rb") as file:
            first = file.read(PART_BYTES)
            if len(first) < PART_BYTES:
                persistently(path, lambda: self.put(path, first))
                return
            upload = persistently(path, lambda: self._call("create_multipart_upload", path))
            named = {"UploadId": upload["UploadId"]}
            try:
                parts = list(self._upload_parts(path, named, first, file.read))
                self._complete(path, named, parts, source.stat().st_size)
            except BaseException:
                with contextlib.suppress(Exception):  # the reason is the one before
                    self._call("abort_multipart_upload", path, **named)
                raise

    def _upload_parts(
        self, path: str, named: dict[str, str], data: bytes, read: Callable[[int], bytes]
    ) -> Iterator[dict[str, Any]]:
        number = 0
        while data:
            number += 1
            part = {**named, "PartNumber": number, "Body": data}
            done = persistently(path, lambda part=part: self._call("upload_part", path, **part))
            yield {"PartNumber": number, "ETag": done["ETag"]}
            data = read(PART_BYTES)

    def _complete(
        self, path: str, named: dict[str, str], parts: list[dict[str, Any]], num_bytes: int
    ) -> None:
        whole = {"MultipartUpload": {"Parts": parts}}
        try:
            persistently(
                path, lambda: self._call("complete_multipart_upload", path, **named, **whole)
            )
        except FileNotFoundError:
            # If the answer to the first try was lost, there is no such upload any more.
            if persistently(path, lambda: self.head(path))[0] != num_bytes:
                raise

    def delete(self, path: str) -> None:
        self._call("delete_object", path)

    def page(
        self, folder: str, token: str, *, deep: bool = False
    ) -> tuple[list[tuple[str, int, str]], str]:
        asked: dict[str, Any] = {"ContinuationToken": token} if token else {}
        asked |= {} if deep else {"Delimiter": "/"}
        bucket, key = bucket_and_key(folder)
        prefix = key.rstrip("/") + "/" if key else ""
        found = self._request("list_objects_v2", folder, Bucket=bucket, Prefix=prefix, **asked)
        entries = [
            (each["Key"].removeprefix(prefix), each["Size"], _version(each))
            for each in found.get("Contents", ())
        ]
        return entries, found.get("NextContinuationToken", "")

    async def _get(self, path: str, asked: dict[str, Any]) -> tuple[bytes, str]:
        bucket, key = bucket_and_key(path)
        found = await self._send("get_object", Bucket=bucket, Key=key, **asked)
        async with found["Body"] as body:
            data = await body.read()
        if len(data) != found["ContentLength"]:
            raise TransientError(f"{len(data)} of {found['ContentLength']} bytes came")
        return data, _version(found)

    def _on_loop(self, step: Any, *arguments: Any, **more: Any) -> Any:
        return sync(self._files.loop, step, *arguments, **more)

    async def _send(self, method: str, **arguments: Any) -> Any:
        """Not through s3fs's own way to call: it retries some errors, and translates all."""
        client = await self._files.set_session()
        call = getattr(client, method)
        # Adds what the configuration wants with each request: who pays, encryption.
        return await call(**self._files._get_s3_method_kwargs(call, **arguments))

    def _call(self, method: str, path: str, **more: Any) -> Any:
        bucket, key = bucket_and_key(path)
        return self._request(method, path, Bucket=bucket, Key=key, **more)

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            return self._on_loop(self._send, method, **arguments)
        except (TimeoutError, ClientError, BotoCoreError, WireError, OSError) as error:
            raise _in_our_words(error, path) from None


def _version(found: dict[str, Any]) -> str:
    return found.get("ETag", "").strip('"')


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _in_our_words(error: Exception, path: str) -> Exception:
    """Messages of the libraries can hold what was signed; ours name path, status and code."""
    if isinstance(error, ClientError):
        return _refusal(_status(error), str(error.response.get("Error", {}).get("Code", "")), path)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return PermissionError(f"{path} needs credentials, got none in the environment")
    if isinstance(error, _NO_ANSWER):
        return TransientError(f"the S3 server did not answer ({type(error).__name__})")
    if isinstance(error, BotoCoreError):
        return OSError(f"{path} cannot be asked for ({type(error).__name__})")
    return error


def _refusal(status: int, code: str, path: str) -> Exception:
    if status in TRANSIENT_STATUS or code in _CONFLICT:
        return TransientError(f"the S3 server said {status} {code}")
    if status == 404 or code in _ABSENT:
        return FileNotFoundError(2, f"no such object ({code})", path)
    if status == 412:
        return ChangedError(path)
    if status in {401, 403}:
        return PermissionError(13, f"the S3 server said {status} {code}", path)
    return OSError(5, f"the S3 server said {status} {code}", path)
