"""Which cut-off finds wrong labels best?

Run with ``OMP_NUM_THREADS=1 pytest -m bench -s tests/benchmarks/quality/bench_label_flags.py``
(some minutes). Data: the settings of ``conftest.py``. Out: F1 of each rule, averaged by kind of
noise; how far it stays behind the reference's default at worst; what it flags of clean data.

What did not work (F1 planted / human noise on 250 settings, of which these are a part; adaptive
.79 / .71 there, the reference's default .76 / .67):

- Fixed ratios p(other) / p(given): 1.5 gives .69 / .70, 3 gives .69 / .60. Nobody can choose one.
- One rate of uniform noise and a temperature, both by likelihood: asymmetric noise is not seen
  (.64 where the confusion of the sure rows reaches .71 to .77).
- EM of the confusion over all rows: it learns what the model doubts as if it were noise, and a
  weak model then takes half of the labels for wrong.
- The share of the confusion by likelihood alone: a model that was trained on noisy labels explains
  the noise by itself; digits .86 instead of .87. So the largest share that does as well.
- Readings weighed by the share of the suspects that the first one explains: same means, but twice
  as many settings more than .03 below the reference.
- No cap, or one that is the same everywhere (three times what confident learning counts): 580
  flags in CIFAR-10's test set, where people confirm 54 errors; by the odd labels among the sure
  rows 366, and all 54 are among them (the reference: 284, 49).
- The posterior of the mixed readings as order: the evidence (log odds, mixed) is better by .01.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import datalab._core.label_flags as flags
from datalab._check import labels_and_probs
from datalab._core.label_flags import LabelFlags, adaptive_flags
from datalab._core.witness import pooled, trust
from datalab._typing import Codes
from datalab.filter import find_label_issues
from datalab.neighbors import knn_graph
from datalab.neighbors.metric import choose_metric
from datalab.rank import get_label_quality_scores

pytestmark = pytest.mark.bench


def f1(chosen: np.ndarray, wrong: np.ndarray) -> float:
    return float(2 * (chosen & wrong).sum() / max(1, chosen.sum() + wrong.sum()))


def reference(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    return np.asarray(find_label_issues(labels, probs))


def ratio(least: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def rule(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
        return get_label_quality_scores(labels, probs, method="log_odds") < 1 / (1 + least)

    return rule


def adaptive(**changes: Any) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The adaptive rule, with parts of it replaced."""

    def rule(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in changes.items():
                patch.setattr(flags, name, value)
            return adaptive_flags(*labels_and_probs(labels, probs)).is_issue

    return rule


def any_class_alike(labels: Codes, top: Any, sure: Any, n_classes: int) -> np.ndarray:
    """The confusion of the sure rows, without its structure."""
    kept = float(sure_confusion(labels, top, sure, n_classes).diagonal().mean())
    confusion = np.full((n_classes, n_classes), (1 - kept) / (n_classes - 1))
    np.fill_diagonal(confusion, kept)
    return confusion


sure_confusion = flags.sure_confusion

RULES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "reference": reference,
    "predicted_neq_given": ratio(1.0),
    "ratio 1.5": ratio(1.5),
    "ratio 3": ratio(3.0),
    "adaptive": adaptive(),
    "- chance only": adaptive(_weight=lambda *_: 1.0),
    "- look-alikes only": adaptive(_weight=lambda *_: 0.0),
    "- readings alike": adaptive(_weight=lambda *_: 0.5),
    "- no cap": adaptive(AT_LEAST=10**6),
    "- any class alike": adaptive(sure_confusion=any_class_alike),
    "- no calibration": adaptive(POWERS=np.array([1.0])),
}


def with_neighbours(one: Any) -> np.ndarray:
    """The adaptive rule with the second witness."""
    labels, probs = labels_and_probs(one.labels, one.pred_probs)
    choice = choose_metric(one.features)
    near = knn_graph(choice.apply(one.features), 10, metric=choice.metric).indices
    power = trust(labels, probs, near)
    together = pooled(labels, probs, near, power) if power else None
    return adaptive_flags(labels, probs, pooled=together).is_issue


def test_rules(noisy_sets: list[Any]) -> None:
    lines = []
    for one in noisy_sets:
        wrong = one.labels != one.true
        line = {"kind": one.noise.split()[0], "family": one.family, "name": one.name}
        for name in (*RULES, "with neighbours"):
            if name in RULES:
                chosen = RULES[name](one.labels, one.pred_probs)
            else:
                chosen = with_neighbours(one)
            line[name] = f1(chosen, wrong) if wrong.any() else float(chosen.mean())
        lines.append(line)
    table = pd.DataFrame(lines).set_index("name")
    noisy = table[table["kind"] != "clean"]
    rules = [*RULES, "with neighbours"]
    by_kind = noisy.groupby("kind")[rules].mean()
    behind = noisy[rules].sub(noisy["reference"], axis=0)
    out = by_kind.T.assign(
        all=noisy.groupby("family")[rules].mean().mean(),
        given=noisy.query("family == 'given'")[rules].mean(),
        behind=(behind < -0.01).sum(),
        far_behind=(behind < -0.03).sum(),
        worst=behind.min(),
        clean_flagged=table.query("kind == 'clean'")[rules].mean(),
    )
    show(f"F1 on {len(noisy)} settings; share flagged of {len(table) - len(noisy)} clean ones", out)
    assert out.loc["adaptive", "all"] > out.loc["reference", "all"]


def test_estimates(noisy_sets: list[Any]) -> None:
    """How well the rule knows its own precision, and the number of errors."""
    lines = []
    for one in noisy_sets:
        wrong = one.labels != one.true
        found: LabelFlags = adaptive_flags(*labels_and_probs(one.labels, one.pred_probs))
        right = float(wrong[found.is_issue].mean()) if found.is_issue.any() else np.nan
        low, value, high = found.precision.low, found.precision.value, found.precision.high
        errors = found.errors
        lines.append(
            {
                "kind": one.noise.split()[0],
                "precision": right,
                "estimated": value,
                "off": abs(value - right),
                "inside": low - 0.03 <= right <= high + 0.03,
                "errors": wrong.mean(),
                "errors_low": errors.low / len(wrong),
                "errors_estimated": errors.value / len(wrong),
                "errors_high": errors.high / len(wrong),
                "errors_inside": errors.low <= wrong.sum() <= errors.high,
            }
        )
    show("Estimates", pd.DataFrame(lines).groupby("kind").mean())


def show(title: str, table: pd.DataFrame) -> None:
    sys.stdout.write(f"\n{title}\n{table.round(3).to_string()}\n")
