"""`weakvid stop`: a launched job drains, and ends."""

from pipeline.launching.ending import KILLED, ending_text, exit_code
from pipeline.launching.find import newest
from pipeline.launching.follow import read_log, wait
from pipeline.launching.reach import named_address, reach
from pipeline.launching.show import tell

OK, FAILED = 0, 1


def run(name: str, address: str, insecure_local: bool) -> int:
    """Ask a job to end, wait until it has, and say how; return the exit code.

    Ray sends SIGTERM, upon which a verb commits what is under way. It is killed when it has not
    ended within the seconds of `weakvid launch --grace`.

    Raises:
        ValueError: If the cluster cannot be reached, or knows no such job.
    """
    address = named_address(address)
    client = reach(address, insecure_local=insecure_local)
    job = newest(name, client, address)
    identity = job.submission_id
    if not job.is_over:
        client.stop_job(identity)
        tell(f"asked {identity} to stop: it commits what is under way; Ctrl-C only stops waiting")
        job = wait(client, identity, lambda status: tell(f"          {identity} is {status}"))
    else:
        tell(f"{identity} is over already: {job.status}")
    code = exit_code(job, read_log(client, identity))
    tell(ending_text(job, code))
    return FAILED if code == KILLED else OK
