"""From a method's name to a trained method: one case a method. A new one is a file, and a case."""

from collections.abc import Sequence
from typing import assert_never, cast

from configs.grid import MethodName, MethodsConfig
from trainers.fusion import mkl, rowwise, translation
from trainers.fusion.method import Fitted
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
    modalities = list(task.splits["train"].modalities)
    if len(modalities) < 2 and not method.startswith(ALONE):
        return "the task has one modality"
    if not task.classes and method in _OF_CLASSES:
        return "it needs classes, and labels are scores"
    return ""


_OF_CLASSES = ("late_mean", "late_product", "late_weighted", "mkl_easy", "mkl_simple")


def fit_method(method: str, task: Task, config: MethodsConfig, seed: int) -> Fitted:
    """Train a method that `why_not` allows."""
    if method.startswith(ALONE):
        only = [method.removeprefix(ALONE)]
        return rowwise.fit(task, config.classifiers, seed, "early", only)
    name = cast(MethodName, method)
    match name:
        case "early" | "late_mean" | "late_product" | "late_weighted":
            form = cast(rowwise.Form, name.removeprefix("late_"))
            return rowwise.fit(task, config.classifiers, seed, form)
        case "mkl_uniform" | "mkl_easy" | "mkl_simple":
            weighing = {"weighing": name.removeprefix("mkl_")}
            return mkl.fit(task, config.mkl.model_copy(update=weighing), seed)
        case "translation":
            return translation.fit(task, config.translation, seed)
        case "alone":
            raise AssertionError("it stands for the modalities")
        case _:
            assert_never(name)
