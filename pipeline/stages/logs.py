"""`weakvid logs`: what a launched job has printed."""

from pipeline.launching.ending import ending_text, exit_code
from pipeline.launching.find import newest
from pipeline.launching.follow import follow, read_log
from pipeline.launching.reach import named_address, reach
from pipeline.launching.show import tell, write

OK = 0


def run(name: str, address: str, follows: bool, attempt: int, insecure_local: bool) -> int:
    """Print the log of a job, and go on printing until it is over where that is wanted.

    Args:
        name: Name of the job.
        address: Of the cluster; empty: that of the environment, or the head on this machine.
        follows: Whether to wait for more.
        attempt: Which one; 0: the newest.
        insecure_local: Whether a cluster without a token will do.

    Raises:
        ValueError: If the cluster cannot be reached, or knows no such job.
    """
    address = named_address(address)
    client = reach(address, insecure_local=insecure_local)
    job = newest(name, client, address, attempt)
    if not follows:
        write(read_log(client, job.submission_id))
        return OK
    job, log = follow(client, job.submission_id, write)
    tell(ending_text(job, exit_code(job, log)))
    return OK
