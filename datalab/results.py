"""Findings as tables: projections that change nothing and keep nothing."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from datalab._check import did_you_mean
from datalab._data.source import Source
from datalab._data.values import python_values
from datalab._typing import IndexArray
from datalab.artefacts import Artefacts, Rules
from datalab.audit import Outcome
from datalab.exceptions import NotFound
from datalab.findings import Findings
from datalab.managers.base import Spec

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Outcomes",
    "class_labels",
    "explained",
    "info_of",
    "issue_frame",
    "issues_frame",
    "masking",
    "named_info",
    "requirements_frame",
    "shown_rows",
    "summary_frame",
    "table_html",
    "worst_frame",
]


class Outcomes(Sequence[Outcome]):
    """How every check of a lab ended, in order; also found by name: ``lab.outcomes["label"]``."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._by_name = {outcome.name: outcome for outcome in outcomes}

    @overload
    def __getitem__(self, key: int | str) -> Outcome: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Outcome]: ...
    def __getitem__(self, key: int | str | slice) -> Outcome | Sequence[Outcome]:
        if isinstance(key, str):
            if key not in self._by_name:
                known = did_you_mean(key, self._by_name)
                remedy = "" if self._by_name else "; call find_issues() first"
                raise NotFound(f"no check {key!r} was made: {known}{remedy}")
            return self._by_name[key]
        return list(self._by_name.values())[key]

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name or name in self._by_name.values()

    def frame(self) -> "pd.DataFrame":
        """One line per check: issue_type, status, num_issues, reason, seconds."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "issue_type": outcome.name,
                    "status": outcome.status,
                    "num_issues": outcome.findings.num_found if outcome.findings else None,
                    "reason": "; ".join(filter(None, (_told(outcome), *outcome.notes))),
                    "seconds": round(outcome.seconds, 3),
                }
                for outcome in self
            ],
            columns=["issue_type", "status", "num_issues", "reason", "seconds"],
        ).astype({"num_issues": "Int64"})

    def __repr__(self) -> str:
        return self.frame().drop(columns="seconds").to_string(index=False)

    def _repr_html_(self) -> str:
        return table_html(self.frame().drop(columns="seconds"))


def _told(outcome: Outcome) -> str:
    """Why a check ended as it did; of a finding that no single row has, that it is one."""
    findings = outcome.findings
    if findings is None or not findings.flagged or findings.num_issues:
        return outcome.reason
    return "the data set as a whole has this issue"


def table_html(frame: "pd.DataFrame", na_rep: str = "NaN") -> str:
    """A frame as a plain table, escaped, its cells aligned to the left as sentences are."""
    html = str(frame.to_html(index=False, escape=True, na_rep=na_rep))
    return html.replace("<td>", '<td style="text-align: left">')


def _findings(outcome: Outcome) -> Findings:
    if outcome.findings is None:
        raise ValueError(f"{outcome.name} has no findings")  # callers pass only found ones
    return outcome.findings


def class_labels(codes: Any, classes: Sequence[Any]) -> NDArray[Any]:
    """Class names for codes, None where the code is -1; integer classes stay integers."""
    codes = np.asarray(codes)
    names = np.empty(len(classes) + 1, dtype=object)
    names[: len(classes)] = list(classes)
    names[-1] = None
    taken: NDArray[Any] = names[codes]
    if codes.size and codes.min() >= 0 and {type(c) for c in classes} == {int}:
        return np.asarray(taken, dtype=np.int64)
    return taken


def _named_columns(
    outcome: Outcome, classes: Sequence[Any], at: IndexArray | None = None
) -> dict[str, Any]:
    """The further columns of findings, classes by name, of all rows looked at or of some places."""
    columns = dict(_findings(outcome).columns)
    if at is not None:
        for name, values in columns.items():
            whole = isinstance(values, np.ndarray)
            columns[name] = values[at] if whole else [values[i] for i in at]
    return {
        name: class_labels(values, classes)
        if outcome.spec.produces.get(name) == "class" and classes
        else values
        for name, values in columns.items()
    }


def _flags_and_scores(findings: Findings, n_rows: int) -> dict[str, Any]:
    return {
        f"is_{findings.name}_issue": _spread(findings, findings.is_issue, n_rows),
        f"{findings.name}_score": _spread(findings, findings.score, n_rows),
    }


def _spread(findings: Findings, values: NDArray[Any], n_rows: int) -> Any:
    """A column over the whole data set, missing where nothing was looked at.

    Flags and whole numbers become pandas' nullable kinds there, others NaN or None.
    """
    if findings.rows is None:
        return values
    import pandas as pd

    nullable = {"b": pd.arrays.BooleanArray, "i": pd.arrays.IntegerArray}.get(values.dtype.kind)
    if nullable is not None:
        whole = np.zeros(n_rows, dtype=values.dtype)
        whole[findings.rows] = values
        unseen = np.ones(n_rows, dtype=bool)
        unseen[findings.rows] = False
        return nullable(whole, unseen)
    fill, dtype = (np.nan, values.dtype) if values.dtype.kind == "f" else (None, object)
    spread = np.full(n_rows, fill, dtype=dtype)
    spread[findings.rows] = values
    return spread


def _by_row(findings: Findings, n_rows: int) -> bool:
    """Whether the findings are about rows at all."""
    return len(findings.is_issue) > 0 or n_rows == 0


def named_index(source: Source) -> Any:
    """The user's index, by which rows are called; None where it merely counts them."""
    index = source.index
    if type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1:
        return None
    return index


def _index(source: Source) -> Any:
    import pandas as pd

    return source.index if source.index is not None else pd.RangeIndex(source.n_rows)


def issues_frame(outcomes: Iterable[Outcome], source: Source) -> "pd.DataFrame":
    """Flag and score of every issue type, one row per example."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for outcome in outcomes:
        if _by_row(_findings(outcome), source.n_rows):
            columns |= _flags_and_scores(_findings(outcome), source.n_rows)
    return pd.DataFrame(columns, index=_index(source))


def issue_frame(outcome: Outcome, source: Source, classes: Sequence[Any]) -> "pd.DataFrame":
    """Flag, score and further columns of one issue type."""
    import pandas as pd

    findings = _findings(outcome)
    columns = _flags_and_scores(findings, source.n_rows)
    for name, values in _named_columns(outcome, classes).items():
        columns[name] = _spread(findings, _as_column(values), source.n_rows)
    return pd.DataFrame(columns, index=_index(source))


def _as_column(values: Any) -> NDArray[Any]:
    """Any column as a one-dimensional array; arrays of arrays stay one object per row."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return values
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array


def summary_frame(outcomes: Iterable[Outcome]) -> "pd.DataFrame":
    """One row per check that ran: issue_type, score, num_issues, status.

    A finding about the data set as a whole counts as one issue.
    """
    import pandas as pd

    found = [(outcome, _findings(outcome)) for outcome in outcomes]
    return pd.DataFrame(
        {
            "issue_type": [outcome.name for outcome, _ in found],
            "score": np.array([findings.summary for _, findings in found], dtype=np.float64),
            "num_issues": np.array([f.num_found for _, f in found], dtype=np.int64),
            "status": [outcome.status for outcome, _ in found],
        }
    )


def info_of(outcome: Outcome) -> dict[str, Any]:
    """A copy of the info of one type."""
    return copy.deepcopy(dict(_findings(outcome).info))


def named_info(outcome: Outcome, classes: Sequence[Any]) -> dict[str, Any]:
    """A copy of the info of one type, with classes by name."""
    info = info_of(outcome)
    named = [name for name, kind in outcome.spec.produces.items() if kind == "class"]
    if classes and any(name in info for name in named):
        for name in named:
            if name in info:
                info[name] = class_labels(info[name], classes)
        info["class_names"] = list(classes)
    return info


def explained(
    outcome: Outcome, at: IndexArray, classes: Sequence[Any], index: Any = None
) -> list[dict[str, Any]]:
    """Some rows of findings in full, with the reason in words.

    Parameters
    ----------
    outcome : Outcome
        With findings.
    at : ndarray of int
        Places within the findings (not positions in the data set).
    classes : sequence
        Class names.
    index : pandas.Index, optional
        The user's own labels of the rows; other rows are named by them in the reasons.

    Returns
    -------
    list of dict
        Keys ``row`` (position in the data set), ``score``, ``is_issue``, the further columns, and
        ``reason``.
    """
    findings = _findings(outcome)
    columns = _named_columns(outcome, classes, np.asarray(at, dtype=np.intp))
    positions = findings.positions()
    explain = getattr(outcome.manager, "explain", None)
    rows = []
    for place, i in enumerate(at):
        row: dict[str, Any] = {
            "row": int(positions[i]),
            "score": float(findings.score[i]),
            "is_issue": bool(findings.is_issue[i]),
        }
        row |= {name: values[place] for name, values in columns.items()}
        told = row if index is None else {**row, **_with_labels(outcome, row, index)}
        row["reason"] = explain(told) if explain else f"score {row['score']:.3f}"
        rows.append(row)
    return rows


def _with_labels(outcome: Outcome, row: dict[str, Any], index: Any) -> dict[str, Any]:
    """The columns that name other rows, by the user's labels in place of positions."""
    kinds = {name: kind for name, kind in outcome.spec.produces.items() if name in row}
    one = {n: index[row[n]] for n, kind in kinds.items() if kind == "row" and row[n] >= 0}
    many = {n: [index[i] for i in row[n]] for n, kind in kinds.items() if kind == "rows"}
    return one | many


def masking(outcomes: Iterable[Outcome]) -> Callable[[int, Any], Any]:
    """How values of a row may be shown: called with its position and a value of any kind.

    Managers with a method ``mask`` (`PersonalData`) have what they found hidden in all texts of
    the rows that they flag, whatever is shown of them and why. The data itself stays as it is.
    """
    rules = [
        (o.manager.mask, frozenset(o.findings.positions()[o.findings.is_issue].tolist()))
        for o in outcomes
        if o.findings is not None and hasattr(o.manager, "mask")
    ]

    def shown(row: int, value: Any) -> Any:
        for mask, flagged in rules:
            value = _masked(value, mask) if row in flagged else value
        return value

    return shown


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    """A value with its texts masked, however deep they lie in it."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list | tuple):
        return [_masked(one, mask) for one in value]
    if isinstance(value, dict):
        return {key: _masked(one, mask) for key, one in value.items()}
    return value


def shown_rows(
    outcomes: Iterable[Outcome], source: Source, rows: Sequence[int], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """`Source.take` for reports: some rows as they may be shown, see `masking`."""
    if not columns:
        return [{} for _ in rows]
    if not columns:
        return [{} for _ in rows]
    shown = masking(outcomes)
    return [
        {name: shown(int(row), value) for name, value in cells.items()}
        for row, cells in zip(rows, source.take(rows, columns), strict=True)
    ]


def _masked_frame(
    frame: "pd.DataFrame", rows: IndexArray, shown: Callable[[int, Any], Any]
) -> "pd.DataFrame":
    """A table of the user's rows as it may be shown; other columns stay what they are."""
    import pandas as pd

    changed = {}
    for name in frame.columns[[getattr(d, "kind", "O") not in "biufcmM" for d in frame.dtypes]]:
        values = list(frame[name])
        told = [shown(int(row), value) for row, value in zip(rows, values, strict=True)]
        same = (one is other for one, other in zip(told, values, strict=True))
        if not all(same):
            kind = frame[name].dtype
            plain = kind if isinstance(kind, pd.StringDtype) else object
            changed[name] = pd.Series(told, index=frame.index, dtype=plain)
    return frame.assign(**changed)


def worst_frame(
    outcomes: Sequence[Outcome],
    source: Source,
    classes: Sequence[Any],
    n: int,
    shown: Callable[[int, Any], Any],
) -> "pd.DataFrame":
    """The flagged rows in one order of priority, with reasons and the user's columns.

    Texts go through `shown`, see `masking`.
    """
    import pandas as pd

    rows = _priority(outcomes, source.n_rows)[: max(n, 0)]
    told: dict[int, list[tuple[str, dict[str, Any]]]] = {int(row): [] for row in rows}
    for outcome in outcomes:
        findings = _findings(outcome)
        here = np.flatnonzero(np.isin(findings.positions(), rows) & findings.is_issue)
        for row in explained(outcome, here, classes, source.index):
            told[row["row"]].append((outcome.name, row))
    ours = pd.DataFrame(
        {
            "issue": [", ".join(name for name, _ in told[int(row)]) for row in rows],
            "score": np.array([min(r["score"] for _, r in told[int(row)]) for row in rows]),
            "reason": [
                shown(int(row), "; ".join(r["reason"] for _, r in told[int(row)])) for row in rows
            ],
        },
        index=_index(source)[rows] if len(rows) else _index(source)[:0],
    )
    theirs = source.native(rows)
    if not isinstance(theirs, pd.DataFrame):
        # As they are stored: a path tells more in a table than a picture does.
        columns = {n: python_values(source.column(n, rows)) for n in source.columns}
        theirs = pd.DataFrame({n: _series(values) for n, values in columns.items()})
    theirs = theirs.set_axis(list(source.columns), axis=1).set_axis(ours.index, axis=0)
    theirs = _masked_frame(theirs, rows, shown)
    for name in theirs.columns[theirs.columns.isin(ours.columns)]:
        free = f"{name}_"
        while free in theirs.columns:
            free += "_"
        theirs = theirs.rename(columns={name: free})
    return pd.concat([ours, theirs], axis=1)


def _series(values: list[Any]) -> "pd.Series[Any]":
    """A column of the type that its values have in common, if there is one."""
    import pandas as pd

    plain = pd.Series(values, dtype=object)
    try:
        return plain.infer_objects()
    except UnicodeEncodeError:  # halves of characters, which pandas' texts cannot hold
        return plain


def _priority(outcomes: Sequence[Outcome], n_rows: int) -> IndexArray:
    """Flagged rows: most extreme score among all of its type first, then flagged by most types."""
    extreme = np.full(n_rows, np.inf)
    flags = np.zeros(n_rows, dtype=np.int64)
    for outcome in outcomes:
        findings = _findings(outcome)
        if not findings.num_issues:
            continue
        rank = np.empty(len(findings.score))
        rank[np.argsort(findings.score, kind="stable")] = np.arange(len(findings.score))
        flagged = findings.positions()[findings.is_issue]
        share = rank[findings.is_issue] / len(findings.score)
        extreme[flagged] = np.minimum(extreme[flagged], share)
        flags[flagged] += 1
    flagged = np.flatnonzero(flags)
    return flagged[np.lexsort((flagged, -flags[flagged], extreme[flagged]))]


def requirements_frame(specs: Iterable[Spec], store: Artefacts, rules: Rules) -> "pd.DataFrame":
    """What each issue type needs and uses, and whether it could run now."""
    import pandas as pd

    lines = []
    for spec in specs:
        can = all(store.distance(need, rules) is not None for need in spec.needs)
        if spec.any_of:
            can = can and any(store.distance(one, rules) is not None for one in spec.any_of)
        needs = [*spec.needs, *([" or ".join(spec.any_of)] if spec.any_of else [])]
        lines.append(
            {
                "issue_type": spec.name,
                "needs": ", ".join(needs),
                "uses": ", ".join(spec.uses),
                "ready": can,
                "default": spec.default,
            }
        )
    return pd.DataFrame(lines, columns=["issue_type", "needs", "uses", "ready", "default"])
