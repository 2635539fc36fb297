"""Which score puts wrong labels first?

Run with ``OMP_NUM_THREADS=1 pytest -m bench -s tests/benchmarks/quality/bench_label_ranking.py``
(some minutes). Data: the settings of ``conftest.py``. Out: average precision of each score,
averaged by kind of noise, and how far a second witness stays behind the probabilities at worst.

On 399 settings (see `bench_label_flags`), average precision of self-confidence, the adaptive score
and the same with neighbours: planted noise .745, .760, .824 (held back .826, .841, .885), people's
.710, .714, .772 (.761, .767, .810). Six settings lose more than .005 by neighbours (eleven, as long
as probabilities below 1e-6 were tied: naive Bayes): two-class data where the neighbours share the
mistakes of the labels (moons at 40 %, hard rows) or of the model (adult, naive Bayes, .60 to .53).
They explain held-out labels better all the same, so the likelihood does not tell.

What did not work:

- Neighbours trusted as much as the model, or more: text falls from .75 to .54 (words say little).
- The best likelihood without the one-standard-error rule: on small tables the neighbours get a
  weight by chance, and cost up to .03.
- A geometric mean of scores in place of probabilities: it cannot tell which class both mean.
- The posterior of the first reading alone: +.1 on asymmetric noise, -.03 on human noise. Mixed with
  the log odds by the weight of the reading .806, by the evenness of the odd labels .811 (mean of
  five kinds of planted noise; the odds alone .797, self-confidence .787); all confusions instead of
  those that go one way: -.002. A test for one-way confusion as weight: the same gain for 25 lines.
- Twenty neighbours instead of ten: +.003 and +.004, for twice the graph.
"""

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

import datalab._core.witness as witness
from datalab._check import labels_and_probs
from datalab._core.label_flags import adaptive_flags
from datalab._core.witness import flags_beside_neighbors, pooled, trust
from datalab.filter import find_label_issues
from datalab.neighbors import knn_graph
from datalab.neighbors.metric import choose_metric
from datalab.rank import get_label_quality_scores

pytestmark = pytest.mark.bench

NAMED = ("self_confidence", "normalized_margin", "confidence_weighted_entropy", "log_odds")


def average_precision(score: np.ndarray, wrong: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(wrong, -score))


def neighbours(features: np.ndarray) -> np.ndarray:
    choice = choose_metric(features)
    return np.asarray(knn_graph(choice.apply(features), 10, metric=choice.metric).indices)


def test_scores(noisy_sets: list[Any]) -> None:
    lines, graphs = [], {}
    for one in noisy_sets:
        wrong = one.labels != one.true
        if not wrong.any() or one.features is None:
            continue
        labels, probs = labels_and_probs(one.labels, one.pred_probs)
        if one.family not in graphs:
            graphs[one.family] = neighbours(one.features)
        near = graphs[one.family]
        line: dict[str, Any] = {
            "kind": one.noise.split()[0] + (" held back" if one.held_back else ""),
            "family": one.family,
        }
        for method in NAMED:
            scores = get_label_quality_scores(labels, probs, method=method)
            line[method] = average_precision(scores, wrong)
        usual = int(np.count_nonzero(find_label_issues(labels, probs)))
        alone = adaptive_flags(labels, probs, usual)
        line["adaptive"] = average_precision(alone.score, wrong)
        judged, power = flags_beside_neighbors(labels, probs, usual, near)
        line["with neighbours"] = average_precision(judged.score, wrong)
        whole = trust(labels, probs, near)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                witness, "_least_within", lambda losses: int(losses.mean(axis=1).argmin())
            )
            likeliest = trust(labels, probs, near)
        for name, heard in {
            "- whole votes": whole,
            "- likeliest trust": likeliest,
            "- trusted as the model": 1.0,
            "- trusted twice": 2.0,
        }.items():
            together = pooled(labels, probs, near, heard) if heard else None
            found = adaptive_flags(labels, probs, usual, together)
            line[name] = average_precision(found.score, wrong)
        line["trust"] = power
        lines.append(line)
    table = pd.DataFrame(lines)
    scores = [name for name in table if name not in ("kind", "family")]
    behind = table[scores].sub(table["adaptive"], axis=0)
    out = (
        table.groupby("kind")[scores]
        .mean()
        .T.assign(
            all=table.groupby("family")[scores].mean().mean(),
            given=table.query("family == 'given'")[scores].mean(),
            behind_adaptive=(behind < -0.005).sum(),
            worst=behind.min(),
        )
    )
    sys.stdout.write(f"\nAverage precision on {len(table)} settings\n{out.round(3).to_string()}\n")
    sys.stdout.write(f"\n{table.groupby('family')[scores].mean().round(3).T.to_string()}\n")
    assert out.loc["with neighbours", "all"] > out.loc["adaptive", "all"]
