"""The arrays that managers share: given by the user, read from the data, or made by a recipe.

One `Artefacts` belongs to one lab. `Artefacts.get` returns a value that is fresh, or makes it.
Every value has a version and remembers the versions it was made from, so that new features make
the graph and its descendants stale and nothing else.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from datalab._typing import IndexArray
from datalab.exceptions import InputError, NotApplicable
from datalab.neighbors import filled_columns
from datalab.neighbors.graph import KNNGraph

__all__ = [
    "ARTEFACTS",
    "GIVEN",
    "TASKS",
    "Artefact",
    "Artefacts",
    "Made",
    "NotMeant",
    "Recipe",
    "Rules",
    "common_rows",
    "locked",
    "recipe",
    "select",
]

# Everything a manager can ask for by naming a parameter of ``find_issues``.
ARTEFACTS: Mapping[str, str] = {
    "labels": "given labels: class codes (N,) int64, or targets (N,) float64 for regression",
    "class_names": "names of the classes, in the order of their codes",
    "pred_probs": "out-of-sample predicted probabilities (N, K)",
    "predictions": "out-of-sample predicted targets (N,)",
    "features": "numeric features (N, M)",
    "knn_graph": "nearest neighbours, a datalab.neighbors.KNNGraph",
    "cluster_ids": "cluster of each row (N,), -1 for none",
    "annotations": "labels of several annotators",
    "images": "the images, decoded when looked at",
    "image_properties": "size, brightness, sharpness, … and hashes of each image, a record (N,)",
    "text": "the texts, a list of str",
    "table": "the data set's columns: table.columns, table.column(name)",
    "encoded": "all columns as numbers, for models: a datalab._data.encoded.Encoded",
    "training_dynamics": "how each example was learned, a datalab._core.training.Dynamics",
    "groups": "which rows belong together, (N,) int64",
    "time": "when each row was made, (N,) float64, seconds or the column's own unit",
    "split": "name of the part of each row (train, test, …), (N,) of str, None where missing",
}
TASKS = ("classification", "regression", "multilabel", None)

Rules = str  # "datalab" (our defaults) or "reference" (cleanlab's)

GIVEN, DATA = 0, 1
# Options of which a value that was made with more serves those who want less.
AT_LEAST = frozenset({"k", "spare"})
# The parameter of recipes that go on where they were interrupted.
BEGUN = "begun"
# Artefacts that do not have one entry per row.
NOT_BY_ROW = frozenset({"class_names"})


@dataclass(frozen=True)
class Artefact:
    """One value, where it came from and which rows it covers.

    Parameters
    ----------
    value : object
        The array or sequence, one entry for every row of the data set (a graph: one for every
        covered row).
    version : int
        Grows with every new value in the store.
    distance : int
        How far from what the user gave by hand: 0 given, 1 read or made from the data set.
    rows : ndarray of int, optional
        Positions where there is a value; None means all of them.
    made_from : mapping
        The versions of the values it was made from.
    options : mapping
        The recipe's options it was made with.
    note : str
        What ran, in words, for reports.
    details : mapping
        What ran, in figures.
    """

    value: Any
    version: int
    distance: int
    rows: IndexArray | None = None
    made_from: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """How one artefact is made from others; see `recipe`."""

    name: str
    make: Callable[..., Any]
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    options: tuple[str, ...]
    rules: tuple[Rules, ...]
    narrowed: Callable[..., Any] | None = None
    held: tuple[str, ...] = ()
    by_row: bool = False
    goes_on: bool = False


_recipes: dict[str, list[Recipe]] = {}
F = TypeVar("F", bound=Callable[..., Any])


def recipe(
    name: str,
    *,
    rules: tuple[Rules, ...] = ("datalab", "reference"),
    narrowed: Callable[..., Any] | None = None,
    held: tuple[str, ...] = (),
    by_row: bool = False,
) -> Callable[[F], F]:
    """Register a function as a way to make the artefact `name`.

    Positional parameters are artefacts (no default: needed; ``=None``: used when there),
    keyword-only ones are options of the audit. It is called with the rows that all it needs
    cover, returns one entry for each of them, or ``Made(value, note)``, and may raise
    `NotApplicable`. Recipes of one artefact are tried in order of registration.

    `narrowed` tells what is left of a value when rows are dropped, where that is exactly what
    making it again would give: called with the value, the rows that stay (places among those it
    covers), the inputs before and after (dictionaries) and the options; returns ``Made``, or
    raises `NotApplicable` when it has to be made again.

    `held` names those of its needs that must be given or stand in the data: the recipe is not for
    values that were made themselves.

    `by_row` says that every entry is made of its own row alone: entries are kept when other rows
    are dropped, and made of new rows only.

    A keyword-only parameter `begun` is a dictionary in which a recipe that takes its time keeps
    what it has done: after an interruption the same call gets it again.
    """
    if name not in ARTEFACTS:
        raise InputError(f"no artefact is called {name!r}; known: {', '.join(ARTEFACTS)}")

    def add(function: F) -> F:
        parameters = inspect.signature(function).parameters.values()
        plain = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
        made = Recipe(
            name=name,
            make=function,
            needs=tuple(p.name for p in plain if p.default is p.empty),
            uses=tuple(p.name for p in plain if p.default is not p.empty),
            options=tuple(
                p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != BEGUN
            ),
            rules=rules,
            narrowed=narrowed,
            held=held,
            by_row=by_row,
            goes_on=any(p.name == BEGUN for p in parameters),
        )
        _recipes.setdefault(name, []).append(made)
        return function

    return add


class NotMeant(NotApplicable):
    """A recipe was not asked for; the next one is tried, and nobody is told."""


@dataclass(frozen=True)
class Made:
    """What a recipe returns when there is more to say than the value."""

    value: Any
    note: str = ""
    # Places, among the rows it was called with, that the value has entries for; None means all.
    rows: IndexArray | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class Artefacts:
    """The store of one lab over ``n_rows`` rows."""

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self._held: dict[str, Artefact] = {}
        self._made: dict[tuple[Any, ...], Artefact] = {}
        self._begun: tuple[Any, dict[Any, Any]] = ((), {})
        self._clock = 0

    def give(
        self, name: str, value: Any, *, rows: IndexArray | None = None, note: str = "given"
    ) -> None:
        """Hold a value that the user gave; it shadows the recipes."""
        self._hold(name, value, GIVEN, rows, note)

    def read(self, name: str, value: Any, *, rows: IndexArray | None = None) -> None:
        """Hold a value that stands in the data set."""
        self._hold(name, value, DATA, rows, "from the data set")

    def withdraw(self, name: str) -> None:
        """Hold this value no longer; what was made from it is stale."""
        self._held.pop(name, None)

    def _hold(
        self, name: str, value: Any, distance: int, rows: IndexArray | None, note: str
    ) -> None:
        self._held[name] = Artefact(value, self._tick(), distance, rows=rows, note=note)

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def given(self, name: str) -> bool:
        """Whether the user gave this value by hand."""
        return name in self._held and self._held[name].distance == GIVEN

    def held(self, name: str) -> Artefact | None:
        """The value that was given or read, without making anything."""
        return self._held.get(name)

    def held_names(self) -> list[str]:
        """What was given or read."""
        return list(self._held)

    def current(self, name: str) -> Artefact | None:
        """The value that was given, read or last made (if still fresh), without making anything."""
        if name in self._held:
            return self._held[name]
        made = [a for key, a in self._made.items() if key[0] == name and self._fresh(a)]
        return max(made, key=lambda artefact: artefact.version, default=None)

    def copy(self) -> "Artefacts":
        """A store with the same values, for values that only one manager shall see."""
        other = Artefacts(self.n_rows)
        other._held, other._made = dict(self._held), dict(self._made)
        other._clock = self._clock
        return other

    def narrow(self, rows: IndexArray) -> "Artefacts":
        """A store over some of the rows (positions, ascending).

        What is held is cut; what was made is kept where that is exact, else to be made again.
        """
        other = Artefacts(len(rows))
        for name, artefact in self._held.items():
            covered = artefact.rows
            note = artefact.note
            try:
                if isinstance(artefact.value, KNNGraph):
                    value = self._given_graph(artefact, rows)
                    note += f"; {value.k} of {artefact.value.k} neighbours are left"
                else:
                    value = select(name, artefact, rows)
            except NotApplicable:  # a given graph that has lost too many neighbours
                continue
            if covered is not None:
                covered = np.flatnonzero(np.isin(rows, covered))
            other._hold(name, value, artefact.distance, covered, note)
        for key, artefact in self._made.items():
            self._carry(key, artefact, rows, other)
        return other

    def _given_graph(self, artefact: Artefact, rows: IndexArray) -> KNNGraph:
        """A given graph among some rows; fewer neighbours only where it cannot be made again."""
        graph: KNNGraph = artefact.value
        within = rows if artefact.rows is None else _within(artefact.rows, rows)
        k = graph.k if "features" in self._held else 1
        return graph.restrict(within, k=min(k, len(within) - 1))

    def _carry(
        self, key: tuple[Any, ...], artefact: Artefact, rows: IndexArray, other: "Artefacts"
    ) -> None:
        """Keep what is left of a value that was made, if its recipe says that this is exact."""
        way = next((w for w in _recipes.get(key[0], []) if w.make is key[1]), None)
        sources = [name for name in artefact.made_from if name in self._held]
        if way is None or not self._fresh(artefact):
            return
        if len(sources) < len(artefact.made_from) or any(n not in other._held for n in sources):
            return
        covered = None if artefact.rows is None else np.flatnonzero(np.isin(rows, artefact.rows))
        try:
            left = self._left(way, artefact, rows, {n: other._held[n] for n in sources}, covered)
        except NotApplicable:
            return
        other._made[key] = replace(
            artefact,
            value=left.value,
            version=other._tick(),
            rows=covered,
            made_from={name: other._held[name].version for name in sources},
            options={
                **artefact.options,
                **({"k": left.value.k} if "k" in artefact.options else {}),
            },
            note=left.note,
        )

    def _left(
        self,
        way: Recipe,
        artefact: Artefact,
        rows: IndexArray,
        sources: Mapping[str, Artefact],
        covered: IndexArray | None,
    ) -> Any:
        """What is left of a value for some rows, as its recipe tells; else `NotApplicable`."""
        if way.by_row:
            return Made(select(way.name, artefact, rows))
        if way.narrowed is None:
            raise NotApplicable(f"{way.name} has to be made again")
        before = {name: select(name, self._held[name], artefact.rows) for name in sources}
        after = {name: select(name, held, covered) for name, held in sources.items()}
        stay = rows if artefact.rows is None else _within(artefact.rows, rows)
        return way.narrowed(artefact.value, stay, before, after, dict(artefact.options))

    def join(self, first: "Artefacts", others: "Artefacts", rules: Rules) -> None:
        """Take over what is made row by row: for the first rows as it is, then for the others.

        The rows of this store are those of both.
        """
        for name, made_by, artefact in first.made():
            way = next(w for w in _recipes[name] if _recipe_name(w.make) == made_by)
            if not way.by_row:
                continue
            try:
                more = others.get(name, {**artefact.options, "rules": rules})
            except NotApplicable:
                continue
            value = np.concatenate([artefact.value, more.value])
            ends = [
                np.arange(store.n_rows) if one.rows is None else one.rows
                for store, one in ((first, artefact), (others, more))
            ]
            rows = np.append(ends[0], ends[1] + first.n_rows)
            covered = None if len(rows) == self.n_rows else rows
            self.restore(name, made_by, replace(artefact, value=value, rows=covered))

    def made(self) -> list[tuple[str, str, Artefact]]:
        """What recipes made and what still holds: its name, the recipe, the value; oldest first."""
        fresh = [(key[0], key[1], made) for key, made in self._made.items() if self._fresh(made)]
        fresh.sort(key=lambda one: one[2].version)
        return [(name, _recipe_name(make), made) for name, make, made in fresh]

    def restore(self, name: str, made_by: str, made: Artefact) -> None:
        """Take a value as made by a recipe from what there is now; unknown recipes are ignored."""
        for way in _recipes.get(name, []):
            sources = {source: self.current(source) for source in made.made_from}
            versions = {s: a.version for s, a in sources.items() if a is not None}
            if _recipe_name(way.make) == made_by and len(versions) == len(sources):
                artefact = replace(made, version=self._tick(), made_from=versions)
                self._made[_key(way, made.options)] = artefact

    def stamp(self) -> tuple[tuple[str, int], ...]:
        """What is held, in its present version: equal as long as nothing has changed."""
        return tuple(sorted((name, held.version) for name, held in self._held.items()))

    def distance(self, name: str, rules: Rules) -> int | None:
        """How far `name` is from what the user gave: 0 given, 1 data set, None not to be had."""
        held = self._held.get(name)
        if held is not None:
            return held.distance
        ways = self._ways(name, rules)
        if not ways:
            return None
        # Labels stand in the data set for everybody; they do not make anything less given.
        needs = [need for need in ways[0].needs if need != "labels"]
        return max((self.distance(need, rules) or GIVEN for need in needs), default=DATA)

    def get(self, name: str, options: Mapping[str, Any]) -> Artefact:
        """A fresh value of `name`: held, made before, or made now.

        Parameters
        ----------
        name : str
            The artefact.
        options : mapping
            The options of the audit: ``rules``, ``k``, ``metric``, ``random_state``, ….

        Raises
        ------
        NotApplicable
            It was not given and cannot be made; the message says what to give.
        """
        if name in self._held:
            return self._held[name]
        reasons = []
        for way in self._ways(name, options["rules"]):
            try:
                return self._made_by(way, options)
            except NotMeant:
                continue
            except NotApplicable as reason:
                reasons.append(str(reason))
        remedy = self.remedy(name, options["rules"])
        raise NotApplicable(reasons[0] if len(reasons) == 1 else f"needs {name}: {remedy}")

    def _made_by(self, way: Recipe, options: Mapping[str, Any]) -> Artefact:
        """What this recipe made before, if it is still fresh, or makes now."""
        wanted = {option: options.get(option) for option in way.options}
        key = _key(way, wanted)
        self._made = {k: made for k, made in self._made.items() if self._fresh(made)}
        known = self._made.get(key)
        if known is not None and self._fresh(known) and _covers(known.options, wanted):
            return known
        inputs = {need: self.get(need, options) for need in way.needs}
        for use in way.uses:
            if self.distance(use, options["rules"]) is not None:
                with suppress(NotApplicable):
                    inputs[use] = self.get(use, options)
        graph = inputs.get("knn_graph")
        if graph is not None and graph.made_from and 0 < (options.get("k") or 0) < graph.value.k:
            # Neighbours to spare are for rows that are dropped later; nothing is made of them.
            inputs["knn_graph"] = replace(graph, value=graph.value.nearest(options["k"]))
        self._made[key] = self._make(way, inputs, wanted)
        return self._made[key]

    def _make(
        self, way: Recipe, inputs: Mapping[str, Artefact], wanted: Mapping[str, Any]
    ) -> Artefact:
        rows = common_rows(inputs[need] for need in way.needs)
        values = {need: select(need, inputs[need], rows) for need in way.needs}
        for use in set(way.uses) & set(inputs):
            if _reaches(inputs[use], rows):
                with suppress(NotApplicable):  # a graph that has lost too many neighbours
                    values[use] = select(use, inputs[use], rows)
        if "features" in values:
            values["features"] = filled_columns(values["features"])
        began = {BEGUN: self._begun_by(way, inputs, wanted)} if way.goes_on else {}
        made = way.make(**values, **wanted, **began)
        self._begun = (), {}
        if not isinstance(made, Made):
            made = Made(made)
        if made.rows is not None:
            rows = made.rows if rows is None else rows[made.rows]
        return Artefact(
            _lift(made.value, rows, self.n_rows),
            self._tick(),
            max((inputs[need].distance for need in way.needs), default=DATA),
            rows=rows,
            made_from={n: a.version for n, a in inputs.items()},
            options=dict(wanted),
            note=made.note,
            details=dict(made.details),
        )

    def _begun_by(
        self, way: Recipe, inputs: Mapping[str, Artefact], wanted: Mapping[str, Any]
    ) -> dict[Any, Any]:
        """What the same call had done when it was interrupted; what others had done is dropped."""
        versions = sorted((name, artefact.version) for name, artefact in inputs.items())
        call = (_key(way, wanted), *versions)
        if self._begun[0] != call:
            self._begun = call, {}
        return self._begun[1]

    def _fresh(self, artefact: Artefact) -> bool:
        for name, version in artefact.made_from.items():
            current = self.current(name)
            if current is None or current.version != version:
                return False
        return True

    def lineage(self, artefacts: Iterable[Artefact]) -> dict[str, Artefact]:
        """These values and all that they were made from, by name, first things first."""
        known = {a.version: name for name, a in self._held.items()}
        known |= {a.version: key[0] for key, a in self._made.items()}
        by_version = {a.version: a for a in (*self._held.values(), *self._made.values())}
        seen: set[int] = set()
        waiting = [artefact.version for artefact in artefacts]
        while waiting:
            version = waiting.pop()
            if version in by_version and version not in seen:
                seen.add(version)
                waiting.extend(by_version[version].made_from.values())
        return {known[version]: by_version[version] for version in sorted(seen)}

    def _ways(self, name: str, rules: Rules, seen: frozenset[str] = frozenset()) -> list[Recipe]:
        """The recipes whose needs can be had, in order."""
        return [
            way
            for way in _recipes.get(name, [])
            if rules in way.rules
            and all(need in self._held for need in way.held)
            and all(
                need in self._held or (need not in seen and self._ways(need, rules, seen | {name}))
                for need in way.needs
            )
        ]

    def remedy(self, name: str, rules: Rules) -> str:
        """What the user can do to have `name`: "give pred_probs= or features="."""
        if name in ("labels", "class_names"):
            return "give label_name= (the column with the labels) to Datalab"
        keys = {"images": "image_key", "text": "text_key", "split": "split"}
        keys["image_properties"] = keys["images"]
        if name in keys:
            return f"give {keys[name]}= (the name of the column) to Datalab"
        ways = [name] + [
            need
            for candidate in _recipes.get(name, [])
            if rules in candidate.rules
            for need in candidate.needs
            if need not in self._held and need in ("features", "knn_graph", "pred_probs")
        ]
        # The table is what the data has beside the label, no argument.
        told = {"table": "columns beside the label in the data"}
        return "give " + " or ".join(told.get(way, f"{way}=") for way in dict.fromkeys(ways))


def _recipe_name(make: Callable[..., Any]) -> str:
    return f"{make.__module__}.{make.__qualname__}"


def _key(way: Recipe, options: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two values share that serve the same wish."""
    told = sorted((o, _token(v)) for o, v in options.items() if o not in AT_LEAST)
    return (way.name, way.make, *told)


def _token(option: Any) -> Any:
    """What two equal options share; an object (a model) is equal only to itself.

    The artefact keeps its options, so the object lives as long as its identity is used.
    """
    plain = option is None or isinstance(option, (str, int, float, bool))
    return option if plain else id(option)


def _reaches(artefact: Artefact, rows: IndexArray | None) -> bool:
    """Whether a value that is merely used when there has an entry for each of these rows."""
    if artefact.rows is None:
        return True
    return rows is not None and bool(np.isin(rows, artefact.rows).all())


def _covers(made_with: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a value made with these options serves the wanted ones: a larger k serves a less."""
    k = wanted.get("k")
    return k is None or (made_with.get("k") is not None and made_with["k"] >= k)


def common_rows(artefacts: Iterable[Artefact]) -> IndexArray | None:
    """Positions that all of them cover; None means every row."""
    rows: IndexArray | None = None
    for artefact in artefacts:
        if artefact.rows is not None:
            rows = artefact.rows if rows is None else np.intersect1d(rows, artefact.rows)
    return rows


def select(name: str, artefact: Artefact, rows: IndexArray | None) -> Any:
    """The value for these rows only (None: all), which managers cannot change.

    Arrays are not copied when all rows are wanted.
    """
    value = artefact.value
    if isinstance(value, KNNGraph):
        return _restricted_graph(value, artefact.rows, rows)
    if name in NOT_BY_ROW:
        return value
    if isinstance(value, list):
        return list(value) if rows is None else [value[i] for i in rows]
    if isinstance(value, np.ndarray):
        return locked(value if rows is None else value[rows])
    return value if rows is None else value[rows]


def locked(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, which cannot be changed through this view of it."""
    view = array.view()
    view.flags.writeable = False
    return view


def _within(covered: IndexArray, rows: IndexArray) -> IndexArray:
    """Places among the covered rows of those of some rows that are covered; both ascending."""
    return np.flatnonzero(np.isin(covered, rows))


def _restricted_graph(
    graph: KNNGraph, covered: IndexArray | None, rows: IndexArray | None
) -> KNNGraph:
    """The graph among some of the rows that it covers."""
    if rows is None or (covered is not None and len(covered) == len(rows)):
        return graph
    within = rows if covered is None else np.searchsorted(covered, rows)
    return graph.restrict(within, k=min(graph.k, len(rows) - 1))


def _lift(value: Any, rows: IndexArray | None, n_rows: int) -> Any:
    """Lay a value made for some rows out over all of them, NaN elsewhere (not a graph)."""
    if rows is None or not isinstance(value, np.ndarray):
        return value
    if value.dtype.names:  # records have no NaN; nobody asks for those of other rows
        records = np.zeros(n_rows, dtype=value.dtype)
        records[rows] = value
        return records
    whole = np.full((n_rows, *value.shape[1:]), np.nan, dtype=np.result_type(value, np.float32))
    whole[rows] = value
    return whole
