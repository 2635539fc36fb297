"""Texts that are the same as others, or nearly so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import finite_number
from datalab._core.duplicate import Pairs, kept_rows, set_ids
from datalab._core.text import QUARTILE, band_pairs, jaccard, normalised, shingles
from datalab._typing import IndexArray
from datalab.exceptions import InputError
from datalab.findings import Findings
from datalab.managers.base import Kind, percent

__all__ = ["DuplicateText"]

# Length of a signature, and of the bands in which two must agree to be compared: texts as alike
# as the threshold are compared with a probability above 0.99.
N_HASHES = 128
LOOSE_BAND, TIGHT_BAND, TIGHT = 5, 8, 0.85
# Estimates from signatures have a standard error below 0.045; three of them are allowed for.
ALLOWANCE = 0.13
# The threshold lies so many standard deviations above the typical similarity of a text to the one
# most like it, between these limits.
SPREADS, LEAST, MOST = 3.5, 0.7, 0.9
SAMPLE, BEST = 200, 3
BLOCK_PAIRS = 100_000
# Where more pairs than these are likely, the estimate of their similarity is good enough: an exact
# one takes tens of microseconds.
MAX_EXACT = 1_000_000
MAX_LISTED = 100  # members of a set that each of them lists


@dataclass(frozen=True)
class DuplicateText:
    """Texts that are the same as others but for case, spaces and punctuation, or nearly so.

    Parameters
    ----------
    threshold : float, optional
        Jaccard similarity of their runs of four characters (two where they are wide) from which on
        two texts are near duplicates; 1 for none but the same. By default chosen from the data,
        between 0.7 and 0.9: clearly above what the most similar text of the data usually has.

    Notes
    -----
    Texts are compared after Unicode's NFKC, without case, spaces and punctuation. Candidates come
    from MinHash signatures (``datasketch``); their similarity is then computed exactly, up to a
    million pairs, beyond which the estimate from the signatures stands. Sets are connected
    components. The score is one minus the similarity to the most similar text that
    was seen. O(characters + N log N) time and O(N) memory, however many are alike.

    References
    ----------
    A. Broder: On the resemblance and containment of documents, SEQUENCES (1997).

    Examples
    --------
    >>> texts = ["How do I open an account?", "how do I open an  account", "Where is my card?"]
    >>> found = DuplicateText().find_issues(texts)
    >>> found.is_issue.tolist(), found.columns["near_duplicate_set"].tolist()
    ([True, True, False], [0, 0, -1])
    """

    threshold: float | None = None

    name: ClassVar[str] = "duplicate_text"
    modality: ClassVar[str] = "text"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = (
        "Texts that others repeat, but for case, spaces, punctuation and small changes."
    )
    advice: ClassVar[str] = "Keep one of each set; between training and test data keep none."
    produces: ClassVar[dict[str, Kind]] = {
        "near_duplicate_sets": "rows",
        "near_duplicate_set": "number",
        "is_kept": "bool",
        "similarity": "number",
    }

    def __post_init__(self) -> None:
        """Check the options."""
        if self.threshold is not None:
            finite_number(self.threshold, name="threshold")
            if not 0 < self.threshold <= 1:
                raise InputError(
                    f"duplicate_text: `threshold` is a similarity in (0, 1], got {self.threshold}"
                )

    def find_issues(self, text: list[str]) -> Findings:
        """Find the sets of equal and nearly equal texts."""
        keys = [normalised(one) for one in text]
        unique, row_of, of_row = _distinct(keys)
        left, right, similar, threshold = _alike(unique, self.threshold)
        best = np.zeros(len(unique) + 1)
        np.maximum.at(best, left, similar)
        np.maximum.at(best, right, similar)
        near = similar >= threshold
        copies = np.flatnonzero((of_row >= 0) & (row_of[of_row] != np.arange(len(text))))
        best[of_row[copies]] = 1.0
        firsts = np.concatenate([row_of[left[near]], row_of[of_row[copies]]])
        others = np.concatenate([row_of[right[near]], copies])
        both = np.concatenate([firsts, others]), np.concatenate([others, firsts])
        ids = set_ids(Pairs(*both, np.zeros(2 * len(firsts))), len(text))
        similarity = np.where(of_row >= 0, best[of_row], 0.0)
        return Findings(
            self.name,
            is_issue=ids >= 0,
            score=1.0 - similarity,
            columns={
                "near_duplicate_sets": _members(ids),
                "near_duplicate_set": ids,
                "is_kept": kept_rows(ids),
                "similarity": similarity,
            },
            info={
                "threshold": threshold,
                "num_sets": int(ids.max(initial=-1)) + 1,
                "num_copies": len(copies),
            },
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        others = list(row["near_duplicate_sets"])
        if not others:
            return "no other text is nearly the same"
        names = ", ".join(str(other) for other in others[:5]) + (", …" if len(others) > 5 else "")
        told = f"row{'s' if len(others) > 1 else ''} {names}"
        if row["similarity"] == 1.0:
            return f"says the same as {told}"
        return f"says nearly the same as {told} (similarity {percent(float(row['similarity']))})"


def _distinct(keys: Sequence[str]) -> tuple[list[str], IndexArray, IndexArray]:
    """Different normalised texts, the first row of each, and the one of each row (-1: empty)."""
    places: dict[str, int] = {}
    rows: list[int] = []
    of_row = np.full(len(keys), -1, dtype=np.intp)
    for row, key in enumerate(keys):
        if key:
            if key not in places:
                places[key] = len(rows)
                rows.append(row)
            of_row[row] = places[key]
    return list(places), np.array([*rows, -1], dtype=np.intp), of_row


def _alike(
    keys: Sequence[str], threshold: float | None
) -> tuple[IndexArray, IndexArray, NDArray[np.float64], float]:
    """Pairs of texts that may be alike with their similarity, and the threshold."""
    nothing = np.empty(0, dtype=np.intp)
    if len(keys) < 2 or threshold == 1:
        return nothing, nothing, np.empty(0), threshold or MOST
    signatures = _signatures(keys)
    if threshold is None:
        threshold = _threshold(keys, signatures)
    left, right = band_pairs(signatures, TIGHT_BAND if threshold >= TIGHT else LOOSE_BAND)
    agree = np.empty(len(left))
    for start in range(0, len(left), BLOCK_PAIRS):
        part = slice(start, start + BLOCK_PAIRS)
        agree[part] = (signatures[left[part]] == signatures[right[part]]).mean(axis=1)
    likely = agree >= threshold - ALLOWANCE
    left, right = left[likely], right[likely]
    exact = len(left) <= MAX_EXACT
    return left, right, _similarities(keys, left, right) if exact else agree[likely], threshold


def _similarities(keys: Sequence[str], left: IndexArray, right: IndexArray) -> NDArray[np.float64]:
    """Jaccard similarity of pairs of texts; pairs come by their left one."""
    similar = np.empty(len(left))
    at, mine = -1, np.empty(0, dtype=np.uint32)
    for pair, (one, other) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        if one != at:
            at, mine = one, shingles(keys[one])
        similar[pair] = jaccard(mine, shingles(keys[other]))
    return similar


def _signatures(keys: Sequence[str]) -> NDArray[np.uint32]:
    """MinHash signatures, shape (number of texts, 128)."""
    from datasketch import MinHash

    hashed = (shingles(key).tolist() for key in keys)
    made = MinHash.generator(hashed, num_perm=N_HASHES, hashfunc=int)
    signatures = np.empty((len(keys), N_HASHES), dtype=np.uint32)
    for at, one in enumerate(made):
        signatures[at] = one.hashvalues
    return signatures


def _threshold(keys: Sequence[str], signatures: NDArray[np.uint32]) -> float:
    """A similarity clearly above that of most texts to the one most like them.

    Short requests on a few matters resemble each other more than articles do. Seen on some texts
    spread over the sorted ones, so that the order of rows does not matter.
    """
    order = sorted(range(len(keys)), key=keys.__getitem__)
    sample = [order[i] for i in np.linspace(0, len(keys) - 1, min(SAMPLE, len(keys))).astype(int)]
    nearest = []
    for at in dict.fromkeys(sample):
        agree = (signatures == signatures[at]).mean(axis=1)
        agree[at] = -1.0
        top = np.argpartition(-agree, min(BEST, len(keys) - 1))[:BEST]
        top = top[top != at]
        nearest.append(_similarities(keys, np.full(len(top), at), top).max())
    middle, high = np.quantile(nearest, [0.5, 0.75])
    return float(np.clip(middle + SPREADS * (high - middle) / QUARTILE, LEAST, MOST))


def _members(ids: IndexArray) -> list[IndexArray]:
    """The other rows of the set of each row, at most a hundred; empty where there is none."""
    sets: list[IndexArray] = [np.empty(0, dtype=np.intp)] * len(ids)
    order = np.argsort(ids, kind="stable")
    order = order[ids[order] >= 0]
    for rows in np.split(order, np.flatnonzero(np.diff(ids[order])) + 1):
        for row in rows.tolist():
            sets[row] = rows[: MAX_LISTED + 1][rows[: MAX_LISTED + 1] != row][:MAX_LISTED]
    return sets
