"""Digits with planted errors: a data set for trying out `Datalab`, with the answers beside it.

Everything comes from scikit-learn's digits and sample images, which every installation has.
``datalab demo`` audits it and says what was found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, FloatArray, IndexArray

if TYPE_CHECKING:
    import pandas as pd

    from datalab.lab import Datalab

__all__ = ["Demo", "make_demo"]

N_WRONG_LABELS, N_COPIES, N_NO_DIGITS = 120, 40, 100
# What people most easily read instead of 0, 1, …, 9.
LOOKS_LIKE = np.array([6, 7, 3, 8, 9, 6, 5, 1, 3, 4])
# How often each annotator is right, and the share of the images that each of them labels.
ANNOTATORS = {"ann": 0.97, "ben": 0.90, "cleo": 0.75}
SHARE_LABELLED = 0.8
SIDE, INK = 8, 16  # images have 8 × 8 pixels from 0 (paper) to 16 (ink)


@dataclass(frozen=True, eq=False)
class Demo:
    """A data set with planted errors.

    Parameters
    ----------
    data : DataFrame of N rows
        Columns ``image`` (8 × 8 pixels, uint8), ``label`` (the given digit) and one for each
        annotator (the digit, missing where not asked).
    annotators : list of str
        Names of the annotators' columns.
    features : ndarray of shape (N, 64), float32
        Pixels from -1 (paper) to 1 (ink).
    pred_probs : ndarray of shape (N, 10), float64
        Out-of-sample probabilities of a classifier, from cross-validation on the given labels.
    truth : DataFrame of N rows
        The answers: ``digit`` (for an image that is no digit, the one that it resembles most),
        ``planted`` ("wrong label", "copy", "no digit", or "" for nothing) and ``copy_of`` (the
        position of the original, -1 for none).

    Examples
    --------
    >>> from datalab.demo import make_demo
    >>> demo = make_demo(seed=0)
    >>> demo.data.shape, int((demo.truth["planted"] == "copy").sum())
    ((1937, 5), 40)
    """

    data: "pd.DataFrame"
    annotators: list[str]
    features: FloatArray
    pred_probs: FloatArray
    truth: "pd.DataFrame"

    def audit(self) -> "Datalab":
        """Run the default audit, as anybody would on this data.

        Returns
        -------
        Datalab
        """
        from datalab.lab import Datalab

        lab = Datalab(self.data, label_name="label", annotations=self.annotators, verbosity=0)
        return lab.find_issues(pred_probs=self.pred_probs, features=self.features)

    def compare(self, lab: "Datalab") -> "pd.DataFrame":
        """Hold what was planted against what an audit found.

        Parameters
        ----------
        lab : Datalab
            An audit of this data with the checks label, outlier, near_duplicate, multi_annotator.

        Returns
        -------
        DataFrame
            One row per kind of error: ``planted`` (the kind), ``issue_type`` (the check that looks
            for it), ``n_planted``, ``n_found``, ``n_flagged``, ``recall`` (share of the planted
            ones that were found) and ``precision`` (share of the flagged ones that were planted).

        Notes
        -----
        Wrong labels are looked for twice: with the model, and by what the annotators answered. A
        copy is found when it is flagged in one set with its original; both are then rightly
        flagged. An annotator's answer counts as flagged when it differs from the consensus.
        """
        import pandas as pd

        planted = self.truth["planted"].to_numpy()
        wrong, contradicted = planted == "wrong label", _flags(lab, "multi_annotator")
        rows = [
            _compared("wrong label", "label", wrong, _flags(lab, "label")),
            _compared("wrong label (annotators)", "multi_annotator", wrong, contradicted),
            _compared("no digit", "outlier", planted == "no digit", _flags(lab, "outlier")),
            self._copies(lab),
            self._mistakes(lab),
        ]
        return pd.DataFrame(rows)

    def _copies(self, lab: "Datalab") -> dict[str, Any]:
        originals = self.truth["copy_of"].to_numpy()
        copies = np.flatnonzero(originals >= 0)
        flagged = _flags(lab, "near_duplicate")
        sets = lab.get_issues("near_duplicate")["near_duplicate_sets"].to_numpy()
        found = [row for row in copies if flagged[row] and originals[row] in sets[row]]
        right = np.union1d(found, originals[found]).astype(np.intp)
        return _row("copy", "near_duplicate", len(copies), len(found), flagged, flagged[right])

    def _mistakes(self, lab: "Datalab") -> dict[str, Any]:
        consensus = lab.get_issues("multi_annotator")["consensus_label"].to_numpy()
        answers, asked = self._answers()
        wrong = asked & (answers != self.truth["digit"].to_numpy()[:, None])
        deviating = asked & (answers != consensus.astype(np.float64)[:, None])
        return _compared("annotator's mistake", "multi_annotator", wrong, deviating)

    def _answers(self) -> tuple[FloatArray, BoolArray]:
        answers = self.data[self.annotators].to_numpy(dtype=np.float64, na_value=np.nan)
        return answers, ~np.isnan(answers)

    def annotator_qualities(self, lab: "Datalab") -> "pd.DataFrame":
        """Hold the annotators' true quality against its estimate.

        Parameters
        ----------
        lab : Datalab
            An audit of this data with the check multi_annotator.

        Returns
        -------
        DataFrame
            One row per annotator: ``annotator``, ``n_answers``, ``true_quality`` (the share of
            right answers) and ``estimated_quality``.
        """
        import pandas as pd

        answers, asked = self._answers()
        right = answers == self.truth["digit"].to_numpy()[:, None]
        stats = lab.get_info("multi_annotator")["annotator_stats"]
        return pd.DataFrame(
            {
                "annotator": self.annotators,
                "n_answers": asked.sum(axis=0),
                "true_quality": right.sum(axis=0) / asked.sum(axis=0),
                "estimated_quality": stats["annotator_quality"].reindex(self.annotators).to_numpy(),
            }
        )


def _flags(lab: "Datalab", name: str) -> BoolArray:
    return lab.get_issues(name)[f"is_{name}_issue"].to_numpy(dtype=bool, na_value=False)


def _compared(kind: str, issue_type: str, planted: BoolArray, flagged: BoolArray) -> dict[str, Any]:
    both = planted & flagged
    return _row(kind, issue_type, int(planted.sum()), int(both.sum()), flagged, both)


def _row(
    kind: str, issue_type: str, n_planted: int, n_found: int, flagged: BoolArray, right: BoolArray
) -> dict[str, Any]:
    n_flagged = int(flagged.sum())
    return {
        "planted": kind,
        "issue_type": issue_type,
        "n_planted": n_planted,
        "n_found": n_found,
        "n_flagged": n_flagged,
        "recall": n_found / n_planted,
        "precision": int(right.sum()) / n_flagged if n_flagged else float("nan"),
    }


# --- planting -------------------------------------------------------------------------------------


def make_demo(seed: int = 0) -> Demo:
    """Plant errors into scikit-learn's digits.

    Parameters
    ----------
    seed : int
        Everything that is planted, and the order of the rows, follows from it.

    Returns
    -------
    Demo

    Notes
    -----
    120 labels are changed to the digit that people most easily confuse with the right one; 40
    images are copied with a little noise; 100 images are no digits (negatives, noise, tiles, parts
    of photographs), labelled like the digit that they resemble most. No image has two errors.
    Three annotators label 80 % of the images each, and are right with probability 0.97, 0.90 and
    0.75; otherwise they choose any other digit. It takes about a second.

    Examples
    --------
    >>> demo = make_demo(seed=7)
    >>> demo.truth["planted"].value_counts().to_dict()
    {'': 1677, 'wrong label': 120, 'no digit': 100, 'copy': 40}
    """
    import pandas as pd
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(seed)
    digits, classes = load_digits(return_X_y=True)
    n_rows = len(digits)
    chosen = rng.permutation(n_rows)
    originals, mislabelled = chosen[:N_COPIES], chosen[N_COPIES : N_COPIES + N_WRONG_LABELS]
    copies = _copied(digits[originals], rng)
    strangers = _no_digits(digits, rng)
    pixels = np.vstack([digits, copies, strangers])
    digit = np.concatenate([classes, classes[originals], classes[_most_alike(strangers, digits)]])
    planted = np.array([""] * n_rows + ["copy"] * N_COPIES + ["no digit"] * N_NO_DIGITS, object)
    planted[mislabelled] = "wrong label"
    label = np.where(planted == "wrong label", LOOKS_LIKE[digit], digit)
    order = rng.permutation(len(pixels))
    place = np.argsort(order)  # where a row went
    copy_of = np.full(len(pixels), -1)
    copy_of[n_rows : n_rows + N_COPIES] = place[originals]
    pixels, digit, label = pixels[order], digit[order], label[order]
    data = pd.DataFrame({"image": list(_as_images(pixels)), "label": label})
    for name, quality in ANNOTATORS.items():
        data[name] = pd.Series(_answers_of(digit, quality, rng)).astype("Int64")
    features = (2 * pixels / INK - 1).astype(np.float32)
    truth = pd.DataFrame({"digit": digit, "planted": planted[order], "copy_of": copy_of[order]})
    return Demo(data, list(ANNOTATORS), features, _predicted(features, label, seed), truth)


def _copied(pixels: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The same images scanned once more: a third of the pixels a little brighter or darker."""
    noise = rng.choice([-1, 0, 0, 0, 0, 1], size=pixels.shape)
    scanned: FloatArray = np.clip(pixels + noise, 0, INK)
    return scanned


def _no_digits(digits: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Images that are no digits, of four kinds in turn."""
    from sklearn.datasets import load_sample_image

    photographs = [load_sample_image(name).mean(axis=2) for name in ("china.jpg", "flower.jpg")]

    def negative() -> NDArray[Any]:
        inverted: NDArray[Any] = INK - digits[rng.integers(len(digits))]
        return inverted

    def noise() -> NDArray[Any]:
        return rng.integers(INK + 1, size=SIDE * SIDE)

    def tiles() -> NDArray[Any]:
        return np.kron(rng.integers(2, size=(4, 4)) * INK, np.ones((2, 2), dtype=int)).ravel()

    def photograph() -> NDArray[Any]:
        return _part_of(photographs[rng.integers(len(photographs))], rng)

    kinds: list[Callable[[], NDArray[Any]]] = [negative, noise, tiles, photograph]
    return np.array([kinds[i % len(kinds)]() for i in range(N_NO_DIGITS)], dtype=np.float64)


def _part_of(photograph: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A square part, made smaller and stretched to full contrast."""
    zoom = int(rng.integers(2, 9))
    size = SIDE * zoom
    top, left = (int(rng.integers(length - size)) for length in photograph.shape)
    part = photograph[top : top + size, left : left + size]
    small = part.reshape(SIDE, zoom, SIDE, zoom).mean(axis=(1, 3)).ravel()
    stretched: FloatArray = np.rint(INK * (small - small.min()) / max(np.ptp(small), 1.0))
    return stretched


def _most_alike(pixels: FloatArray, digits: FloatArray) -> IndexArray:
    """The digit that each image resembles most: what somebody reads who has to read something."""
    nearest: IndexArray = ((digits**2).sum(axis=1) - 2 * pixels @ digits.T).argmin(axis=1)
    return nearest


def _as_images(pixels: FloatArray) -> NDArray[np.uint8]:
    """Pixels as pictures: white ink on black paper, as the data set is usually shown."""
    images: NDArray[np.uint8] = np.rint(pixels * (255 / INK)).astype(np.uint8)
    return images.reshape(-1, SIDE, SIDE)


def _answers_of(digit: IndexArray, quality: float, rng: np.random.Generator) -> FloatArray:
    """An annotator's answers, NaN where not asked."""
    other = (digit + rng.integers(1, 10, size=len(digit))) % 10
    answers = np.where(rng.random(len(digit)) < quality, digit, other).astype(np.float64)
    answers[rng.random(len(digit)) >= SHARE_LABELLED] = np.nan
    return answers


def _predicted(features: FloatArray, label: IndexArray, seed: int) -> FloatArray:
    """Out-of-sample probabilities, as in any project: cross-validation on the labels one has."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits

    model = make_pipeline(
        Nystroem(gamma=0.05, n_components=300, random_state=seed),
        LogisticRegression(C=10.0, max_iter=300),
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    # Matrices this small are slower in several threads, many times so on a busy machine; and in
    # one thread and double precision the numbers are the same everywhere.
    with threadpool_limits(1):
        predicted: FloatArray = cross_val_predict(
            model, features.astype(np.float64), label, cv=folds, method="predict_proba"
        )
    return predicted
