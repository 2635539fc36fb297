"""What was trained when no predictions were given, how good it is, and whether to trust it.

``lab.model_card()`` makes a `ModelCard` from the out-of-sample predictions that a lab was given or
has made; it shows itself as HTML and text, and its tables are frames.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import choice
from datalab._data.values import objects
from datalab._typing import BoolArray, FloatArray
from datalab.artefacts import Artefact, common_rows, select
from datalab.exceptions import NotFound
from datalab.given import chance_agreement

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelCard", "card_of"]

FRAMES = ("scores", "classes", "models")
# Two-sided normal quantile of 95 % intervals.
Z95 = 1.959964
# Where model and label disagree, the share of probability that goes to the model's class; and the
# agreement beyond chance (Cohen's kappa), of a model whose contradictions mean something.
GOOD_ODDS, FAIR_ODDS = 0.85, 0.7
GOOD_KAPPA, WEAK_KAPPA = 0.85, 0.3
# Share of the typical deviation of a number that a model explains.
GOOD_SHARE, WEAK_SHARE = 0.6, 0.2
# Areas under the ROC curve, the mean over classes.
GOOD_AREA, WEAK_AREA = 0.9, 0.7
BINS = 15


@dataclass(frozen=True)
class Score:
    """One score with the ends of its 95 % interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, repr=False, eq=False)
class ModelCard:
    """A model of the data: what it is made of, its scores, and what its findings are worth.

    Parameters
    ----------
    task : str
    trust : {"good", "fair", "weak"}
        What findings that rest on the model are worth.
    verdict : str
        The same in a sentence, with the figures it rests on.
    scores : tuple of Score
        Over all rows, each predicted by models that were not trained on it.
    classes : mapping of str to array-like
        For each class: examples, recall, precision and mean probability, with intervals; empty
        for numbers.
    models : sequence of mapping
        Name, setting, weight and scores of each model; empty when predictions were given.
    notes : tuple of str
        What the models were made from, and how rows were held out.
    num_examples : int
        Rows with a label and a prediction.
    """

    task: str
    trust: str
    verdict: str
    scores: tuple[Score, ...]
    classes: Mapping[str, Any] = field(default_factory=dict)
    models: Sequence[Mapping[str, Any]] = ()
    notes: tuple[str, ...] = ()
    num_examples: int = 0

    def frame(self, what: str = "scores") -> "pd.DataFrame":
        """One of the tables.

        Parameters
        ----------
        what : {"scores", "classes", "models"}
            "scores": score, value, low, high. "classes": one row per class, the worst first.
            "models": what was trained, the weightiest first.
        """
        import pandas as pd

        choice(what, FRAMES, name="what")
        if what == "scores":
            return pd.DataFrame([vars(score) for score in self.scores]).rename(
                columns={"name": "score"}
            )
        if what == "classes":
            return pd.DataFrame(dict(self.classes))
        by_weight = sorted(self.models, key=lambda model: -model["weight"])
        return pd.DataFrame([dict(model) for model in by_weight])

    def __getitem__(self, name: str) -> Score:
        """The score of that name."""
        found = {score.name: score for score in self.scores}
        if name not in found:
            raise NotFound(f"there is no score {name!r}; there are {', '.join(found)}")
        return found[name]

    def __repr__(self) -> str:
        return f"ModelCard({self.trust}: {self.verdict})"

    def __str__(self) -> str:
        from datalab.views.model_card import card_text

        return card_text(self)

    def _repr_html_(self) -> str:
        from datalab.views.model_card import card_html

        return card_html(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What notebooks and terminals show: rich, and as text."""
        return {"text/html": self._repr_html_(), "text/plain": str(self)}


def card_of(lab: Any) -> ModelCard:
    """The card of the predictions that a lab was given, has made or can make.

    Parameters
    ----------
    lab : Datalab

    Raises
    ------
    NotFound
        There are no labels to predict.
    NotApplicable
        There are no predictions, and none can be made.
    """
    store = lab._artefacts
    if store.held("labels") is None:
        raise NotFound("a model predicts labels: give label_name= to Datalab")
    name = "predictions" if lab.task == "regression" else "pred_probs"
    held: dict[str, Artefact] = {}
    for one in ("labels", name):
        asked = lab._options([], rules=lab._rules, random_state=0, model=None)
        held[one] = store.current(one) or store.get(one, asked)
    rows = common_rows(held.values())
    labels, said = (select(one, artefact, rows) for one, artefact in held.items())
    lineage = store.lineage([held[name]])
    notes = tuple(f"{one}: {a.note}" for one, a in lineage.items() if a.made_from and a.note)
    about = {
        "models": held[name].details.get("models", ()),
        "notes": notes or (f"{name} were given",),
        "num_examples": len(said),
    }
    return _CARDS[lab.task](labels, said, tuple(lab.class_names), about)


def _share(name: str, hits: float, n: float) -> Score:
    """A share with Wilson's interval."""
    low, high = _wilson(np.array([hits]), np.array([n]))
    return Score(name, hits / n if n else float("nan"), float(low[0]), float(high[0]))


def _wilson(hits: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ends of 95 % intervals of shares (E. B. Wilson, JASA 22, 1927); [0, 1] for nothing."""
    some = np.maximum(n, 1)
    share = hits / some
    middle = (share + Z95**2 / (2 * some)) / (1 + Z95**2 / some)
    half = Z95 / (1 + Z95**2 / some) * np.sqrt(share * (1 - share) / some + (Z95 / (2 * some)) ** 2)
    low = np.where(hits > 0, np.maximum(middle - half, 0.0), 0.0)
    high = np.where(hits < n, np.minimum(middle + half, 1.0), 1.0)
    return low, high


def _mean(name: str, values: FloatArray) -> Score:
    """A mean with the interval of the normal distribution."""
    value = float(values.mean())
    half = Z95 * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else np.inf
    return Score(name, value, value - half, value + half)


def _of_classes(
    labels: NDArray[np.int64], probs: FloatArray, names: tuple[Any, ...], about: dict[str, Any]
) -> ModelCard:
    n_classes = probs.shape[1]
    examples = np.bincount(labels, minlength=n_classes)
    if about["models"]:
        # No model has seen another example of the class of these; they are given their label.
        judged = examples[labels] > 1
        labels, probs = labels[judged], probs[judged]
    n_rows = len(labels)
    predicted = probs.argmax(axis=1)
    right = predicted == labels
    given = probs[np.arange(n_rows), labels]
    counts = np.bincount(labels, minlength=n_classes)
    hits = np.bincount(labels[right], minlength=n_classes)
    chance = chance_agreement(labels, predicted, n_classes)  # type: ignore[arg-type]
    accuracy = _share("accuracy", float(right.sum()), n_rows)
    scores = (
        accuracy,
        _balanced(hits, counts),
        _mean("log loss", -np.log(np.maximum(given, 1e-12))),
        Score("accuracy by chance", chance, chance, chance),
        _calibration(probs.max(axis=1), right),
    )
    kappa = (accuracy.value - chance) / (1 - chance) if chance < 1 else 0.0
    top = probs[np.arange(n_rows), predicted][~right]
    odds = float((top / (top + given[~right])).mean()) if len(top) else 1.0
    trust = "fair"
    if odds >= GOOD_ODDS or kappa >= GOOD_KAPPA:
        trust = "good"
    elif odds < FAIR_ODDS or kappa < WEAK_KAPPA:
        trust = "weak"
    present = int((counts > 0).sum())
    verdict = (
        f"accuracy {accuracy.value:.2f} on {present} classes (by chance {chance:.2f}); where it "
        f"contradicts a label, its own class has {odds:.0%} of the probability of the two: label "
        f"findings are {_worth(trust)}"
    )
    classes = _per_class(hits, counts, examples, predicted, given, labels, names)
    about = {**about, "num_examples": n_rows}
    return ModelCard("classification", trust, verdict, scores, classes, **about)


def _worth(trust: str) -> str:
    return {"good": "trustworthy", "fair": "hints to check", "weak": "weak"}[trust]


def _balanced(hits: NDArray[np.intp], counts: NDArray[np.intp]) -> Score:
    """The mean recall of the classes that occur.

    Its interval is that of a sum of shares, each drawn in by Laplace's rule: a class of a few
    examples that are all right is not known to be always right.
    """
    some = counts > 0
    recall = hits[some] / counts[some]
    value = float(recall.mean())
    drawn_in = (hits[some] + 1) / (counts[some] + 2)
    variance = (drawn_in * (1 - drawn_in) / counts[some]).sum()
    half = Z95 * float(np.sqrt(variance)) / int(some.sum())
    return Score("balanced accuracy", value, max(value - half, 0.0), min(value + half, 1.0))


def _calibration(confidence: FloatArray, right: BoolArray) -> Score:
    """Expected calibration error in bins of equal size (Guo et al., ICML 2017, equation 3)."""
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(order, min(BINS, len(order)))
    gaps = np.array([abs(confidence[rows].mean() - right[rows].mean()) for rows in bins])
    sizes = np.array([len(rows) for rows in bins])
    value = float((gaps * sizes).sum() / sizes.sum())
    # Where calibration is perfect, each bin still deviates by chance.
    spread = np.array([right[rows].std() / np.sqrt(len(rows)) for rows in bins])
    half = Z95 * float(np.sqrt((spread**2 * sizes**2).sum())) / float(sizes.sum())
    return Score("calibration error", value, max(value - half, 0.0), min(value + half, 1.0))


def _per_class(
    hits: NDArray[np.intp],
    counts: NDArray[np.intp],
    examples: NDArray[np.intp],
    predicted: NDArray[np.intp],
    given: FloatArray,
    labels: NDArray[np.int64],
    names: tuple[Any, ...],
) -> dict[str, Any]:
    n_classes = len(counts)
    said = np.bincount(predicted, minlength=n_classes)
    low, high = _wilson(hits.astype(float), counts.astype(float))
    with np.errstate(invalid="ignore"):
        recall, precision = hits / counts, hits / said
        mean = np.bincount(labels, weights=given, minlength=n_classes) / counts
    order = np.lexsort((np.arange(n_classes), np.where(counts > 0, recall, 2.0)))
    every: Sequence[Any] = names or range(n_classes)
    return {
        "class": objects(every[k] for k in order),
        "examples": examples[order],
        "recall": recall[order],
        "recall_low": low[order],
        "recall_high": high[order],
        "precision": precision[order],
        "mean_probability": mean[order],
    }


def _of_numbers(
    labels: FloatArray, said: FloatArray, names: tuple[Any, ...], about: dict[str, Any]
) -> ModelCard:
    del names
    residual, around = labels - said, labels - np.median(labels)
    error = np.abs(residual)
    total = float((around**2).sum())
    explained = 1 - float((residual**2).sum()) / total if total > 0 else float("nan")
    deviation = np.abs(around)
    # Where half of the labels are equal, the usual deviation is none: then the mean one counts.
    middle = np.median if np.median(deviation) > 0 else np.mean
    usual = 1 - float(middle(error) / middle(deviation)) if total > 0 else 0.0
    errors = np.sort(error)
    at = np.clip(
        np.round(len(errors) * 0.5 + np.array([-1, 1]) * Z95 * np.sqrt(len(errors)) / 2),
        0,
        len(errors) - 1,
    ).astype(int)
    scores = (
        Score("median absolute error", float(np.median(error)), *errors[at].tolist()),
        _mean("mean absolute error", error),
        _jackknifed("R²", residual, around, explained),
        Score("share of the usual deviation explained", usual, usual, usual),
    )
    trust = "good" if usual >= GOOD_SHARE else "weak" if usual < WEAK_SHARE else "fair"
    verdict = (
        f"median error {np.median(error):.3g}, {abs(usual):.0%} {'less' if usual >= 0 else 'more'} "
        f"than without a model (R² {explained:.2f}): label findings are {_worth(trust)}"
    )
    return ModelCard("regression", trust, verdict, scores, **about)


def _jackknifed(name: str, residual: FloatArray, around: FloatArray, value: float) -> Score:
    """1 minus a ratio of sums of squares, with the jackknife's interval (Efron 1982, ch. 3)."""
    top, bottom = residual**2, around**2
    left = 1 - (top.sum() - top) / np.maximum(bottom.sum() - bottom, 1e-300)
    n_rows = len(left)
    half = Z95 * float(np.sqrt((n_rows - 1) / n_rows * ((left - left.mean()) ** 2).sum()))
    return Score(name, value, value - half, min(value + half, 1.0))


def _of_sets(
    labels: list[list[int]], probs: FloatArray, names: tuple[Any, ...], about: dict[str, Any]
) -> ModelCard:
    held = np.zeros(probs.shape, dtype=bool)
    sizes = [len(codes) for codes in labels]
    columns = [code for codes in labels for code in codes]
    held[np.repeat(np.arange(len(labels)), sizes), columns] = True
    n_classes = probs.shape[1]
    counts = held.sum(axis=0)
    # Of these classes a model that was made for the data knows nothing: it repeats what is given.
    judged = ~(probs == held).all(axis=0) if about["models"] else np.ones(n_classes, dtype=bool)
    areas, low, high = np.array([_area(probs[:, k], held[:, k]) for k in range(n_classes)]).T
    areas[~judged], low[~judged], high[~judged] = np.nan, 0.0, 1.0
    known = ~np.isnan(areas)
    n_known = int(known.sum())
    mean = float(areas[known].mean()) if known.any() else float("nan")
    half = float(np.sqrt(((high - low)[known] ** 2).sum())) / 2 / max(int(known.sum()), 1)
    agree = (probs > 0.5) == held
    right = np.where(held, probs, 1 - probs)
    scores = (
        Score("mean area under the ROC curve", mean, max(mean - half, 0.0), min(mean + half, 1.0)),
        _share(
            "agreement of memberships",
            float(agree[:, judged].sum()),
            float(judged.sum() * len(agree)),
        ),
        _mean("log loss", -np.log(np.maximum(right[:, judged], 1e-12)).mean(axis=1)),
    )
    trust = "good" if mean >= GOOD_AREA else "fair" if mean >= WEAK_AREA else "weak"
    verdict = (
        f"mean area under the ROC curve {mean:.2f} over {n_known} "
        f"{'class' if n_known == 1 else 'classes'}: label findings are "
        f"{_worth(trust)}"
    )
    order = np.lexsort((np.arange(n_classes), np.where(known, areas, 2.0)))
    every: Sequence[Any] = names or range(n_classes)
    classes = {
        "class": objects(every[k] for k in order),
        "examples": counts[order],
        "area": areas[order],
        "area_low": low[order],
        "area_high": high[order],
        "agreement": agree.mean(axis=0)[order],
    }
    return ModelCard("multilabel", trust, verdict, scores, classes, **about)


def _area(score: FloatArray, held: BoolArray) -> tuple[float, float, float]:
    """Area under the ROC curve with its interval (Hanley & McNeil, Radiology 143, 1982)."""
    from scipy.stats import rankdata

    some, none = int(held.sum()), int((~held).sum())
    if not some or not none:
        return float("nan"), 0.0, 1.0
    ranks = rankdata(score)
    area = float((ranks[held].sum() - some * (some + 1) / 2) / (some * none))
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (some - 1) * (first - area**2) + (none - 1) * (second - area**2)
    half = Z95 * float(np.sqrt(max(variance, 0.0) / (some * none)))
    return area, max(area - half, 0.0), min(area + half, 1.0)


_CARDS: dict[str, Callable[..., ModelCard]] = {
    "classification": _of_classes,
    "regression": _of_numbers,
    "multilabel": _of_sets,
}
