"""Support vector machines that say how sure they are: by their margins, or calibrated in pairs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._models.folds import stratified_folds
from datalab._typing import FloatArray, IndexArray

__all__ = ["PairedVectors", "SupportVectors"]

# A row at the margin of a pair of classes has the odds of so many nepers.
AT_MARGIN = 2.0
# Folds in which the odds of each pair are found; steps to them; how hard they are held back, in
# rows, where a pair has next to none.
FOLDS, STEPS, HELD_BACK = 3, 30, 1e-3
# No pair of classes is surer than this.
SUREST = 1e-7
# Values of all pairs of classes that are looked at at once.
MAX_VALUES = 4_000_000


class SupportVectors:
    """A classifier whose odds of a class against the winner are the margin between these two.

    Parameters
    ----------
    gamma : float
        Of the Gaussian kernel ``exp(-gamma d^2)``.

    Notes
    -----
    The winner has the most votes of the machines of all pairs of classes (Knerr et al., 1990). The
    votes of others rank losers by pairs that have nothing to do with the row; only the machine of
    winner and class tells how far the class is from being right. Whoever combines the result finds
    the power that calibrates it.
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 (scikit-learn's)
        """The width."""
        return {"gamma": self.gamma}

    def set_params(self, **params: Any) -> "SupportVectors":
        """Replace the width."""
        self.gamma = params.get("gamma", self.gamma)
        return self

    def fit(self, X: Any, y: NDArray[Any]) -> "SupportVectors":
        """Find the support vectors of all pairs of classes."""
        from sklearn.svm import SVC  # noqa: PLC0415

        self.machine_ = SVC(gamma=self.gamma, decision_function_shape="ovo").fit(X, y)
        self.classes_ = self.machine_.classes_
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Probabilities by the margins between each class and the winner, (n, K)."""
        said = self.machine_.decision_function(X)
        n_classes = len(self.classes_)
        if n_classes == 2:
            return _softmax(np.column_stack([-np.maximum(said, 0), np.minimum(said, 0)]))
        step = max(1, MAX_VALUES // n_classes**2)
        blocks = [_behind(said[at : at + step], n_classes) for at in range(0, len(said), step)]
        return _softmax(np.concatenate(blocks))


class PairedVectors(SupportVectors):
    """The same machines, each with odds of its own, and what all pairs of classes say together.

    Parameters
    ----------
    gamma : float
        Of the Gaussian kernel ``exp(-gamma d^2)``.
    seed : int
        Of the folds in which the odds are found.

    Notes
    -----
    For each pair, a line from margin to log odds is fitted to rows that were held out (Platt:
    Probabilistic outputs for support vector machines, 1999). Its shift matters where rows resemble
    no other, as short texts of unknown words do: there all margins are the same, and what class
    such rows have is learned from those that were held out. The pairs are coupled in closed form
    (Price, Knerr, Personnaz, Dreyfus: Pairwise neural network classifiers with probabilistic
    outputs, NIPS 1994).
    """

    def __init__(self, gamma: float, seed: int = 0) -> None:
        super().__init__(gamma)
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 (scikit-learn's)
        """Width and seed."""
        return {"gamma": self.gamma, "seed": self.seed}

    def set_params(self, **params: Any) -> "PairedVectors":
        """Replace width or seed."""
        self.gamma = params.get("gamma", self.gamma)
        self.seed = params.get("seed", self.seed)
        return self

    def fit(self, X: Any, y: NDArray[Any]) -> "PairedVectors":
        """Find the support vectors of all pairs, and their odds on rows that are held out."""
        codes = np.unique(y, return_inverse=True)[1]
        n_pairs = (codes.max() + 1) * codes.max() // 2
        self.slope_, self.shift_ = _odds(*self._held_out(X, codes, n_pairs), n_pairs)
        super().fit(X, y)
        return self

    def _held_out(
        self, X: Any, codes: IndexArray, n_pairs: int
    ) -> tuple[FloatArray, IndexArray, NDArray[np.bool_]]:
        """Margins of held-out rows in the pairs of their class, which pair, and if it is first."""
        counts = np.bincount(codes)
        numbers = _pair_numbers(len(counts))
        others = np.array([np.delete(np.arange(len(counts)), k) for k in range(len(counts))])
        pairs = numbers[codes[:, None], others[codes]]
        margins = np.full(pairs.shape, np.nan)
        n_folds = min(FOLDS, int(counts.max()))
        for train, rows in stratified_folds(codes, n_folds, self.seed) if n_folds > 1 else ():
            known = np.unique(codes[train])
            if len(known) < 2:
                continue
            machine = SupportVectors(self.gamma).fit(X[train], codes[train]).machine_
            first, second = np.triu_indices(len(known), 1)
            said = np.full((len(rows), n_pairs), np.nan)
            said[:, numbers[known[first], known[second]]] = _margins(machine, X[rows])
            margins[rows] = np.take_along_axis(said, pairs[rows], axis=1)
        seen = np.isfinite(margins)
        return margins[seen], pairs[seen], (codes[:, None] < others[codes])[seen]

    def predict_proba(self, X: Any) -> FloatArray:
        """Probabilities by what all pairs say, (n, K)."""
        n_classes = len(self.classes_)
        said = self.slope_ * _margins(self.machine_, X) + self.shift_
        step = max(1, MAX_VALUES // n_classes**2)
        blocks = [_coupled(said[at : at + step], n_classes) for at in range(0, len(said), step)]
        return np.concatenate(blocks)


def _margins(machine: Any, X: Any) -> FloatArray:
    """Of all pairs of classes in order, positive for the first one, (n, pairs)."""
    said: FloatArray = machine.decision_function(X)
    return -said[:, None] if said.ndim == 1 else said


def _pair_numbers(n_classes: int) -> IndexArray:
    """Where each pair of classes stands, (K, K)."""
    numbers = np.zeros((n_classes, n_classes), dtype=np.intp)
    first, second = np.triu_indices(n_classes, 1)
    numbers[first, second] = numbers[second, first] = np.arange(len(first))
    return numbers


def _odds(
    margins: FloatArray, pairs: IndexArray, won: NDArray[np.bool_], n_pairs: int
) -> tuple[FloatArray, FloatArray]:
    """Slope and shift of each pair's log odds, by Newton's steps for all pairs at once.

    The targets are those of Platt's smoothing: as if one more row of each class had been seen.
    """

    def total(values: NDArray[Any]) -> NDArray[Any]:
        return np.bincount(pairs, values, n_pairs)

    first, second = total(won), total(~won)
    target = np.where(won, ((first + 1) / (first + 2))[pairs], (1 / (second + 2))[pairs])

    def loss(slope: FloatArray, shift: FloatArray) -> FloatArray:
        said = slope[pairs] * margins + shift[pairs]
        held = (slope - AT_MARGIN) ** 2 + shift**2
        return total(np.logaddexp(0, said) - target * said) + HELD_BACK / 2 * held

    slope, shift = np.full(n_pairs, AT_MARGIN), np.zeros(n_pairs)
    now = loss(slope, shift)
    for _ in range(STEPS):
        probs = _chance(slope[pairs] * margins + shift[pairs])
        off, bend = probs - target, probs * (1 - probs)
        down = total(off * margins) + HELD_BACK * (slope - AT_MARGIN)
        across = total(off) + HELD_BACK * shift
        steep, mixed = total(bend * margins**2) + HELD_BACK, total(bend * margins)
        flat = total(bend) + HELD_BACK
        area = steep * flat - mixed**2
        to_slope = (flat * down - mixed * across) / area
        to_shift = (steep * across - mixed * down) / area
        size = np.ones(n_pairs)
        # Halved until it goes down; a pair for which it does not is at its best.
        for _ in range(10):
            after = loss(slope - size * to_slope, shift - size * to_shift)
            worse = after > now
            if not worse.any():
                break
            size[worse] /= 2
        size[worse], after[worse] = 0.0, now[worse]
        slope, shift = slope - size * to_slope, shift - size * to_shift
        gained, now = float((now - after).max(initial=0.0)), after
        if gained < HELD_BACK:
            break
    return slope, shift


def _chance(odds: FloatArray) -> FloatArray:
    """Probability of log odds."""
    probs: FloatArray = np.exp(-np.logaddexp(0.0, -odds))
    return probs


def _coupled(said: FloatArray, n_classes: int) -> FloatArray:
    """Class probabilities by the log odds of all pairs in order."""
    first, second = np.triu_indices(n_classes, 1)
    probs = np.clip(_chance(said), SUREST, 1 - SUREST)
    against = np.zeros((len(said), n_classes, n_classes))
    against[:, first, second], against[:, second, first] = 1 / probs, 1 / (1 - probs)
    joint = 1 / (against.sum(axis=2) - (n_classes - 2))
    shares: FloatArray = joint / joint.sum(axis=1, keepdims=True)
    return shares


def _behind(said: FloatArray, n_classes: int) -> FloatArray:
    """How far each class is behind the winner, at most 0; `said` has all pairs in order."""
    first, second = np.triu_indices(n_classes, 1)
    ahead = np.zeros((len(said), n_classes, n_classes))
    ahead[:, first, second], ahead[:, second, first] = said, -said
    # Of equal votes, the larger sum of margins decides.
    total = ahead.sum(axis=2)
    votes = (ahead > 0).sum(axis=2) + total / (3 * (np.abs(total) + 1))
    winner = votes.argmax(axis=1)
    behind: FloatArray = -np.maximum(ahead[np.arange(len(said)), winner], 0.0)
    return behind


def _softmax(behind: FloatArray) -> FloatArray:
    odds = np.exp(AT_MARGIN * behind)
    probs: FloatArray = odds / odds.sum(axis=1, keepdims=True)
    return probs
