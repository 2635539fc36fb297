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
    distinct,
    score,
    share,
    show,
)
from datalab.views.model import Matrix, Table

__all__ = ["ALWAYS_SHOWN", "EVIDENCE"]

MATRIX_CLASSES = 12  # up to so many classes, given × suggested is shown as a whole
TABLE_ROWS = 10
SET_CHECKS = (
    "near_duplicate", "duplicate_text", "exact_duplicate_image", "near_duplicate_image",
)  # fmt: skip
IMAGE_CHECKS = (
    "dark", "light", "low_information", "odd_aspect_ratio", "odd_size", "grayscale", "blurry",
)  # fmt: skip


def _confusion(lab: Any, outcome: Outcome) -> dict[str, Any]:
    """Given × suggested: the whole matrix when it is small, else the most frequent pairs."""
    columns = outcome.findings.columns if outcome.findings else {}
    if lab.task != "classification" or not {"given_label", "predicted_label"} <= set(columns):
        return {}
    given, suggested = np.asarray(columns["given_label"]), np.asarray(columns["predicted_label"])
    names = distinct([class_name(name) for name in lab.class_names])
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
    title = "Where given and most probable class differ most often"
    return {"table": Table(title, ("given", "suggested", "rows"), rows, bars)} if rows else {}


def _class_sizes(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """How many rows each class has, rarest first."""
    labels = lab.labels
    sizes = np.bincount(labels[labels >= 0], minlength=len(lab.class_names))
    order = np.argsort(sizes, kind="stable")
    half = TABLE_ROWS // 2
    few = len(order) <= TABLE_ROWS
    names = distinct([class_name(name) for name in lab.class_names])
    picked = order.tolist() if few else [*order[:half].tolist(), *order[-half:].tolist()]
    rows = tuple(
        (
            Cell(names[k], "given"),
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


def _identifiers(lab: Any, outcome: Outcome) -> dict[str, Any]:
    """The columns that number the rows, with the first of their values."""
    found = _info(outcome).get("identifier_columns", ())
    if not len(found):
        return {}
    rows = []
    for one in found[:TABLE_ROWS]:
        name = one if isinstance(one, str) else f"feature {one}"
        first = [show(v, NAME_LIMIT).text for v in _first_values(lab, one)]
        told = Cell(", ".join([*first, "…"]), "text")
        rows.append((Cell(clean_text(name, NAME_LIMIT), "text"), told))
    title = counted(len(found), "column")
    if len(found) > TABLE_ROWS:
        title += f", the first {TABLE_ROWS}"
    return {"table": Table(title, ("column", "begins with"), tuple(rows))}


def _first_values(lab: Any, column: Any) -> list[Any]:
    """The first values of a column of the data, or of the features."""
    at = np.arange(min(3, len(lab)))
    if isinstance(column, str):
        return [row[column] for row in lab._source.take(at, [column])]
    features = lab._artefacts.current("features")
    return [] if features is None else features.value[at, column].tolist()


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
    title = "Rows between nearest neighbours"
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


def _given_away(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """The properties of images that tell their labels best."""
    properties = _info(outcome).get("properties")
    if properties is None:
        return {}
    told = properties.sort_values("score", kind="stable").head(TABLE_ROWS)
    rows = tuple(
        (
            Cell(str(row["property"]).removesuffix("_score").replace("_", " "), "text"),
            Cell(share(row["accuracy"]), "number"),
            Cell("yes" if row["is_reported"] else "no", "text"),
        )
        for row in told.to_dict("records")
    )
    bars = tuple(float(1.0 - score) for score in told["score"])
    return {
        "table": Table(
            "Labels predicted from one property alone",
            ("property", "right", "reported"),
            rows,
            bars,
        )
    }


def _how_images_look(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """Why few are flagged where many images have a low score."""
    info = _info(outcome)
    if not info.get("issue_threshold", 1.0) < info.get("threshold", 0.0):
        return {}
    rows = (
        (Cell("scores below the threshold", "text"), Cell(share(info["prevalence"]), "number")),
        (Cell("threshold", "text"), Cell(score(info["threshold"]), "number")),
        (Cell("flagged below", "text"), Cell(score(info["issue_threshold"]), "number")),
    )
    return {"table": Table("Many images of this data set look like that", ("", ""), rows)}


def _sets(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """How large the sets of near duplicates are, and how many rows they cost."""
    columns = outcome.findings.columns if outcome.findings else {}
    ids = np.asarray(columns.get("near_duplicate_set", ()), dtype=np.int64)
    if not (ids >= 0).any():
        return {}
    members = np.bincount(ids[ids >= 0])
    sizes, number_of = np.unique(members[members > 0], return_counts=True)
    spare = (sizes - 1) * number_of
    rows = [
        (_count_cell(size), _count_cell(n), _count_cell(rows))
        for size, n, rows in zip(sizes, number_of, spare, strict=True)
    ]
    if len(rows) > TABLE_ROWS:
        last = TABLE_ROWS - 1
        least = Cell(f"{count(sizes[last])} or more", "number")
        rest = (least, _count_cell(number_of[last:].sum()), _count_cell(spare[last:].sum()))
        rows = [*rows[:last], rest]
    told = f"{counted(int(number_of.sum()), 'set')}, {counted(int(spare.sum()), 'row')} to drop"
    return {"table": Table(told, ("rows in the set", "sets", "rows to drop"), tuple(rows))}


def _leaks(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """Pairs of splits that share rows, the most spoiled first."""
    pairs = _info(outcome).get("split_pairs")
    if pairs is None or not len(pairs):
        return {}
    shown = pairs.head(TABLE_ROWS).to_dict("records")
    rows = tuple(
        (
            Cell(clean_text(pair["drop_from"], NAME_LIMIT), "text"),
            Cell(clean_text(pair["keep"], NAME_LIMIT), "text"),
            _count_cell(pair["rows_to_drop"]),
            Cell(f"{count(pair['leaked_rows'])} ({share(pair['leaked_share'])})", "number"),
            _count_cell(pair["exact_rows"]),
        )
        for pair in shown
    )
    columns = ("drop from", "keep", "drop", "leaked", "exact")
    bars = tuple(float(pair["leaked_share"]) for pair in shown)
    return {"table": Table("Rows that stand in two splits", columns, rows, bars)}


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
    **dict.fromkeys(SET_CHECKS, _sets),
    "split_leakage": _leaks,
    "spurious_correlations": _given_away,
    **dict.fromkeys(IMAGE_CHECKS, _how_images_look),
}
# Worth knowing even when no row is flagged.
ALWAYS_SHOWN = frozenset({"null", "multi_annotator", *IMAGE_CHECKS}) - {"grayscale"}
