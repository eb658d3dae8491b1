"""The jobs of a search as Ray tasks; what all of a step share goes to the object store once."""

from collections.abc import Sequence

import ray
from ray import ObjectRef

from trainers.fusion.mfas.jobs import Bank, Job, Map, Trained, Trainer
from trainers.fusion.mfas.space import Architecture


def ray_jobs(cpus: float = 1.0, retries: int = 3) -> Map:
    """Return what does jobs as tasks of the Ray cluster that this process is connected to.

    Args:
        cpus: CPUs that a task reserves.
        retries: How often a task whose worker died is begun again; a job depends on nothing but
            what it is given, so it gives the same.
    """

    def do(trainer: Trainer, jobs: Sequence[Job]) -> list[Trained]:
        task = _job.options(num_cpus=cpus, max_retries=retries)
        trainer_ref = ray.put(trainer)
        banks = {id(job.bank): job.bank for job in jobs}
        bank_refs = {key: ray.put(bank) for key, bank in banks.items()}
        refs: list[ObjectRef] = [
            task.remote(trainer_ref, bank_refs[id(job.bank)], job.architecture, job.seed)
            for job in jobs
        ]
        return ray.get(refs)

    return do


@ray.remote
def _job(trainer: Trainer, bank: Bank, architecture: Architecture, seed: int) -> Trained:
    return trainer(Job(architecture, seed, bank))
