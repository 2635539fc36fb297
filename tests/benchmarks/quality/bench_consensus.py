"""How often is the consensus without a model right?

Run with ``OMP_NUM_THREADS=1 pytest -m bench -s tests/benchmarks/quality/bench_consensus.py``
(seconds). Data: real crowd answers with gold labels. Out: accuracy on the gold labels.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from datalab._core.dawid_skene import dawid_skene
from datalab._core.multiannotator import answers_from, best_labels, majority_vote

pytestmark = pytest.mark.bench

DATA = Path(os.environ.get("DATALAB_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


@pytest.mark.parametrize("name", ["dog", "rte"])
def test_accuracy(name: str) -> None:
    held = np.load(DATA / "crowd" / f"crowd_{name}.npz")
    items, item = np.unique(held["item"], return_inverse=True)
    people, annotator = np.unique(held["worker"], return_inverse=True)
    label = held["label"].astype(np.int64)
    answers = answers_from(
        item,
        annotator,
        label,
        n_items=len(items),
        n_annotators=len(people),
        n_classes=int(label.max()) + 1,
    )
    gold = np.searchsorted(items, held["truth_item"])
    vote = majority_vote(answers, None)
    shrunk = best_labels(dawid_skene(answers).posterior, vote)
    majority, ours = (np.mean(each[gold] == held["truth"]) for each in (vote, shrunk))
    sys.stdout.write(f"\n{name}: majority {majority:.3f}, shrunken Dawid-Skene {ours:.3f}\n")
    assert ours > majority
