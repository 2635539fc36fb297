"""Examples of one part of the data that stand in another part too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._check import finite_number, listing, whole_number
from datalab._core.duplicate import EQUAL, components, copy_scores
from datalab._core.image import similar_pairs
from datalab._core.leakage import (
    Links,
    equal_links,
    joined_links,
    near_links,
    nearest_links,
    nearest_of,
    own_scale,
    pair_counts,
    share_of_its_own,
)
from datalab._core.text import jaccard, normalised, shingles
from datalab._data.content import describing_columns, equal_rows
from datalab._data.table import Table
from datalab._typing import IndexArray
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind
from datalab.managers.image import NearDuplicateImage, Properties
from datalab.managers.text_duplicate import DuplicateText
from datalab.neighbors.graph import KNNGraph

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SplitLeakage"]

# More parts than this are no splits: the column holds something else.
MAX_PARTS = 50
# When fewer rows than this share of them are the only ones of their kind within their own part,
# the columns are too coarse for equality to mean that two rows are copies.
ENOUGH_OF_THEIR_OWN = 0.5
MAX_NAMED = 8  # columns that are named
# What is trained on gives way, what is tested on stays; names that say neither stand between.
TRAINED, UNKNOWN, VALIDATED, TESTED = range(4)
WORDS = {
    "train": TRAINED, "training": TRAINED, "fit": TRAINED,
    "val": VALIDATED, "valid": VALIDATED, "validation": VALIDATED, "dev": VALIDATED,
    "test": TESTED, "testing": TESTED, "eval": TESTED, "evaluation": TESTED, "holdout": TESTED,
}  # fmt: skip


class _Parts(NamedTuple):
    """The parts of the data, those that give way first."""

    names: tuple[str, ...]
    code: NDArray[np.int64]  # of each row, -1 where its part is not known
    sizes: NDArray[np.int64]


@dataclass(frozen=True)
class SplitLeakage:
    """Examples that stand, equal or nearly so, in another part of the data as well.

    A model that has seen a test example in training is not tested by it. Rows are compared by the
    graph of neighbours (for texts and images only when features or a graph are given), by their
    texts as ``duplicate_text`` does, by their images as ``near_duplicate_image`` does, and for
    equality in all columns that describe them. Rows of all parts concerned are flagged;
    ``is_kept`` is False for those to drop, which are those of the part that is trained on.

    Parameters
    ----------
    metric : str, optional
        How features are compared; by default chosen from the data.
    threshold : float
        Two examples are near when the distance of their features is below `threshold` times the
        median distance to the nearest neighbour within the own part.
    k : int
        Number of neighbours that are looked at; a graph that is given is used whole.
    absolute_threshold : float, optional
        Two examples are near up to this distance; takes the place of `threshold`.

    Notes
    -----
    The score is ``1 - exp(-d / m)`` of the distance d to the nearest known neighbour in another
    part, for the median m, or the distance of texts or images (0 equal, 1 unrelated) where that is
    less; 1 where nothing near is known. The summary is the largest
    share of a part that is sound. Columns: ``leak_partner`` (the nearest row in another part, -1
    for none), ``partner_split``, ``partner_distance`` and ``is_exact``. ``info["split_pairs"]`` is
    a table of the pairs of parts: which one to drop rows from, how many, and how much of the other
    part they spoil. What is kept and dropped follows from the names of the parts (train gives
    way to validation, and both to test); of others, the larger part gives way. With ``groups=`` of
    `Datalab`, ``info["num_shared_groups"]`` counts groups with rows in several parts, which leak
    without being copies.

    Near copies beyond the k neighbours of both rows are not seen; equal ones all are. O(N k log N)
    time and O(N k) memory, beside the graph.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.neighbors import knn_graph
    >>> features = np.array([[0.0], [10.0], [20.0], [30.0], [10.0], [41.0]])
    >>> split = np.array(["train"] * 4 + ["test"] * 2, dtype=object)
    >>> found = SplitLeakage(k=2).find_issues(split, knn_graph(features, k=2))
    >>> np.flatnonzero(found.is_issue).tolist(), np.flatnonzero(~found.columns["is_kept"]).tolist()
    ([1, 4], [1])
    >>> found.info["split_pairs"][["drop_from", "keep", "rows_to_drop", "leaked_share"]]
      drop_from  keep  rows_to_drop  leaked_share
    0     train  test             1           0.5
    """

    metric: Any = None
    threshold: float = 0.13
    k: int = 10
    absolute_threshold: float | None = None

    name: ClassVar[str] = "split_leakage"
    beyond_reference: ClassVar[bool] = True
    modality: ClassVar[str] = "split"
    description: ClassVar[str] = (
        "Examples that stand, equal or nearly so, in another split as well."
    )
    advice: ClassVar[str] = (
        "Drop the rows of the training split (is_kept is False there); keep the test split as it "
        "is, and split by group next time."
    )
    not_made_beside: ClassVar[dict[str, tuple[str, ...]]] = {"knn_graph": ("text", "images")}
    produces: ClassVar[dict[str, Kind]] = {
        "leak_partner": "row",
        "partner_split": "text",
        "partner_distance": "number",
        "is_exact": "bool",
        "is_kept": "bool",
    }

    def __post_init__(self) -> None:
        """Check the options."""
        whole_number(self.k, name="k", least=1)
        finite_number(self.threshold, name="threshold")
        if self.threshold < 0:
            raise InputError(f"`threshold` must be >= 0, got {self.threshold}")
        if self.absolute_threshold is not None:
            finite_number(self.absolute_threshold, name="absolute_threshold")
            if self.absolute_threshold < 0:
                raise InputError(
                    f"`absolute_threshold` is a distance and must be >= 0, got "
                    f"{self.absolute_threshold}"
                )

    def find_issues(
        self,
        split: NDArray[Any],
        knn_graph: KNNGraph | None = None,
        table: Table | None = None,
        text: list[str] | None = None,
        image_properties: Properties | None = None,
        groups: IndexArray | None = None,
    ) -> Findings:
        """Find rows that have a partner in another split."""
        parts = _read_parts(split)
        part = parts.code
        compared: list[str] = []
        coarse: list[str] = []
        found: list[Links] = []
        info: dict[str, Any] = {}
        score = np.ones(len(split))
        if knn_graph is not None:
            graph = knn_graph.nearest(self.k)
            links, score, info = self._near(graph, part)
            found.append(links)
            compared.append(f"{graph.metric} distance of features")
        if text is not None:
            found.append(_text_links(text, part))
            compared.append("texts")
        if image_properties is not None:
            found.append(_image_links(image_properties, part))
            compared.append("images")
        for columns, ids in _equal(parts, table):
            if share_of_its_own(ids, part) < ENOUGH_OF_THEIR_OWN:
                coarse.append(columns)
                continue
            compared.append(f"equality of {columns}")
            found.append(equal_links(ids, part))
        if not found:
            reason = "there is nothing to compare rows by"
            if coarse:
                reason = f"most rows have many equals in {coarse[0]}"
            raise NotApplicable(f"{reason}: give features=")
        links = nearest_links(joined_links(found), part)
        np.minimum.at(score, links.row, links.distance)
        if groups is not None:
            info["num_shared_groups"] = _shared_groups(groups, part)
        return self._findings(links, score, parts, {"compared": compared, **info})

    def _near(
        self, graph: KNNGraph, part: NDArray[np.int64]
    ) -> tuple[Links, NDArray[np.float64], dict[str, Any]]:
        """Links to near and to equal neighbours, the scores, and what was measured."""
        known = part >= 0
        elsewhere = (part[graph.indices] != part[:, None]) & known[:, None]
        elsewhere &= known[graph.indices]
        scale = own_scale(graph.distances, elsewhere)
        close = graph.distances < self.threshold * scale
        if self.absolute_threshold is not None:
            radius = self.absolute_threshold
            close = (graph.distances < radius) | (graph.distances == np.float32(radius))
        row, column = np.nonzero(graph.distances < EQUAL)
        equal = components(row, graph.indices[row, column], graph.n_rows)
        links = [
            near_links(graph.indices, graph.distances, close & elsewhere),
            equal_links(np.where(known, equal, -1), part),
        ]
        score = copy_scores(nearest_of(graph.distances, elsewhere), scale)
        info = {
            "metric": graph.metric,
            "k": graph.k,
            "threshold": self.threshold,
            "absolute_threshold": self.absolute_threshold,
            "median_distance": scale,
        }
        return joined_links(links), score, info

    def _findings(
        self, links: Links, score: NDArray[np.float64], parts: _Parts, info: dict[str, Any]
    ) -> Findings:
        n_rows = len(score)
        rows, first = np.unique(links.row, return_index=True)
        is_issue, is_exact, is_kept = np.zeros((3, n_rows), dtype=bool)
        partner, distance = np.full(n_rows, -1, dtype=np.intp), np.full(n_rows, np.nan)
        is_issue[rows] = True
        is_exact[rows] = links.is_equal[first]
        partner[rows], distance[rows] = links.partner[first], links.distance[first]
        is_kept[:] = True
        is_kept[links.row[parts.code[links.partner] > parts.code[links.row]]] = False
        theirs = np.array([*parts.names, None], dtype=object)[parts.code[partner]]
        theirs[~is_issue] = None
        pairs = _pair_table(links, parts)
        return Findings(
            self.name,
            is_issue=is_issue,
            score=np.where(is_exact, 0.0, score),
            summary=1.0 - max(pairs["leaked_share"], default=0.0),
            columns={
                "leak_partner": partner,
                "partner_split": theirs,
                "partner_distance": distance,
                "is_exact": is_exact,
                "is_kept": is_kept,
            },
            info=info
            | {
                "split_pairs": pairs,
                "split_sizes": dict(zip(parts.names, parts.sizes.tolist(), strict=True)),
                "rows_without_split": int(np.count_nonzero(parts.code < 0)),
                "num_rows_to_drop": int(np.count_nonzero(~is_kept)),
            },
        )

    def sum_up(self, found: Findings) -> str:
        """What told that rows are copies."""
        told = f"rows are compared by {' and by '.join(found.info['compared'])}"
        shared = found.info.get("num_shared_groups")
        if shared:
            told += f"; groups with rows in several splits: {shared}"
        return told

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        if row["leak_partner"] is None or row["partner_split"] is None:
            return "no row of another split is nearly the same"
        alike = "equal to" if row["is_exact"] else "nearly the same as"
        told = f"{alike} row {row['leak_partner']} of {row['partner_split']!r}"
        return f"{told}; {'keep' if row['is_kept'] else 'drop'} this one"


def _read_parts(split: NDArray[Any]) -> _Parts:
    """The parts in the order in which they give way."""
    known = np.array([one is not None for one in split], dtype=bool)
    names, code, sizes = np.unique(
        split[known].astype(str), return_inverse=True, return_counts=True
    )
    if len(names) < 2:
        raise NotApplicable(
            f"needs at least two splits to compare, found {listing(names.tolist())}"
        )
    if len(names) > MAX_PARTS:
        raise NotApplicable(
            f"the split column has {len(names)} different values ({listing(names.tolist())}), "
            f"more than {MAX_PARTS} splits: give split= the column that says train, test, …"
        )
    purpose = np.array([_purpose(name) for name in names.tolist()])
    order = np.lexsort((names, -sizes, purpose))
    codes = np.full(len(split), -1, dtype=np.int64)
    codes[known] = np.argsort(order)[code]
    return _Parts(tuple(names[order].tolist()), codes, sizes[order].astype(np.int64))


def _purpose(name: str) -> int:
    """What a part is for, by the words in its name."""
    words = re.findall("[a-z]+", name.lower())
    purpose = max((WORDS[word] for word in words if word in WORDS), default=UNKNOWN)
    if words[:1] == ["not"]:  # of a column that says yes and no, such as is_test
        return {TRAINED: TESTED, VALIDATED: TRAINED, TESTED: TRAINED}.get(purpose, UNKNOWN)
    return purpose


def _shared_groups(groups: IndexArray, part: NDArray[np.int64]) -> int:
    """How many groups have rows in several parts."""
    known = part >= 0
    both = np.unique(np.column_stack([groups[known], part[known]]), axis=0)
    return int(np.count_nonzero(np.unique(both[:, 0], return_counts=True)[1] > 1))


def _equal(parts: _Parts, table: Table | None) -> list[tuple[str, IndexArray]]:
    """The names of the columns that describe rows, with the ids that equal rows share."""
    if table is None:
        return []
    each = [np.flatnonzero(parts.code == code) for code in range(len(parts.names))]
    columns = describing_columns(table, each)
    if not columns:
        return []
    more = ", …" if len(columns) > MAX_NAMED else ""
    ids = np.where(parts.code >= 0, equal_rows(table, columns), -1)
    return [(", ".join(columns[:MAX_NAMED]) + more, ids)]


def _text_links(text: list[str], part: NDArray[np.int64]) -> Links:
    """Links between texts that say the same, or nearly so; the distance is 1 - similarity."""
    sets = np.asarray(DuplicateText().find_issues(text).columns["near_duplicate_set"])
    links = equal_links(np.where(part >= 0, sets, -1), part)
    keys = {row: normalised(text[row]) for row in np.unique(links.row).tolist()}
    runs = {row: shingles(key) for row, key in keys.items()}
    pairs = list(zip(links.row.tolist(), links.partner.tolist(), strict=True))
    equal = np.array([keys[one] == keys[other] for one, other in pairs], dtype=bool)
    distance = np.array([1.0 - jaccard(runs[one], runs[other]) for one, other in pairs])
    return Links(links.row, links.partner, np.where(equal, 0.0, distance), equal)


def _image_links(properties: Properties, part: NDArray[np.int64]) -> Links:
    """Links between images that look alike; the distance is twice the share of different bits."""
    pixels = np.unique(properties["pixels"], axis=0, return_inverse=True)[1].ravel()
    equal = equal_links(np.where(part >= 0, pixels, -1), part)
    pairs = similar_pairs(properties, NearDuplicateImage().threshold)
    apart = (part[pairs.left] != part[pairs.right]) & (part[pairs.left] >= 0)
    apart &= part[pairs.right] >= 0
    left, right, length = pairs.left[apart], pairs.right[apart], pairs.length[apart]
    alike = Links(left, right, 2.0 * length.astype(np.float64), np.zeros(len(left), dtype=bool))
    return joined_links([equal, alike])


def _pair_table(links: Links, parts: _Parts) -> "pd.DataFrame":
    """Pairs of parts that share examples, the most spoiled first."""
    import pandas as pd

    n = len(parts.names)
    rows = pair_counts(links.row, links.partner, parts.code, n)
    exact = pair_counts(links.row[links.is_equal], links.partner[links.is_equal], parts.code, n)
    drop, keep = np.nonzero(np.triu(rows))
    table = pd.DataFrame(
        {
            "drop_from": [parts.names[code] for code in drop],
            "keep": [parts.names[code] for code in keep],
            "rows_to_drop": rows[drop, keep],
            "leaked_rows": rows[keep, drop],
            "leaked_share": rows[keep, drop] / parts.sizes[keep],
            "exact_rows": exact[keep, drop],
        }
    )
    return table.sort_values("leaked_share", ascending=False, kind="stable", ignore_index=True)
