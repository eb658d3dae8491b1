"""`weakvid launch`: a verb sent to a Ray cluster as a job, and watched there."""

from collections import Counter
from pathlib import Path

from pipeline.console import complain, say
from pipeline.launching.ending import ending_text, exit_code
from pipeline.launching.follow import follow, read_log, wait
from pipeline.launching.reach import named_address, reach
from pipeline.launching.show import tell, write
from pipeline.launching.submit import Launch, make_launch, next_attempt, send

OK, INTERRUPTED = 0, 130
NUM_LEFT_OUT = 12
MAX_CHARS = 4000


def run(
    verb: str,
    settings: list[str],
    *,
    address: str,
    name: str,
    watch: str,
    grace: int,
    dry_run: bool,
    insecure_local: bool,
) -> int:
    """Check, send and watch a job; return its exit code.

    Args:
        verb: What the job does.
        settings: Words of the verb.
        address: Of the cluster; empty: that of the environment, or the head on this machine.
        name: Of the job; empty: that of its run, or of the folder that it writes.
        watch: `wait` for the end, `follow` the log to the end, or `leave` it alone.
        grace: Seconds that the job gets to drain when it is stopped.
        dry_run: Whether to say only what would be sent.
        insecure_local: Whether a cluster without a token will do.

    Raises:
        ValueError: If settings, folder, name or cluster cannot be used. Nothing was sent then.
        RuntimeError: If the cluster does not take the job, or is lost while it is watched.
    """
    launch = make_launch(verb, settings, name, Path.cwd(), grace, insecure_local=insecure_local)
    if dry_run:
        say("\n".join(_plan_lines(launch)))
        return OK
    address = named_address(address)
    client = reach(address, insecure_local=insecure_local)
    identity = send(launch, next_attempt(launch, client), client)
    tell(f"launched  {identity}: {verb}, writes {launch.folder}")
    if watch == "leave":
        tell("\n".join(_hints(launch.name)))
        return OK
    try:
        return _watch(client, identity, follows=watch == "follow")
    except KeyboardInterrupt:
        complain("\n".join([f"{identity} goes on without us", *_hints(launch.name)]))
        return INTERRUPTED


def _watch(client: object, identity: str, follows: bool) -> int:
    if follows:
        job, log = follow(client, identity, write)
    else:
        job = wait(client, identity, lambda status: tell(f"          {identity} is {status}"))
        log = read_log(client, identity)
    code = exit_code(job, log)
    if code and not follows:
        complain(job.message or f"the end of its log:\n{log[-MAX_CHARS:]}")
    (complain if code else say)(ending_text(job, code))
    return code


def _hints(name: str) -> list[str]:
    return [
        f"          weakvid logs {name} --follow   shows it",
        f"          weakvid stop {name}            lets it drain and ends it",
    ]


def _plan_lines(launch: Launch) -> list[str]:
    contents = launch.contents
    ours = "pipeline/cli.py" in contents.files
    largest = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in contents.largest())
    variables = " ".join(f"{key}={value}" for key, value in launch.variables(0).items())
    return [
        *(text.rstrip() for text in launch.added.values()),
        "",
        f"name        {launch.name}; each launch is an attempt: {launch.name}-1, {launch.name}-2",
        f"entrypoint  {launch.entrypoint}",
        f"runtime env working_dir, and env_vars {variables.replace('-0 ', '-ATTEMPT ')}",
        f"package     {len(contents.files)} files, {contents.num_bytes / 2**20:.1f} MiB before "
        f"compression, of {contents.folder}",
        f"largest     {largest or 'nothing'}",
        f"left out    {_left_out_text(contents.left_out)}",
        f"code        {'of this folder' if ours else 'weakvid as it is installed on the cluster'}",
        "paths       must mean the same on every node of the cluster:",
        *(f"  {setting:<28} {place}" for setting, place in launch.places.items()),
        "nothing was sent",
    ]


def _left_out_text(names: list[str]) -> str:
    """Name what stays here by its last part: a project has many `__pycache__`."""
    counts = Counter(f"{Path(name).name}{'/' if name.endswith('/') else ''}" for name in names)
    words = [f"{name} ({count} times)" if count > 1 else name for name, count in counts.items()]
    more = len(words) - NUM_LEFT_OUT
    return ", ".join(words[:NUM_LEFT_OUT] + ([f"and {more} more"] if more > 0 else [])) or "nothing"
