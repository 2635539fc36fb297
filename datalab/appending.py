"""New rows, judged against those that are known; what was found about these stays as it is."""

import copy
import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab import audit
from datalab._check import class_codes, listing
from datalab._data.labels import Labels, MultilabelLabels, RegressionLabels
from datalab._data.source import Source, open_source
from datalab._typing import IndexArray
from datalab.artefacts import Artefact, Artefacts, select
from datalab.audit import Outcome, Step
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.neighbors import KNNGraph
from datalab.recipes.graph import graph_with_more

if TYPE_CHECKING:
    from datalab.lab import Datalab

__all__ = ["appended"]


def appended(lab: "Datalab", rows: Any, given: Mapping[str, Any]) -> "Datalab":
    """A lab with further rows; see `Datalab.append`."""
    before, more = lab._source, open_source(rows)
    _check_columns(before, more)
    other = _joined_lab(lab, lab._source.joined(more))
    fresh = _one_lab_of(lab, rows, given)
    _join_given(lab, fresh, other)
    other._artefacts.join(lab._artefacts, fresh._artefacts, lab._rules)
    whole = other._joined_graph = _whole_graph(lab, other)
    graph = None if whole is None else _of_new(whole.graph, len(lab))
    # Checks that run over all rows take the same graph; it does not stay, a later audit makes its
    # own with the metric that all rows suggest.
    store = other._artefacts.copy()
    if whole is not None:
        store.give("knn_graph", whole.graph, note="the known rows' graph, with the new ones")
    for name, outcome in lab._outcomes.items():
        other._outcomes[name] = (
            outcome if outcome.findings is None else _with_new(outcome, lab, fresh, store, graph)
        )
    line = {"step": "append", "rows_in": len(lab), "flagged": None, "rows_out": len(other)}
    other._history = [*lab._history, line | {"relabelled": 0}]
    return other


def _check_columns(before: Source, more: Source) -> None:
    lacking = [name for name in before.columns if name not in more.columns]
    others = [name for name in more.columns if name not in before.columns]
    if lacking or others:
        told = [f"they lack {listing(lacking)}"] if lacking else []
        told += [f"they have {listing(others)}, which the data has not"] if others else []
        raise InputError(f"`rows` do not fit the data: {' and '.join(told)}")


def _joined_lab(lab: "Datalab", data: Any) -> "Datalab":
    """The lab over all rows, without inputs and findings."""
    other = copy.copy(lab)
    other.data, other._source = data, open_source(data)
    if lab._labels is not None:
        labels = other._read_labels()
        other._labels = _in_known_classes(labels, lab)
    other._outcomes, other.chains, other._before = {}, [], dict(lab._outcomes)
    other._artefacts = Artefacts(other._source.n_rows)
    other._read_data()
    first = int(lab.rows.max(initial=-1)) + 1
    other._forget(rows=np.append(lab.rows, np.arange(first, first + len(other) - len(lab))))
    return other


def _in_known_classes(labels: Any, lab: "Datalab") -> Any:
    """Labels coded in the classes that the lab has; a new class is refused."""
    if not isinstance(labels, (Labels, MultilabelLabels)):
        return labels
    known = {value: code for code, value in enumerate(lab.class_names)}
    new = [value for value in labels.classes if value not in known]
    if new:
        raise InputError(
            f"`rows` have labels that are no class of the data: {listing(new)}; the classes are "
            f"{listing(lab.class_names, 20)}. Audit all rows anew to add a class"
        )
    from datalab.store import in_classes

    return in_classes(labels, lab.class_names)


def _one_lab_of(lab: "Datalab", rows: Any, given: Mapping[str, Any]) -> "Datalab":
    """The new rows alone, read and checked as the others were."""
    fresh = copy.copy(lab)
    fresh.data, fresh._source = rows, open_source(rows)
    fresh._source.show_like(lab._source)
    fresh._labels = None
    if lab._labels is not None and lab.label_name is not None:
        fresh._labels = _labels_of(fresh, lab)
    fresh._outcomes, fresh.chains, fresh._before = {}, [], {}
    fresh._artefacts = Artefacts(fresh._source.n_rows)
    fresh._read_data()
    if fresh._labels is None and lab.class_names:
        fresh._artefacts.read("class_names", tuple(lab.class_names))
    for name, value in given.items():
        if value is not None and not lab._artefacts.given(_artefact_of(name, lab)):
            raise InputError(
                f"`{name}` was not given for the data, so it cannot be given for the new rows; "
                f"audit all rows anew with {name}="
            )
    return fresh.give(**given)


def _artefact_of(name: str, lab: "Datalab") -> str:
    return "predictions" if name == "pred_probs" and lab.task == "regression" else name


def _labels_of(fresh: "Datalab", lab: "Datalab") -> Any:
    """The labels of the new rows; all of them may be missing."""
    from datalab._data.values import is_missing

    values = fresh._source.column(str(lab.label_name))
    if not is_missing(values).all():
        return _in_known_classes(fresh._read_labels(), lab)
    n_rows = len(values)
    if isinstance(lab._labels, RegressionLabels):
        return RegressionLabels(np.full(n_rows, np.nan))
    gaps = class_codes(np.full(n_rows, -1), name="labels", missing=True)
    if isinstance(lab._labels, MultilabelLabels):
        one = class_codes(gaps[:1], name="labels", missing=True)
        return replace(lab._labels, codes=(one,) * n_rows)
    return replace(lab._labels, codes=gaps) if isinstance(lab._labels, Labels) else None


def _join_given(lab: "Datalab", fresh: "Datalab", other: "Datalab") -> None:
    """Arrays that were given for the data and for the new rows, one after the other."""
    for name in lab._artefacts.held_names():
        old, new = lab._artefacts.held(name), fresh._artefacts.held(name)
        if old is None or not lab._artefacts.given(name) or not isinstance(old.value, np.ndarray):
            continue
        if new is None or not fresh._artefacts.given(name):
            gap = np.full((len(fresh), *old.value.shape[1:]), np.nan)
            covered = _covered(old, len(lab))
            other._artefacts.give(name, np.concatenate([old.value, gap]), rows=covered)
            continue
        if new.value.shape[1:] != old.value.shape[1:]:
            raise InputError(
                f"`{name}` has {new.value.shape[1:]} columns for the new rows but "
                f"{old.value.shape[1:]} for the others"
            )
        joined = np.concatenate([old.value, new.value.astype(old.value.dtype)])
        every = old.rows is None and new.rows is None
        rows = np.append(_covered(old, len(lab)), _covered(new, len(fresh)) + len(lab))
        other._artefacts.give(name, joined, rows=None if every else rows)


def _covered(artefact: Artefact, n_rows: int) -> IndexArray:
    return np.arange(n_rows) if artefact.rows is None else artefact.rows


# --- one check ------------------------------------------------------------------------------------


def _with_new(
    outcome: Outcome,
    lab: "Datalab",
    fresh: "Datalab",
    store: Artefacts,
    graph: KNNGraph | None,
) -> Outcome:
    """The findings of a check, with its verdict on the new rows."""
    found = outcome.findings
    if found is None or not len(found.is_issue):
        return outcome
    try:
        more, how = _judged(outcome, found, lab, fresh, store, graph)
    except NotApplicable as reason:
        told = f"{len(fresh)} new rows not judged: {reason}"
        rows = found.positions()  # of the others, now that there are more
        return replace(outcome, findings=replace(found, rows=rows), notes=(*outcome.notes, told))
    told = f"{len(more.is_issue)} new rows {how}"
    joined = _joined_findings(found, more, store.n_rows)
    return replace(outcome, findings=joined, notes=(*outcome.notes, told))


def _judged(
    outcome: Outcome,
    found: Findings,
    lab: "Datalab",
    fresh: "Datalab",
    store: Artefacts,
    graph: KNNGraph | None,
) -> tuple[Findings, str]:
    """What a check says about the new rows, and how it came to that."""
    new = np.arange(len(lab), store.n_rows)
    step = Step(outcome.spec, outcome.manager)
    options = lab._options([step], rules=lab._rules, random_state=0)
    judge = getattr(outcome.manager, "find_new", None)
    if judge is not None:
        try:
            judged = judge(found, **_values(judge, fresh, graph))
            return replace(judged, rows=new), "compared with the others"
        except NotApplicable:
            pass
    if getattr(outcome.manager, "by_row", False):
        alone = audit.run(step, fresh._artefacts, options)
        if alone.findings is not None:
            return audit.lifted(alone.findings, new, outcome.spec.produces), "judged by themselves"
    again = audit.run(step, store, options)
    if again.findings is None:
        raise NotApplicable(again.reason)
    about_new = _only(again.findings, new)
    if not len(about_new.is_issue):
        raise NotApplicable("they lack what the check needs")
    return about_new, "judged by a run over all rows"


def _values(judge: Any, fresh: "Datalab", graph: KNNGraph | None) -> dict[str, Any]:
    """The artefacts that a manager wants to judge new rows by, for these rows."""
    values: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(judge).parameters.items())[1:]:
        if name == "knn_graph":
            value = graph
        else:
            held = fresh._artefacts.held(name)
            whole = held is not None and held.rows is None
            value = select(name, held, None) if held is not None and whole else None
        if value is None and parameter.default is parameter.empty:
            raise NotApplicable(f"needs {name} of the new rows")
        values[name] = value
    return values


class _Joined(NamedTuple):
    """A graph of all rows, and what the next rows have to be compared by."""

    graph: KNNGraph
    features: Any  # of these rows
    first: Any  # the features by which the way to compare was chosen
    options: Mapping[str, Any]


def _whole_graph(lab: "Datalab", other: "Datalab") -> _Joined | None:
    """The neighbours of all rows; None where those of new rows cannot be found by themselves.

    That needs a graph that was made of given features, and such features of every row.
    """
    known, features = lab._artefacts.held("features"), other._artefacts.held("features")
    if known is None or features is None or features.rows is not None:
        return None
    made = lab._artefacts.current("knn_graph")
    joined: _Joined | None = lab._joined_graph
    if made is not None:
        if made.rows is not None or known.version != made.made_from.get("features"):
            return None
        joined = _Joined(made.value, known.value, known.value, made.options)
    elif joined is None or joined.features is not known.value:  # given anew, or cut
        return None
    graph = graph_with_more(joined.graph, joined.first, features.value, joined.options)
    return joined._replace(graph=graph, features=features.value)


def _of_new(whole: KNNGraph, n_old: int) -> KNNGraph:
    return KNNGraph(whole.indices[n_old:], whole.distances[n_old:], whole.metric)


def _only(found: Findings, rows: IndexArray) -> Findings:
    """Findings about some rows, still named by their positions in the whole."""
    at = np.flatnonzero(np.isin(found.positions(), rows))

    def cut(value: Any) -> Any:
        return value[at] if isinstance(value, np.ndarray) else [value[i] for i in at]

    return Findings(
        found.name,
        is_issue=found.is_issue[at],
        score=found.score[at],
        columns={name: cut(value) for name, value in found.columns.items()},
        rows=found.positions()[at],
    )


def _joined_findings(old: Findings, new: Findings, n_rows: int) -> Findings:
    """Old findings, exactly as they were, and those about new rows behind them."""
    rows = np.concatenate([old.positions(), new.positions()])
    columns = {
        name: _end_to_end(values, new.columns.get(name), len(new.is_issue))
        for name, values in old.columns.items()
    }
    return replace(
        old,
        is_issue=np.concatenate([old.is_issue, new.is_issue]),
        score=np.concatenate([old.score, new.score.astype(old.score.dtype)]),
        columns=columns,
        rows=None if np.array_equal(rows, np.arange(n_rows)) else rows,
        flagged=None,
    )


def _end_to_end(old: Any, new: Any, n_new: int) -> Any:
    """A column of old and of new rows; missing where the check says nothing about new ones."""
    if new is None:
        kind = old.dtype.kind if isinstance(old, np.ndarray) else "O"
        gap: Any = {"f": np.nan, "i": -1, "b": False}.get(kind)
        new = np.full(n_new, gap, dtype=old.dtype if kind in "fib" else object)
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        whole: NDArray[Any] = np.concatenate([old, new])
        return whole
    return [*old, *new]
