"""Fusion by kernel CCA: a linear classifier in the space where the modalities agree.

Agreement needs no labels, so all train examples teach it; the classifier learns from those that
have one. It sees the scores of all modalities side by side.

Shape letters in this file:
    R  rows of a split        F  columns of all modalities        S  scores of all modalities
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from configs.kernels import KccaConfig
from trainers.fusion.rows import RowMaker, draw_rows, known_rows, valid_rows
from trainers.kernels.kcca import KernelCca
from trainers.tasks.task import Split, Task

_NEVER = -30.0
"""Log-probability of a class that no train example had."""

_MOST_STEPS = 2000


@dataclass(frozen=True, slots=True)
class KccaMethod:
    """Where the modalities agree, and a classifier there."""

    rows: RowMaker
    agreement: KernelCca
    head: Pipeline
    num_classes: int
    """0 where labels are scores."""

    @property
    def num_parameters(self) -> int:
        """Dual coefficients of all modalities, and the classifier's weights."""
        last = self.head[-1]
        weights = np.size(last.coef_) + np.size(last.intercept_)
        return sum(dual_ND.size for dual_ND in self.agreement.duals_) + weights

    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities, or scores, as `trainers.fusion.method.Fitted` says."""
        score_RS = self.agreement.transform(_columns(self.rows, split))
        if not self.num_classes:
            return self.head.predict(score_RS).reshape(split.labels.shape)
        log_RC = _log_probabilities(self.head, score_RS, self.num_classes)
        return log_RC.reshape(*split.labels.shape, -1)


def fit(task: Task, config: KccaConfig, seed: int) -> KccaMethod:
    """Train on `train`; shrinkage and the classifier's penalty by `val`.

    Raises:
        ValueError: There is one modality only.
    """
    train, val = task.splits["train"], task.splits["val"]
    if len(train.modalities) < 2:
        raise ValueError(f"modalities must be two or more to agree, got {list(train.modalities)}")
    rows = RowMaker.of(train)
    seen = draw_rows(train, valid_rows(train), config.most_examples, seed)
    x_RF, val_RF = _columns(rows, train), _columns(rows, val)
    taught, asked = known_rows(train), known_rows(val)
    best: tuple[float, KccaMethod] | None = None
    for agreement in _agreements(config, rows, x_RF[seen]):
        score_RS, val_RS = agreement.transform(x_RF[taught]), agreement.transform(val_RF[asked])
        for penalty in config.penalties:
            head = _head(penalty, scores=not task.classes)
            head.fit(score_RS, train.labels.ravel()[taught])
            loss = _loss(head, val_RS, val.labels.ravel()[asked], len(task.classes))
            if best is None or loss < best[0]:
                best = loss, KccaMethod(rows, agreement, head, len(task.classes))
    assert best is not None
    return best[1]


def _agreements(config: KccaConfig, rows: RowMaker, x_RF: np.ndarray) -> Iterator[KernelCca]:
    widths = [len(mean_F) for mean_F in rows.mean_F.values()]
    # A linear kernel has no more directions than columns, a centred one than examples but one.
    most = len(x_RF) - 1 if config.kernel != "linear" else min(*widths, len(x_RF) - 1)
    for shrinkage in config.shrinkages:
        yield KernelCca(
            min(config.components, most),
            views=widths,
            kernel=config.kernel,
            shrinkage=shrinkage,
        ).fit(x_RF)


def _head(penalty: float, *, scores: bool) -> Pipeline:
    last = Ridge(1 / penalty) if scores else LogisticRegression(C=penalty, max_iter=_MOST_STEPS)
    return make_pipeline(StandardScaler(), last)


def _loss(head: Pipeline, score_RS: np.ndarray, label_R: np.ndarray, num_classes: int) -> float:
    if not num_classes:
        return float(np.square(head.predict(score_RS) - label_R).mean())
    log_RC = _log_probabilities(head, score_RS, num_classes)
    return -float(log_RC[np.arange(len(label_R)), label_R].mean())


def _log_probabilities(head: Pipeline, score_RS: np.ndarray, num_classes: int) -> np.ndarray:
    log_RC = np.full((len(score_RS), num_classes), _NEVER)
    log_RC[:, head[-1].classes_.astype(int)] = head.predict_log_proba(score_RS)
    return log_RC


def _columns(rows: RowMaker, split: Split) -> np.ndarray:
    return np.concatenate(list(rows(split).values()), axis=1)
