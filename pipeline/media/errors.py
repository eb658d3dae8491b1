"""Why a source is rejected, as the reject codes say it. Imported by the decoder child."""


class MediaError(Exception):
    """A source that cannot be used, with its reject code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


LOAD_DEPENDENT = frozenset({"E_TIMEOUT", "E_OOM", "E_CRASH"})
"""Verdicts that a busy machine can cause: such a source is tried once more."""
