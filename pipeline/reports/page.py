"""How HTML is made here: every text cleaned and escaped, only our own markup passes."""

from importlib import resources

from jinja2 import BaseLoader, Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from pipeline.reports import text
from pipeline.reports.axis import clock
from pipeline.reports.codes import meaning_of, reject_meaning


def environment(package: str) -> Environment:
    """Return an environment that finds templates among the files of a package."""
    made = Environment(
        loader=_files_of(package),
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": text.number,
        "percent": text.percent,
        "duration": text.duration,
        "shorten": text.shorten,
        "bytes": text.num_bytes,
        "clock": clock,
        "meaning": meaning_of,
        "reject_meaning": reject_meaning,
    }
    return made


def read_asset(package: str, name: str) -> str:
    """Return the text of a file of a package."""
    return (resources.files(package) / name).read_text(encoding="utf-8")


def style(package: str, name: str) -> Markup:
    """Return a style sheet of a package, for a `style` element."""
    return Markup(read_asset(package, name))


def _files_of(package: str) -> BaseLoader:
    return FunctionLoader(lambda name: read_asset(package, name))


def _harmless(value: object) -> object:
    # Markup is a str too: ours is left as it is, everything else is from outside.
    if isinstance(value, str) and not isinstance(value, Markup):
        return text.clean(value)
    return value
