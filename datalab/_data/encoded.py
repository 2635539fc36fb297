"""All columns of a data set as numbers: what models are fitted on and distances are taken of.

`Encoded` holds the columns in compact form. Its views lay some rows out as one matrix when they
are asked for, so that no view of all rows ever stands in memory.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.neighbors.metric import choose_metric, column_spread

__all__ = ["Encoded", "View", "as_encoded", "dense_view", "term_view", "tree_view"]

# Values further than this from the median, in spreads, are drawn in by a logarithm.
TAIL = 3.0
# A level of a category that fewer rows have tells more about the rows than about the level.
MIN_LEVEL = 3
# One column takes at most so many columns of zeros and ones, all columns together so many.
MAX_LEVELS, MAX_ONE_HOT = 60, 1000
# Spreads of columns are measured on so many rows.
SAMPLE = 50_000
# Beside columns of a table, trees see so many columns of a vector, those that vary most: they look
# at some columns at a time, and would see little else.
TREE_COLUMNS = 30


@dataclass(frozen=True)
class Encoded:
    """The columns of N rows.

    Parameters
    ----------
    numbers : ndarray of shape (N, P), float32
        NaN where missing.
    categories : ndarray of shape (N, C), int32
        Levels by falling frequency: 0 is the most frequent one; -1 where missing.
    vectors : tuple of ndarray of shape (N, d), float32
        Blocks of columns that belong together (a text, an image, an embedding), 0 where missing.
    terms : scipy.sparse.csr_array of shape (N, T), optional
        Weights of words and characters of all texts.
    names : tuple of str
        The columns of the data set in the order of `numbers`, `categories`, `vectors`.
    parts : tuple of str
        What each of the `vectors` tells of its column, where that has several; else empty.
    kinds : mapping of str to str
        For every column that was used, what it was taken for.
    left_out : mapping of str to str
        For every other column, why.
    """

    numbers: FloatArray
    categories: NDArray[np.int32]
    vectors: tuple[FloatArray, ...] = ()
    terms: Any = None
    names: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    kinds: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: IndexArray) -> "Encoded":
        return replace(
            self,
            numbers=self.numbers[rows],
            categories=self.categories[rows],
            vectors=tuple(block[rows] for block in self.vectors),
            terms=None if self.terms is None else self.terms[rows],
        )

    @property
    def is_table(self) -> bool:
        """Whether there are columns of numbers or categories, beside texts and images."""
        return bool(self.numbers.shape[1] + self.categories.shape[1])

    def only(self, names: set[str]) -> "Encoded":
        """These columns of the data set only, without their terms."""
        n_numbers, n_categories = self.numbers.shape[1], self.categories.shape[1]
        chosen = np.array([name in names for name in self.names], dtype=bool)
        first, second = n_numbers, n_numbers + n_categories
        kept = np.flatnonzero(chosen[second:])
        return replace(
            self,
            numbers=self.numbers[:, chosen[:first]],
            categories=self.categories[:, chosen[first:second]],
            vectors=tuple(self.vectors[at] for at in kept),
            terms=None,
            names=tuple(np.array(self.names, dtype=object)[chosen]),
            parts=tuple(self.parts[at] for at in kept) if self.parts else (),
        )


@dataclass(frozen=True)
class View:
    """Rows of a matrix, laid out when they are asked for.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rows_of : callable
        Called with positions; returns these rows of the matrix.
    categories : ndarray of bool, optional
        Which columns hold codes of categories.
    """

    shape: tuple[int, int]
    rows_of: Callable[[IndexArray], Any]
    categories: BoolArray | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: IndexArray) -> Any:
        return self.rows_of(np.asarray(rows, dtype=np.intp))


def as_encoded(features: FloatArray) -> Encoded:
    """Features that the user gave: columns of a table, or one vector that keeps its proportions.

    Parameters
    ----------
    features : ndarray of float, shape (N, M)
        Finite.
    """
    none = np.empty((len(features), 0), dtype=np.int32)
    values = np.asarray(features, dtype=np.float32)
    if choose_metric(features).scale is None:
        empty = np.empty((len(features), 0), dtype=np.float32)
        return Encoded(empty, none, (values,), names=("features",))
    return Encoded(values, none, names=tuple(map(str, range(values.shape[1]))))


def term_view(encoded: Encoded) -> View | None:
    """Weights of words and characters, sparse; None without texts."""
    terms = encoded.terms
    return None if terms is None else View(terms.shape, lambda rows: terms[rows])


def tree_view(encoded: Encoded) -> View:
    """For trees: numbers with gaps, codes of categories, vectors as they are.

    Vectors beside other columns are cut to the columns that vary most.
    """
    n_numbers, n_categories = encoded.numbers.shape[1], encoded.categories.shape[1]
    vectors = encoded.vectors
    if encoded.is_table:
        sample = _evenly(len(encoded), SAMPLE)
        vectors = tuple(_widest(block, sample) for block in vectors)
    width = n_numbers + n_categories + sum(block.shape[1] for block in vectors)
    coded = np.zeros(width, dtype=bool)
    coded[n_numbers : n_numbers + n_categories] = True

    def rows_of(rows: IndexArray) -> FloatArray:
        codes = encoded.categories[rows].astype(np.float32)
        codes[codes < 0] = np.nan
        return np.hstack([encoded.numbers[rows], codes, *(b[rows] for b in vectors)])

    return View((len(encoded), width), rows_of, coded)


def _widest(block: FloatArray, sample: IndexArray) -> FloatArray:
    """The columns of a vector that vary most, in their order."""
    if block.shape[1] <= TREE_COLUMNS:
        return block
    around = block[sample].var(axis=0)
    return block[:, np.sort(np.argsort(-around, kind="stable")[:TREE_COLUMNS])]


def dense_view(encoded: Encoded) -> View:
    """For distances and linear models: all columns in comparable units, nothing missing.

    Numbers are centred at the median and divided by a spread that outliers do not change, values
    far out drawn in by a logarithm, missing ones put at the median and told by a column of their
    own. Frequent levels of a category are columns of 0 and 1. Each vector has the weight of the
    square root of its length in columns.
    """
    sample = _evenly(len(encoded), SAMPLE)
    parts = [
        *_number_parts(encoded.numbers, sample),
        *_category_parts(encoded.categories),
        *(_vector_part(block, sample) for block in encoded.vectors),
    ]
    width = sum(columns for columns, _ in parts)

    def rows_of(rows: IndexArray) -> FloatArray:
        laid = [part(rows) for _, part in parts]
        return np.hstack([np.empty((len(rows), 0), dtype=np.float32), *laid])

    return View((len(encoded), width), rows_of)


Part = tuple[int, Callable[[IndexArray], FloatArray]]


def _evenly(n_rows: int, size: int) -> IndexArray:
    return np.unique(np.linspace(0, max(n_rows - 1, 0), min(n_rows, size)).astype(np.intp))


def _number_parts(numbers: FloatArray, sample: IndexArray) -> list[Part]:
    if not numbers.shape[1] or not len(numbers):
        return []
    seen = numbers[sample].astype(np.float64)
    missing = np.isnan(seen)
    filled = np.where(missing, 0.0, seen)
    middle = np.zeros(numbers.shape[1])
    some = ~missing.all(axis=0)
    middle[some] = np.nanmedian(seen[:, some], axis=0)
    spread = column_spread(np.where(missing, middle, filled))
    gappy = np.flatnonzero((missing.mean(axis=0) > 0.005) & (missing.mean(axis=0) < 0.995))

    def scaled(rows: IndexArray) -> FloatArray:
        values = (numbers[rows] - middle) / spread
        values = np.where(np.isnan(values), 0.0, values)
        far = np.abs(values)
        drawn_in = np.sign(values) * (TAIL + np.log1p(np.maximum(far - TAIL, 0.0)))
        return np.where(far > TAIL, drawn_in, values).astype(np.float32)

    def gaps(rows: IndexArray) -> FloatArray:
        return np.isnan(numbers[np.ix_(rows, gappy)]).astype(np.float32)

    return [(numbers.shape[1], scaled), (len(gappy), gaps)]


def _category_parts(categories: NDArray[np.int32]) -> list[Part]:
    n_columns = categories.shape[1]
    if not n_columns:
        return []
    most = int(np.clip(MAX_ONE_HOT // n_columns, 4, MAX_LEVELS))
    parts = []
    for at in range(n_columns):
        codes = categories[:, at]
        counts = np.bincount(codes[codes >= 0], minlength=1)
        kept = int(min((counts >= MIN_LEVEL).sum(), most))
        if kept:
            parts.append((kept, _one_hot(codes, kept)))
    return parts


def _one_hot(codes: NDArray[np.int32], kept: int) -> Callable[[IndexArray], FloatArray]:
    """Rows of another level, a rare one or a missing one, are all zeros."""
    levels = np.arange(kept)
    # Two rows of different levels are as far apart as one spread of a number.
    apart = np.float32(np.sqrt(0.5))
    return lambda rows: (codes[rows][:, None] == levels) * apart


def _vector_part(block: FloatArray, sample: IndexArray) -> Part:
    middle = block[sample].mean(axis=0) if len(sample) else np.zeros(block.shape[1])
    around = float(block[sample].var(axis=0).sum()) if len(sample) else 0.0
    scale = np.sqrt(np.sqrt(block.shape[1]) / around) if around > 0 else 1.0
    centre, factor = middle.astype(np.float32), np.float32(scale)
    return block.shape[1], lambda rows: (block[rows] - centre) * factor
