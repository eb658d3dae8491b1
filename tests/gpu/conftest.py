"""What only a GPU can show. Without CUDA every test here is skipped: `make test-gpu`."""

import os
from collections.abc import Callable

import pytest
import torch

from configs.models import ComputeConfig, ModelConfig, S3DConfig, TextConfig, TranslatorConfig
from configs.objectives import CyclicConfig, MilNceConfig, ObjectivesConfig
from configs.runs import TrainJob
from configs.training import TrainingConfig
from trainers.data.batch import Batch
from trainers.loop.fresh import fresh_model
from trainers.loop.step import StepResult, TrainStep
from trainers.models.determinism import CUBLAS_WORKSPACE, choose_kernels

# cuBLAS reads it once, when the first test of the process uses the GPU.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", CUBLAS_WORKSPACE)

VOCABULARY = 50


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "gpu":
            item.add_marker(pytest.mark.gpu)


@pytest.fixture
def device():
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU with CUDA")
    # Ten bits of mantissa would hide what is compared; products have 23 unless asked otherwise.
    with torch.backends.cudnn.flags(allow_tf32=False):
        yield torch.device("cuda")
    torch.use_deterministic_algorithms(False)


def make_job(**compute: object) -> TrainJob:
    return TrainJob(
        model=ModelConfig(
            video=S3DConfig(width=0.125, blocks=("3b", "4b", "5b"), embedding_dim=16),
            text=TextConfig(max_words=8, word_dim=16, hidden_dim=32),
            translator=TranslatorConfig(hidden_dim=16),
            compute=ComputeConfig(**compute),
        ),
        objectives=ObjectivesConfig(
            mil_nce=MilNceConfig(candidates=3), cyclic=CyclicConfig(weight=0.1)
        ),
        training=TrainingConfig(global_batch=8, virtual_ranks=2, warmup_steps=1, lr=1e-3),
    )


def make_batches(job: TrainJob, step: int, *, pin: bool = False) -> list[Batch]:
    """Return a step's micro-batches, the same on every device."""
    training = job.training
    generator = torch.Generator().manual_seed(step)
    micro_batch, batches = training.global_batch // training.virtual_ranks, []
    for rank in range(training.virtual_ranks):
        batch = Batch.empty((16, 48, 48, 3), (3, 8), micro_batch, pin=pin)
        batch.frames_BTHWC.random_(0, 256, generator=generator)
        batch.tokens_BKL.random_(1, VOCABULARY, generator=generator)
        batch.mask_BK.fill_(True)
        rows = torch.arange(micro_batch) + micro_batch * rank
        batch.rows_B.copy_(rows)
        batch.video_ids_B.copy_(rows)
        batches.append(batch)
    return batches


@pytest.fixture
def train() -> Callable[..., tuple[list[StepResult], dict[str, torch.Tensor]]]:
    """Trains some steps on a device; returns their results and the state in the end."""

    def run(device: torch.device, steps: int = 3, cache: bool = False, **compute: object):
        job = make_job(**compute)
        training = job.training.model_copy(update={"gradient_cache": cache})
        job = job.model_copy(update={"training": training})
        choose_kernels(job.model.compute, device)
        step = TrainStep(job, fresh_model(job, VOCABULARY).to(device))
        results = []
        for number in range(steps):
            own = [batch.to(device) for batch in make_batches(job, number)]
            results.append(step.run(number, own))
        return results, {name: t.cpu() for name, t in step.model.state_dict().items()}

    return run


@pytest.fixture
def batches():
    return lambda **options: make_batches(make_job(), 0, **options)
