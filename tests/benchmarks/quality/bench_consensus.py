"""How often is the consensus right, and does its quality tell where it is not?

Run with ``OMP_NUM_THREADS=1 pytest -m bench -s tests/benchmarks/quality/bench_consensus.py`` (some
minutes). Data: real crowds with gold labels under DATALAB_DATA (dog, rte, whole and thinned to
three and five answers; digits with simulated annotators), crowds simulated by eleven models of
annotators, labelling functions, and crowds with a model of scikit-learn's sets.

Accuracy without a model (2026-11-21, ten draws of each family; another draw changes a family by .01
and the mean by .002):

============  ======== ====== ====== ======= ===== ===== ====== ===== ===== ====
family        majority before now    D.-S.   coin  VB    subty. GLAD  MACE  best
============  ======== ====== ====== ======= ===== ===== ====== ===== ===== ====
dog           .833     .840   .841   .843    .830  .839  .839   .830  .830  .843
rte           .919     .929   .929   .928    .924  .928  .928   .924  .929  .929
rte, three    .809     .848   .854   .842    .849  .858  .858   .650  .856  .858
digits        .786     .874   .875   .866    .859  .868  .868   .858  .863  .874
mean of all   .805     .858   .860   .852    .835  .852  .855   .834  .848
============  ======== ====== ====== ======= ===== ===== ====== ===== ===== ====

"now" is Dawid-Skene, confusions shrunk to a coin by as much as the data ask for, coins drawn to
their mean by 12 imagined answers ("before": 4). "coin": one accuracy per annotator (ZenCrowd).
"VB": variational Bayes with fixed Dirichlet priors (iBCC). "subty.": items of a class fall into
hidden subtypes (EBCC, Li et al., ICML 2019). "best": the best of all on each set, mostly chance.

With a model, accuracy / area under the ROC curve of the quality (338 crowds on seven sets, four
kinds of annotators, 1.5 to 6 answers, four models; `with_models` is a part of them):

===========  =============  =============  =============  =============
             the model      answers alone  CROWDLAB       now
===========  =============  =============  =============  =============
all          .832 / .822    .780 / .776    .864 / .832    .914 / .883
1.5 answers  .802 / .804    .666 / .678    .830 / .814    .875 / .848
3 answers    .838 / .826    .782 / .787    .876 / .832    .916 / .886
6 answers    .855 / .834    .891 / .863    .887 / .851    .951 / .917
good model   .924 / .896    .779 / .776    .938 / .911    .955 / .919
weak model   .801 / .797    .779 / .776    .840 / .807    .900 / .871
digits*      .956 / .950    .874 / .913    .989 / .982    .990 / .986
===========  =============  =============  =============  =============

(* multiannotator_digits with its two models.) Worse than CROWDLAB by more than .01 in 2 % of these
crowds, better by as much in 69 %; so the answers per row decide nothing here.

Labelling functions, thirty draws each (majority / before / now; the abstaining of functions that
know one label counts as an answer): none of them knows one label only .878 / .914 / .914, a quarter
.850 / .861 / .886, half .838 / .813 / .863, all .813 / .524 / .830.

What did not work:

- Choice among priors, start values and methods by held-out likelihood of answers: +.0002 over
  always taking the shrunken Dawid-Skene: methods that differ in accuracy by .01 predict alike.
- Means of posteriors (of two to four methods, arithmetic or geometric): -.0003 to -.002.
- Shrinking to the confusions of all annotators instead of a coin (whole rows, or errors only):
  -.007 and -.003; +.003 on communities, -.03 on ordinal labels.
- Digamma in place of the logarithm (variational Bayes): -.0006. Start from the coin's posterior:
  -.006, as a coin takes spammers of one label for experts.
- Hidden subtypes: five times the time of variational Bayes, and equal to it on real crowds.
- Strength of the coins fitted like that of the confusions: 6 to 10, too little, as beliefs follow
  whoever they were made of: +.0007, where 12 gives +.0014 and 20 the same.
- Abstaining of everybody as an answer: -.002 on crowds. Only where more than a quarter of the
  answers comes from functions of one label: .861 instead of .886 where a quarter of them is such.
  The same trust in people of one label as in functions: -.003 where there are spammers.
- A mean of CROWDLAB's posterior and ours: .909 / .860.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datalab._core.consensus import verdicts
from datalab._core.dawid_skene import dawid_skene
from datalab._core.multiannotator import Answers, answers_from, best_labels, majority_vote

pytestmark = pytest.mark.bench

DATA = Path(os.environ.get("DATALAB_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
Crowd = tuple[Answers, np.ndarray]


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


# ------------------------------------------------------------------------------------ crowds


def packed(item: Any, annotator: Any, label: Any, truth: np.ndarray, n_classes: int) -> Crowd:
    """The answers, items and annotators numbered without gaps, and the truth (-1: not known)."""
    items, item = np.unique(item, return_inverse=True)
    people, annotator = np.unique(annotator, return_inverse=True)
    sizes = {"n_items": len(items), "n_annotators": len(people), "n_classes": n_classes}
    return answers_from(item, annotator, label.astype(np.int64), **sizes), truth[items]


def drawn(rng: np.random.Generator, probs: np.ndarray) -> np.ndarray:
    above = rng.random((len(probs), 1)) > probs.cumsum(axis=1)
    return np.minimum(above.sum(axis=1), probs.shape[1] - 1)


def confusions(
    rng: np.random.Generator, accuracy: np.ndarray, n_classes: int, evenness: float
) -> np.ndarray:
    """One matrix for each annotator; the smaller the evenness, the more special the errors."""
    found = np.empty((len(accuracy), n_classes, n_classes))
    for person, mean in enumerate(accuracy):
        for true in range(n_classes):
            own = mean if evenness > 50 else np.clip(mean + rng.normal(0, 0.1), 0.02, 0.99)
            errors = rng.dirichlet(np.full(n_classes - 1, evenness)) * (1 - own)
            found[person, true] = np.insert(errors, true, own)
    return found


def two_coins(rng: np.random.Generator, n: int, a: float, b: float) -> np.ndarray:
    sensitivity, specificity = rng.beta(a, b, (2, n))
    rows = [sensitivity, 1 - sensitivity], [1 - specificity, specificity]
    return np.stack([np.stack(row, axis=1) for row in rows], axis=1)


def annotators(kind: str, n: int, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    usual = np.maximum(rng.beta(6, 3, n), 1 / n_classes + 0.05)
    good = np.maximum(rng.beta(8, 2, n), 1 / n_classes)
    if kind == "coins":
        return confusions(rng, usual, n_classes, 1000)
    if kind in ("class bias", "dense"):
        return two_coins(rng, n, *((6, 2) if kind == "class bias" else (3, 2)))
    if kind == "spammers":
        found = confusions(rng, good, n_classes, 2)
        for person in np.flatnonzero(rng.random(n) < 0.35):
            same = np.eye(n_classes)[rng.integers(n_classes)]
            row = same if rng.random() < 0.5 else rng.dirichlet(np.ones(n_classes))
            found[person] = 0.95 * row + 0.05 / n_classes
        return found
    if kind == "adversaries":
        found = confusions(rng, good, n_classes, 2)
        bad = rng.random(n) < 0.12
        found[bad] = np.roll(found[bad], 1, axis=2)
        return found
    if kind == "communities":
        types = confusions(rng, np.array([0.85, 0.65, 0.5]), n_classes, 0.3)
        return types[rng.choice(3, n, p=[0.5, 0.3, 0.2])]
    if kind == "ordinal":
        grade = np.arange(n_classes)
        shift, width = rng.normal(0, 0.7, (n, 1, 1)), rng.gamma(3, 0.3, (n, 1, 1)) + 0.3
        found = np.exp(-0.5 * ((grade - grade[:, None] - shift) / width) ** 2)
        return found / found.sum(axis=2, keepdims=True)
    return confusions(rng, usual, n_classes, 0.4)


CLASSES = {"class bias": (2,), "dense": (2,), "ordinal": (5,), "many classes": (12, 20, 50)}
KINDS = (
    "coins", "confusions", "class bias", "spammers", "adversaries", "difficulty", "misleading",
    "communities", "ordinal", "many classes", "dense",
)  # fmt: skip


def simulated(kind: str, seed: int) -> Crowd:
    """A crowd of one kind; sizes, answers per item and activity of annotators by lot."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    n_items, n_classes = int(rng.choice([150, 400, 1000, 2000])), CLASSES.get(kind, (2, 2, 3, 4, 5))
    k = int(rng.choice(n_classes))
    per_item, n = int(rng.choice([2, 3, 3, 5, 5, 8, 10])), int(rng.choice([12, 25, 60, 150]))
    if kind == "dense":
        n_items, n = 150, 30
        per_item = n
    shares = [0.85, 0.15] if kind == "class bias" else rng.dirichlet(np.full(k, 5.0))
    truth = rng.choice(k, n_items, p=shares)
    activity = np.arange(1, n + 1) ** -float(rng.choice([0, 0.6, 1.0]))
    order = np.log(activity) + rng.gumbel(size=(n_items, n))  # without replacement
    annotator = np.argsort(-order, axis=1)[:, :per_item].reshape(-1)
    item = np.repeat(np.arange(n_items), per_item)
    probs = annotators(kind, n, k, rng)[annotator, truth[item]]
    if kind == "difficulty":
        able, easy = np.exp(rng.normal(0.3, 0.6, n)), np.exp(rng.normal(0.2, 1.0, n_items))
        right = 1 / (1 + (k - 1) * np.exp(-able[annotator] * easy[item]))
        probs = np.repeat((1 - right)[:, None] / (k - 1), k, axis=1)
        probs[np.arange(len(item)), truth[item]] = right
    elif kind == "misleading":  # a quarter of the items looks to everybody like another class
        looks = (truth + rng.integers(1, k, n_items)) % k
        hard = (rng.random(n_items) < 0.25)[item]
        probs[hard] = 0.4 * np.eye(k)[truth[item]][hard] + 0.6 * np.eye(k)[looks[item]][hard]
    return packed(item, annotator, drawn(rng, probs), truth, k)


def real() -> Iterator[tuple[str, Crowd]]:
    for name in ("dog", "rte"):
        held = np.load(DATA / "crowd" / f"crowd_{name}.npz")
        items, item = np.unique(held["item"], return_inverse=True)
        truth = np.full(len(items), -1)
        truth[np.searchsorted(items, held["truth_item"])] = held["truth"]
        annotator, label = held["worker"], held["label"].astype(np.int64)
        n_classes = int(label.max()) + 1
        yield name, packed(item, annotator, label, truth, n_classes)
        for per_item in (3, 5):
            for seed in range(3):
                order = np.lexsort([np.random.default_rng(seed).random(len(item)), item])
                place = np.arange(len(item)) - np.searchsorted(item[order], item[order])
                some = order[place < per_item]
                crowd = packed(item[some], annotator[some], label[some], truth, n_classes)
                yield f"{name}, {per_item} answers", crowd
    held = np.load(DATA / "multiannotator" / "multiannotator_digits.npz")
    item, annotator = np.nonzero(held["votes"] >= 0)
    yield "digits", packed(item, annotator, held["votes"][item, annotator], held["true"], 10)


def accuracy(label: np.ndarray, truth: np.ndarray) -> float:
    return float((label == truth)[truth >= 0].mean())


# ------------------------------------------------------------------------------ the questions


def test_accuracy_without_a_model() -> None:
    found: dict[str, list[list[float]]] = defaultdict(list)
    crowds = [(kind, simulated(kind, seed)) for kind in KINDS for seed in range(10)]
    for name, (answers, truth) in [*(real() if DATA.is_dir() else ()), *crowds]:
        vote = majority_vote(answers, None)
        ours = best_labels(dawid_skene(answers).posterior, vote)
        found[name].append([accuracy(vote, truth), accuracy(ours, truth)])
    for name, both in found.items():
        majority, ours = np.mean(both, axis=0)
        _tell(f"{name:16} majority {majority:.3f}, Dawid-Skene, shrunken {ours:.3f}")
    majority, ours = np.mean([np.mean(both, axis=0) for both in found.values()], axis=0)
    _tell(f"{'mean':16} majority {majority:.3f}, Dawid-Skene, shrunken {ours:.3f}")
    assert ours > majority + 0.03


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_labelling_functions(share: float) -> None:
    """Functions that vote on a part of the items; a share of them knows one label only."""
    found = []
    for seed in range(30):
        rng = np.random.default_rng([seed, round(10 * share)])
        k, n_items = int(rng.choice([2, 2, 3, 4])), int(rng.choice([300, 1000, 3000]))
        n = int(rng.choice([3, 5, 8, 15]))
        shares = rng.dirichlet(np.full(k, 6.0))
        truth = rng.choice(k, n_items, p=shares)
        parts = []
        for one in range(n):
            right, often, own = rng.beta(8, 2.5), rng.uniform(0.15, 0.8), one % k
            if one < share * n:
                odds = (1 - right) / right * shares[own] / (1 - shares[own])
                at = np.flatnonzero(rng.random(n_items) < often * np.where(truth == own, 1, odds))
                label = np.full(len(at), own)
            else:
                at = np.flatnonzero(rng.random(n_items) < often)
                matrix = confusions(rng, np.array([right]), k, 1)[0]
                label = drawn(rng, matrix[truth[at]])
            parts.append((at, np.full(len(at), one), label))
        item, function, label = (np.concatenate(column) for column in zip(*parts, strict=True))
        answers, known = packed(item, function, label, truth, k)
        vote = majority_vote(answers, None)
        ours = best_labels(dawid_skene(answers).posterior, vote)
        found.append([accuracy(vote, known), accuracy(ours, known)])
    majority, ours = np.mean(found, axis=0)
    _tell(f"\n{share:.0%} of one label: majority {majority:.3f}, shrunken Dawid-Skene {ours:.3f}")
    assert ours > majority


MODELS: dict[str, Any] = {
    "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
    "forest": ExtraTreesClassifier(60, random_state=0),
    "bayes": GaussianNB(),
}


def with_models() -> Iterator[tuple[str, Answers, np.ndarray, np.ndarray]]:
    """Crowds on scikit-learn's sets, with out-of-sample probabilities of the majority's labels."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    options = {"n_informative": 15, "n_clusters_per_class": 1, "flip_y": 0, "random_state": 0}
    tables: dict[str, Callable[[], Any]] = {
        "digits": lambda: datasets.load_digits(return_X_y=True),
        "cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
        "blobs": lambda: datasets.make_classification(1500, 30, n_classes=10, **options),
    }
    for name, load in tables.items():
        features, truth = load()
        k, n = int(truth.max()) + 1, 40
        for kind in ("coins", "confusions", "spammers"):
            for per_item in (2, 3, 6):
                rng = np.random.default_rng([len(truth), per_item])
                people = annotators(kind, n, k, rng)
                item = np.repeat(np.arange(len(truth)), per_item)
                who = rng.random((len(truth), n)).argsort(axis=1)[:, :per_item].reshape(-1)
                label = drawn(rng, people[who, truth[item]])
                answers, known = packed(item, who, label, truth, k)
                vote = majority_vote(answers, None)
                for model_name, model in MODELS.items():
                    probs = cross_val_predict(
                        model, features, vote, cv=folds, method="predict_proba"
                    )
                    if probs.shape[1] == k:
                        yield f"{name}, {model_name}", answers, known, probs
    if DATA.is_dir():
        held = np.load(DATA / "multiannotator" / "multiannotator_digits.npz")
        item, who = np.nonzero(held["votes"] >= 0)
        answers, known = packed(item, who, held["votes"][item, who], held["true"], 10)
        for model_name in ("lr", "et"):
            yield f"given digits, {model_name}", answers, known, held[f"pp_{model_name}"]


@pytest.mark.filterwarnings("ignore")  # a class of few votes
def test_with_a_model() -> None:
    found: dict[str, list[list[float]]] = defaultdict(list)
    for name, answers, truth, probs in with_models():
        row = []
        for method in ("crowdlab", "dawid_skene"):
            one = verdicts(answers, probs[None], ["best_quality"], method)[0]
            right = one.consensus == truth
            area = np.nan if right.all() else roc_auc_score(right, one.quality)
            row += [right.mean(), area]
        found[name].append(row)
    _tell(f"\n{'accuracy / area':20}{'CROWDLAB':>16}{'ours':>16}")
    for name, rows in found.items():
        a, b, c, d = np.nanmean(rows, axis=0)
        _tell(f"{name:20}{a:8.3f} /{b:6.3f}{c:8.3f} /{d:6.3f}")
    a, b, c, d = np.nanmean([np.nanmean(rows, axis=0) for rows in found.values()], axis=0)
    _tell(f"{'mean':20}{a:8.3f} /{b:6.3f}{c:8.3f} /{d:6.3f}")
    assert c > a
    assert d > b
