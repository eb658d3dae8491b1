"""The parent's side of the decoder child: start, talk with a deadline, kill, explain the end."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pipeline
from pipeline.media.errors import MediaError
from pipeline.media.framing import Message, pack, unpack

STDERR_TAIL_BYTES = 4096
_CHUNK_BYTES = 1 << 18
_LAST_WORDS_S = 1.5
_PACKAGE_ROOT = str(Path(pipeline.__file__).resolve().parents[1])
# Nothing else of our environment, least of all a secret, is shown to the child.
_PASSED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")


class DecoderChild:
    """One child in its own session; leaving the context kills all of that session.

    Args:
        deadline_s: Seconds from now until the child is killed.
        command: What is run; tests put other programs in its place.
    """

    def __init__(self, deadline_s: float, command: list[str] | None = None) -> None:
        self.deadline_s = deadline_s
        self._command = command or [sys.executable, "-P", "-m", "pipeline.media.child"]
        self._started = time.monotonic()
        self._received = bytearray()
        self._stderr = b""

    def __enter__(self) -> Self:
        environment = {
            name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ
        } | {"PYTHONPATH": _PACKAGE_ROOT, "LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._pipes = [pipe for pipe in pipes if pipe is not None]
        self._stdin, self._stdout, self._stderr_fd = (pipe.fileno() for pipe in self._pipes)
        self._selector = selectors.DefaultSelector()
        for descriptor in (self._stdin, self._stdout, self._stderr_fd):
            os.set_blocking(descriptor, False)
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr_fd, selectors.EVENT_READ)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._selector.close()
        for pipe in self._pipes:
            pipe.close()

    @property
    def stderr_tail(self) -> str:
        """The last of what the child wrote to standard error, without control characters."""
        text = self._stderr.decode("utf-8", "replace")
        return "".join(letter if letter.isprintable() else " " for letter in text).strip()

    def kill(self) -> None:
        """End the child and whatever it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            MediaError: `E_TIMEOUT` past the deadline, else what the child died of.
        """
        view = memoryview(pack(message))
        self._selector.register(self._stdin, selectors.EVENT_WRITE)
        try:
            while view:
                if self._stdin in self._wait():
                    try:
                        view = view[os.write(self._stdin, view) :]
                    except BrokenPipeError:
                        raise self._explain_end() from None
        finally:
            self._selector.unregister(self._stdin)

    def receive(self) -> tuple[Message, bytes]:
        """Return the next message.

        Raises:
            MediaError: `E_TIMEOUT` past the deadline, else what the child died of, or what it
                says is wrong with its source.
        """
        while True:
            try:
                message = unpack(self._received)
            except ValueError as error:
                raise MediaError("E_CRASH", f"the decoder sent no message: {error}") from error
            if message is not None:
                break
            if self._stdout in self._wait() and not self._read():
                raise self._explain_end()
        if message[0].get("kind") == "error":
            head = message[0]
            raise MediaError(str(head["code"]), str(head["detail"]))
        return message

    def _wait(self) -> set[int]:
        """Wait until a pipe is ready; drain standard error on the way."""
        left_s = self._started + self.deadline_s - time.monotonic()
        ready = self._selector.select(left_s) if left_s > 0 else []
        if not ready:
            raise MediaError(
                "E_TIMEOUT",
                f"not done in {self.deadline_s:.0f} s (sources.limits.deadline_s, deadline_per_s)",
            )
        descriptors = {int(key.fd) for key, _ in ready}
        if self._stderr_fd in descriptors:
            self._read_stderr()
        return descriptors

    def _read(self) -> bool:
        chunk = os.read(self._stdout, _CHUNK_BYTES)
        self._received += chunk
        return bool(chunk)

    def _read_stderr(self) -> None:
        chunk = os.read(self._stderr_fd, _CHUNK_BYTES)
        self._stderr = (self._stderr + chunk)[-STDERR_TAIL_BYTES:]
        if not chunk:
            self._selector.unregister(self._stderr_fd)

    def _explain_end(self) -> MediaError:
        """Say what a child died of that closed its pipe without a last word."""
        try:
            code = self._process.wait(timeout=_LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            return MediaError("E_CRASH", "the decoder closed its output and went on")
        with contextlib.suppress(BlockingIOError, KeyError, ValueError):
            while self._stderr_fd in self._selector.get_map():
                self._read_stderr()
        detail = self.stderr_tail[-500:]
        if code == -signal.SIGKILL:
            # We did not send it, so the kernel did, for memory.
            return MediaError("E_OOM", f"the decoder was killed. {detail}")
        if code == -signal.SIGXCPU:
            return MediaError("E_TIMEOUT", f"the decoder used up its CPU time. {detail}")
        if "MemoryError" in detail or "bad_alloc" in detail:
            return MediaError("E_OOM", f"the decoder ran out of memory. {detail}")
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return MediaError("E_CRASH", f"the decoder ended with {how}. {detail}")
