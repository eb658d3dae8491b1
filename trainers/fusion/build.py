"""From a method's name to a trained method: one case a method. A new one is a file, and a case."""

from collections.abc import Sequence
from typing import Any, Literal, assert_never, cast

from configs.grid import MethodName, MethodsConfig
from configs.networks import NetworksConfig
from trainers.fusion import early, kcca, mkl, translation
from trainers.fusion.late_task import fit_decisions, fit_stacked
from trainers.fusion.method import Fitted
from trainers.fusion.mfas import method as mfas
from trainers.fusion.networks import fit_alone, fit_joint
from trainers.fusion.sequences import fit as sequences
from trainers.fusion.towers import kind_of
from trainers.tasks.task import Task

ALONE = "alone."
"""Begins the name of a method that sees one modality: `alone.audio`."""


def methods_of(names: Sequence[MethodName], task: Task) -> list[str]:
    """Return the methods of a task: `alone` stands for one method a modality."""
    found: list[str] = []
    for name in names:
        alone = [f"{ALONE}{modality}" for modality in task.splits["train"].modalities]
        found += alone if name == "alone" else [name]
    return found


def why_not(method: str, task: Task) -> str:
    """Return why a method cannot serve a task; empty where it can."""
    train = task.splits["train"]
    each = train.labels.ndim == 2
    kinds = {kind_of(one, each=each) for one in train.modalities.values()}
    if len(train.modalities) < 2 and not method.startswith(ALONE):
        return "the task has one modality"
    if not task.classes and method in _OF_CLASSES:
        return "it needs classes, and labels are scores"
    if method in _OF_STREAMS and "sequence" not in kinds:
        return f"it reads streams, and the modalities are {' and '.join(sorted(kinds))}s"
    if method == "chain" and not each:
        return "it needs a label at each position"
    return ""


_OF_CLASSES = ("late_product", "mkl_easy", "mkl_simple", "chain", "hidden_crf")
_OF_STREAMS = ("recurrent", "memory", "kernel_attention", "chain", "hidden_crf")


def fit_method(method: str, task: Task, config: MethodsConfig, seed: int) -> Fitted:
    """Train a method that `why_not` allows."""
    if method.startswith(ALONE):
        return fit_alone(task, config.networks, seed, method.removeprefix(ALONE))
    name = cast(MethodName, method)
    match name:
        case "early" | "joint" | "tensor" | "low_rank" | "mfas":
            return _network(name, task, config, seed)
        case "late_mean" | "late_product" | "late_weighted" | "late_stacked":
            return _late(name, task, config.networks, seed)
        case "mkl_uniform" | "mkl_easy" | "mkl_simple" | "mkl_alignment" | "kcca":
            return _kernels(name, task, config, seed)
        case "recurrent" | "memory" | "kernel_attention" | "chain" | "hidden_crf":
            return _over_time(name, task, config, seed)
        case "translation":
            return translation.fit(task, config.translation, seed)
        case "alone":
            raise AssertionError("it stands for the modalities")
        case _:
            assert_never(name)


def _network(
    name: Literal["early", "joint", "tensor", "low_rank", "mfas"],
    task: Task,
    config: MethodsConfig,
    seed: int,
) -> Fitted:
    match name:
        case "early":
            return early.fit(task, config.networks, seed)
        case "mfas":
            towers = {"networks": config.networks}
            return mfas.fit(task, config.mfas.model_copy(update=towers), seed)
        case "joint":
            return fit_joint(task, config.networks, seed, "concat")
        case "tensor" | "low_rank":
            return fit_joint(task, config.networks, seed, name)
        case _:
            assert_never(name)


def _late(
    name: Literal["late_mean", "late_product", "late_weighted", "late_stacked"],
    task: Task,
    config: NetworksConfig,
    seed: int,
) -> Fitted:
    match name:
        case "late_mean":
            return fit_decisions(task, config, seed, "mean")
        case "late_product":
            return fit_decisions(task, config, seed, "product")
        case "late_weighted":
            return fit_decisions(task, config, seed, "weighted")
        case "late_stacked":
            return fit_stacked(task, config, seed)
        case _:
            assert_never(name)


def _kernels(
    name: Literal["mkl_uniform", "mkl_easy", "mkl_simple", "mkl_alignment", "kcca"],
    task: Task,
    config: MethodsConfig,
    seed: int,
) -> Fitted:
    if name == "kcca":
        return kcca.fit(task, config.kcca, seed)
    weighing = {"weighing": name.removeprefix("mkl_")}
    return mkl.fit(task, config.mkl.model_copy(update=weighing), seed)


def _over_time(
    name: Literal["recurrent", "memory", "kernel_attention", "chain", "hidden_crf"],
    task: Task,
    config: MethodsConfig,
    seed: int,
) -> Fitted:
    changes: dict[str, Any]
    match name:
        case "recurrent":
            changes = {"output": "independent"}
        case "chain":
            changes = {"output": "chain"}
        case "memory":
            changes = {"output": "independent", "states": config.memory}
        case "kernel_attention":
            changes = {"output": "independent", "states": config.kernel_attention}
        case "hidden_crf":
            return sequences.fit_hidden_crf(task, config.hidden_crf, seed)
        case _:
            assert_never(name)
    return sequences.fit(task, config.sequences.model_copy(update=changes), seed)
