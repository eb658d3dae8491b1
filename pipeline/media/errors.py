"""Why a source is rejected, as the reject codes say it. Imported by the decoder child."""


class MediaError(Exception):
    """A source that cannot be used, with its reject code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def words_of(error: Exception, most: int) -> str:
    """Return what an error says, but not where the file lay: that is no property of a source.

    Args:
        error: One of FFmpeg or of the system, which may name the file, or any other.
        most: Characters that are kept.
    """
    return (getattr(error, "strerror", None) or str(error))[:most]


LOAD_DEPENDENT = frozenset({"E_TIMEOUT", "E_OOM", "E_CRASH"})
"""Verdicts that a busy machine can cause: such a source is tried once more."""
