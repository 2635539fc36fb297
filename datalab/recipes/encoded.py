"""All columns of the data as numbers, each by what it holds."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.encoded import Encoded
from datalab._data.table import Table
from datalab._typing import FloatArray
from datalab.artefacts import Made, recipe
from datalab.exceptions import NotApplicable
from datalab.neighbors.metric import choose_metric
from datalab.recipes.from_columns import ENCODERS, Column, Options, fields_of

__all__: list[str] = []

# No more columns than these are named in a note, and of those left out so many.
MAX_NAMES, MAX_LEFT_OUT = 3, 3
# A column of which so many values go with one class each repeats the labels.
REPEATS = 0.999
# So many rows show at once that a column has more levels than there are classes.
LOOKED_AT = 1000
# Fewer columns are measurements, each in a unit of its own.
MIN_VECTOR = 32
BETTER = {
    "text": "find_issues(embed=SentenceTransformer(…).encode)",
    "image": "find_issues(embed=function of images)",
    "audio": "find_issues(embed=function of recordings)",
}


@recipe("encoded", rules=("datalab",))
def encoded_by_kind(table: Table, *, random_state: int, progress: bool) -> Made:
    """Every column by what it holds; identifiers and constant columns are left out."""
    options = Options(random_state, progress)
    columns: dict[str, Column] = {}
    left_out: dict[str, str] = {}
    for name, field, place in _each(table):
        coded = ENCODERS[place.kind(field)](place, field, options)
        if isinstance(coded, str):
            left_out[name] = coded
        elif table.answer is not None and repeats(coded, table.answer[table.positions()]):
            left_out[name] = "repeats the label"
        else:
            columns[name] = coded
    if not columns:
        why = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:3])
        raise NotApplicable(
            f"the data has no columns to make features of{f' ({why})' if why else ''}: give "
            "features="
        )
    made = assembled(columns, left_out, len(table))
    empty = np.logical_and.reduce([column.missing for column in columns.values()])
    if not empty.any():
        return Made(made, told(made))
    note = f"{told(made)}; rows without any value left out: {int(empty.sum())}"
    return Made(made, note, np.flatnonzero(~empty))


def _each(table: Table) -> Iterator[tuple[str, str, Table]]:
    """Every column with its table; those of records field by field, named "column.field"."""
    for name in table.columns:
        fields = fields_of(table, name)
        if fields is None:
            yield name, name, table
        else:
            yield from ((f"{name}.{field}", field, fields) for field in fields.columns)


def repeats(column: Column, answer: NDArray[np.int64]) -> bool:
    """Whether a column names or numbers the classes in its own way: each level goes with one."""
    n_classes = int(answer.max(initial=0)) + 1
    levels: NDArray[np.integer] | None = column.codes
    if column.numbers is not None and column.numbers.shape[1] == 1:
        if len(np.unique(column.numbers[:LOOKED_AT])) > 2 * n_classes:
            return False
        levels = np.unique(column.numbers[:, 0], return_inverse=True)[1]
    known = answer >= 0
    if levels is None or column.missing[known].any() or levels.max() >= 2 * n_classes:
        return False
    joint = np.zeros((int(levels.max()) + 1, n_classes), dtype=np.int64)
    np.add.at(joint, (levels[known], answer[known]), 1)
    least = REPEATS * known.sum()
    return bool(
        np.count_nonzero(joint.sum(axis=0)) > 1
        and joint.max(axis=0).sum() >= least
        and joint.max(axis=1).sum() >= least
    )


def assembled(columns: dict[str, Column], left_out: dict[str, str], n_rows: int) -> Encoded:
    """The columns of one data set, put together."""
    import scipy.sparse as sp

    numbers = {name: c.numbers for name, c in columns.items() if c.numbers is not None}
    codes = {name: c.codes for name, c in columns.items() if c.codes is not None}
    vectors = [(name, *told) for name, c in columns.items() for told in c.vectors.items()]
    terms = [c.terms for c in columns.values() if c.terms is not None]
    if _share_a_unit(list(numbers.values())):
        together = _beside(list(numbers.values()), n_rows)
        vectors, numbers = [("numeric columns", "", together), *vectors], {}
    repeated = [name for name, block in numbers.items() for _ in range(block.shape[1])]
    return Encoded(
        numbers=_beside(list(numbers.values()), n_rows),
        categories=_beside([c[:, None] for c in codes.values()], n_rows).astype(np.int32),
        vectors=tuple(block for _, _, block in vectors),
        terms=sp.csr_array(sp.hstack(terms, format="csr"), dtype=np.float32) if terms else None,
        names=(*repeated, *codes, *(name for name, _, _ in vectors)),
        parts=tuple(part for _, part, _ in vectors),
        kinds={name: column.kind for name, column in columns.items()},
        left_out=left_out,
    )


def _share_a_unit(blocks: list[Any]) -> bool:
    """Whether numeric columns are parts of one thing, such as pixels, as distances see it."""
    if sum(block.shape[1] for block in blocks) < MIN_VECTOR:
        return False
    whole = np.hstack(blocks)
    return not np.isnan(whole).any() and choose_metric(whole).scale is None


def _beside(blocks: list[Any], n_rows: int) -> FloatArray:
    whole: FloatArray = np.hstack([np.empty((n_rows, 0), dtype=np.float32), *blocks])
    return whole


def told(made: Encoded) -> str:
    """In one line, what was used, what was not, and what would do better."""
    kinds = Counter(made.kinds.values())
    note = ", ".join(f"{n} {_plural(kind, n)}" for kind, n in kinds.items())
    if len(made.kinds) <= MAX_NAMES:
        note += f" ({', '.join(made.kinds)})"
    if made.left_out:
        out = [f"{name}: {reason}" for name, reason in list(made.left_out.items())[:MAX_LEFT_OUT]]
        more = len(made.left_out) - MAX_LEFT_OUT
        note += f"; left out: {', '.join(out)}{f' and {more} more' if more > 0 else ''}"
    better = [hint for kind, hint in BETTER.items() if kind in kinds]
    return f"{note}. Better: {better[0]}" if better else note


def _plural(kind: str, number: int) -> str:
    words = {"number": "numeric columns", "bool": "numeric columns", "category": "categories"}
    one = {"number": "numeric column", "audio": "audio column"}
    if number == 1:
        return one.get(kind, kind)
    return words.get(kind, f"{kind}s" if kind != "audio" else "audio columns")
