"""The command line `weakvid`: verbs, exit codes. Imports what a verb needs when it is called.

Exit codes: 0 done, 1 failed, 2 bad settings or usage, 3 done but with too many rejects,
130 interrupted, 143 drained after SIGTERM.
"""

import importlib
import sys
import traceback
from collections.abc import Callable, Sequence

from pipeline.console import complain, say, set_up_logging
from pipeline.launching.ending import last_line
from pipeline.launching.follow import ClusterLostError
from pipeline.verbs import (
    EXAMPLES,
    SUMMARIES,
    WITHOUT_SETTINGS,
    describe,
    read_launch_words,
    read_report_words,
    read_weights_words,
    read_words,
)

OVERFIT = "--overfit-one-batch"
"""Train on one batch until it is learned by heart, and write nothing."""

OK, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    wants_traceback = words[:1] == ["--traceback"]
    if wants_traceback:
        words = words[1:]
    if not words or words[0] in ("-h", "--help", "help"):
        say(_overview())
        return OK if words else BAD_USAGE
    if words[0] == "--version":
        say(_version())
        return OK
    verb, rest = words[0], words[1:]
    if verb not in SUMMARIES:
        complain(f"weakvid: no verb {verb!r}{_nearest(verb)}")
        return BAD_USAGE
    code = _guarded(lambda: _call(verb, rest), wants_traceback)
    if (line := last_line(code)) is not None:
        say(line)
    return code


def _overview() -> str:
    width = max(map(len, SUMMARIES))
    return "\n".join(
        [
            "usage: weakvid VERB [--preset demo|local|cluster|paper] [--config FILE] [--a.b VALUE]",
            "",
            "Narrated videos -> training shards -> a trained, evaluated model.",
            "",
            "verbs:",
            *(f"  {verb:<{width}}  {summary}" for verb, summary in SUMMARIES.items()),
            "",
            "examples:",
            *(f"  {EXAMPLES[verb][0]}" for verb in ("demo-corpus", "shards", "train")),
            *(f"  {example}" for verb in ("evaluate", "report") for example in EXAMPLES[verb][:1]),
            f"  {EXAMPLES['shards'][1]}",
            "",
            "`weakvid VERB --help` lists the settings of a verb. `--dry-run` touches nothing.",
            "`weakvid --traceback VERB ...` shows where a message about bad input came from.",
            "exit codes: 0 done, 1 failed, 2 bad settings or usage, 3 too many rejects,",
            "            130 interrupted, 143 drained after SIGTERM",
        ]
    )


def _version() -> str:
    from importlib.metadata import version

    return f"weakvid {version('weakvid')}"


def _nearest(word: str) -> str:
    import difflib

    near = difflib.get_close_matches(word, list(SUMMARIES), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(SUMMARIES)}"


def _guarded(command: Callable[[], int], wants_traceback: bool) -> int:
    """Turn what a command raises into a message and an exit code."""
    try:
        return command()
    except SystemExit as stop:  # argparse and tyro leave this way after help or bad usage
        return stop.code if isinstance(stop.code, int) else OK
    except KeyboardInterrupt:
        complain("interrupted; the same command goes on from what is committed")
        return INTERRUPTED
    except (ValueError, FileNotFoundError, NotADirectoryError) as error:
        # Ray dresses a failure inside a worker up as the exception that it was there.
        if type(error).__name__.startswith("RayTaskError"):
            complain(traceback.format_exc().rstrip())
            return FAILED
        if wants_traceback:
            complain(traceback.format_exc().rstrip())
        else:
            complain(f"weakvid: {error}" if "\n" not in str(error) else str(error))
        return BAD_USAGE
    except Exception as error:
        is_told = isinstance(error, ClusterLostError)
        complain(f"weakvid: {error}" if is_told else traceback.format_exc().rstrip())
        return FAILED


def _call(verb: str, words: list[str]) -> int:
    own = {"config": _config, "weights": _weights, "launch": _launch}
    if verb in own:
        return own[verb](words)
    if verb in WITHOUT_SETTINGS:
        return _without_settings(verb, words)
    if verb == "report" and words and not words[0].startswith("-"):
        return _report_on_shards(words)
    from pipeline.settings.load import resolve, to_yaml

    module = verb.replace("-", "_")
    if verb == "train" and OVERFIT in words:
        module, words = "overfit", [word for word in words if word != OVERFIT]
    resolved = resolve(verb, words, f"weakvid {verb}", describe(verb))
    stage = importlib.import_module(f"pipeline.stages.{module}")
    if resolved.dry_run:
        say(to_yaml(resolved.job).rstrip())
        say("\n" + stage.plan_text(resolved.job).rstrip())
        return OK
    from pipeline.watching import watched

    return watched(module, resolved.job, lambda: stage.run(resolved.job))


def _without_settings(verb: str, words: list[str]) -> int:
    arguments = read_words(verb, words)
    set_up_logging()
    return importlib.import_module(f"pipeline.stages.{verb}").run(**arguments)


def _report_on_shards(words: list[str]) -> int:
    arguments = read_report_words(words)
    set_up_logging()
    return importlib.import_module("pipeline.stages.report").run_on_shards(**arguments)


def _weights(words: list[str]) -> int:
    arguments, settings = read_weights_words(words)
    if "run" in arguments:
        set_up_logging()
        return importlib.import_module("pipeline.stages.weights").run_export(**arguments)
    from pipeline.settings.load import resolve

    # The weights that are published were trained with the paper's clips.
    preset = [] if "--preset" in settings else ["--preset", "paper"]
    resolved = resolve("train", [*preset, *settings], "weakvid weights import FILE")
    set_up_logging()
    stage = importlib.import_module("pipeline.stages.weights")
    return stage.run_import(**arguments, job=resolved.job)


def _launch(words: list[str]) -> int:
    verb, settings, arguments = read_launch_words(words)
    set_up_logging()
    stage = importlib.import_module("pipeline.stages.launch")
    return stage.run(verb, settings, **arguments)


def _config(words: list[str]) -> int:
    from pipeline.settings.inspect import run

    if not words or words[0] in ("-h", "--help"):
        say(f"usage: weakvid config check|show|diff VERB ...\n\n{describe('config')}")
        return OK if words else BAD_USAGE
    return run(words)


if __name__ == "__main__":
    sys.exit(main())
