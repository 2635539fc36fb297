"""What belongs to one issue type only: confusions, sizes of classes, annotators, groups, …."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from datalab.audit import Outcome
from datalab.views.cells import (
    NAME_LIMIT,
    Cell,
    class_name,
    clean_text,
    count,
    counted,
    score,
    share,
    show,
)
from datalab.views.model import Matrix, Table

__all__ = ["ALWAYS_SHOWN", "EVIDENCE"]

MATRIX_CLASSES = 12  # up to so many classes, given × suggested is shown as a whole
TABLE_ROWS = 10


def _confusion(lab: Any, outcome: Outcome) -> dict[str, Any]:
    """Given × suggested: the whole matrix when it is small, else the most frequent pairs."""
    columns = outcome.findings.columns if outcome.findings else {}
    if lab.task != "classification" or not {"given_label", "predicted_label"} <= set(columns):
        return {}
    given, suggested = np.asarray(columns["given_label"]), np.asarray(columns["predicted_label"])
    names = [class_name(name) for name in lab.class_names]
    k = len(names)
    known = (given >= 0) & (suggested >= 0)
    given, suggested = given[known].astype(np.int64), suggested[known].astype(np.int64)
    if k <= MATRIX_CLASSES and max(map(len, names)) <= 12:
        counts = np.bincount(given * k + suggested, minlength=k * k).reshape(k, k)
        return {"matrix": Matrix(tuple(names), tuple(map(tuple, counts.tolist())))}
    doubted = given != suggested
    pairs, sizes = np.unique(given[doubted] * k + suggested[doubted], return_counts=True)
    top = np.argsort(-sizes, kind="stable")[:TABLE_ROWS]
    rows = tuple(
        (Cell(names[p // k], "given"), Cell(names[p % k], "suggested"), _count_cell(n))
        for p, n in zip(pairs[top].tolist(), sizes[top].tolist(), strict=True)
    )
    bars = tuple((sizes[top] / max(int(sizes.max(initial=0)), 1)).tolist())
    title = "Labels most often in doubt"
    return {"table": Table(title, ("given", "suggested", "rows"), rows, bars)} if rows else {}


def _class_sizes(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """How many rows each class has, rarest first."""
    labels = lab.labels
    sizes = np.bincount(labels[labels >= 0], minlength=len(lab.class_names))
    order = np.argsort(sizes, kind="stable")
    half = TABLE_ROWS // 2
    few = len(order) <= TABLE_ROWS
    picked = order.tolist() if few else [*order[:half].tolist(), *order[-half:].tolist()]
    rows = tuple(
        (
            Cell(class_name(lab.class_names[k]), "given"),
            _count_cell(sizes[k]),
            Cell(share(sizes[k], sizes.sum()), "number"),
        )
        for k in picked
    )
    bars = tuple(float(sizes[k] / max(sizes.max(), 1)) for k in picked)
    title = "Rows per class" if few else f"Rows per class: the {half} rarest and the {half} largest"
    return {"table": Table(title, ("class", "rows", "share"), rows, bars)}


def _missing_by_column(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """The columns with most missing values."""
    info = _info(outcome)
    shares = np.asarray(info.get("column_impact", ()), dtype=np.float64)
    names = info.get("column_names") or [f"feature {j}" for j in range(len(shares))]
    order = np.argsort(-shares, kind="stable")
    order = order[shares[order] > 0][:TABLE_ROWS]
    if not len(order):
        return {}
    rows = tuple(
        (Cell(class_name(names[j]), "text"), Cell(share(shares[j]), "number"))
        for j in order.tolist()
    )
    return {
        "table": Table(
            "Missing values by column", ("column", "missing"), rows, tuple(shares[order])
        )
    }


_STATS = {
    "annotator_quality": "quality",
    "agreement_with_consensus": "agreement",
    "worst_class": "worst class",
    "num_examples_labeled": "answers",
}


def _annotators(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """The annotators, the least reliable first."""
    stats = _info(outcome).get("annotator_stats")
    if stats is None or not len(stats):
        return {}
    stats = stats.sort_values("annotator_quality", kind="stable")
    shown = stats.head(TABLE_ROWS)
    shown = shown[[*shown.columns.drop("annotator_quality"), "annotator_quality"]]
    rows = tuple(
        (Cell(clean_text(name, NAME_LIMIT), "text"), *(_stat(value) for value in row.values()))
        for name, row in zip(shown.index, shown.to_dict("records"), strict=True)
    )
    columns = ("annotator", *(_STATS.get(str(name), str(name)) for name in shown.columns))
    title = counted(len(stats), "annotator")
    if len(stats) > TABLE_ROWS:
        title += f", the {TABLE_ROWS} least reliable"
    bars = tuple(float(np.clip(q, 0, 1)) for q in shown["annotator_quality"])
    return {"table": Table(title, columns, rows, bars)}


def _stat(value: Any) -> Cell:
    if isinstance(value, float | np.floating):
        return Cell(score(float(value)), "number")
    return show(value, NAME_LIMIT)


def _identifiers(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """The columns that number the rows."""
    found = _info(outcome).get("identifier_columns", ())
    if not len(found):
        return {}
    names = [one if isinstance(one, str) else f"feature {one}" for one in found]
    rows = tuple((Cell(clean_text(name, NAME_LIMIT), "text"),) for name in names[:TABLE_ROWS])
    title = counted(len(names), "column")
    if len(names) > TABLE_ROWS:
        title += f", the first {TABLE_ROWS}"
    return {"table": Table(title, ("column",), rows)}


def _order(lab: Any, outcome: Outcome) -> dict[str, Any]:
    """How far apart neighbours stand, and how far they would in random order."""
    info = _info(outcome)
    if "average_index_distance" not in info:
        return {}
    away = (info["average_index_distance"], info["random_index_distance"])
    names = ("in this order", "in random order")
    rows = tuple(
        (Cell(name, "text"), Cell(count(round(value)), "number"))
        for name, value in zip(names, away, strict=True)
    )
    p_value = "<0.001" if info["p-value"] < 0.001 else score(info["p-value"])
    title = f"Rows between nearest neighbours (p-value {p_value})"
    bars = tuple(float(value) / max(len(lab), 1) for value in away)
    return {"table": Table(title, ("", "mean distance in rows"), rows, bars)}


def _groups(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """The groups, the one that is predicted worst first."""
    groups = _info(outcome).get("groups")
    if groups is None:
        return {}
    order = np.argsort(groups["confidence"], kind="stable")[:TABLE_ROWS]
    rows = tuple(
        (
            Cell(str(groups["id"][k]), "text"),
            _count_cell(groups["size"][k]),
            Cell(share(groups["confidence"][k]), "number"),
        )
        for k in order.tolist()
    )
    title = f"Mean probability of the labels by group (all: {share(groups['overall_confidence'])})"
    if len(groups["id"]) > TABLE_ROWS:
        title += f", the {TABLE_ROWS} lowest"
    bars = tuple(float(groups["confidence"][k]) for k in order)
    return {"table": Table(title, ("group", "rows", "probability"), rows, bars)}


def _info(outcome: Outcome) -> Mapping[str, Any]:
    return outcome.findings.info if outcome.findings else {}


def _count_cell(value: int) -> Cell:
    return Cell(count(value), "number")


EVIDENCE: Mapping[str, Callable[[Any, Outcome], dict[str, Any]]] = {
    "label": _confusion,
    "class_imbalance": _class_sizes,
    "null": _missing_by_column,
    "multi_annotator": _annotators,
    "non_iid": _order,
    "underperforming_group": _groups,
    "identifier_column": _identifiers,
}
# Worth knowing even when no row is flagged.
ALWAYS_SHOWN = frozenset({"null", "multi_annotator"})
