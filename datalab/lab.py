"""`Datalab`: a data set, what was found in it, and what to look at."""

import copy
import logging
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from datalab import audit, results
from datalab._check import (
    choice,
    did_you_mean,
    in_words,
    listing,
    seed,
    tell_stopped,
    warn,
    whole_number,
)
from datalab._data.annotations import read_annotations
from datalab._data.columns import default_image_key, default_text_key
from datalab._data.labels import AnyLabels, Labels, RegressionLabels, read_labels
from datalab._data.roles import groups, moments, parts, targets, texts
from datalab._data.source import open_source
from datalab._data.table import Images, Table
from datalab.artefacts import TASKS, Artefacts
from datalab.audit import Outcome, Step
from datalab.exceptions import (
    DatalabWarning,
    InputError,
    InputTypeError,
    ManagerFailed,
    NotFound,
)
from datalab.given import (
    check_features,
    check_graph,
    check_pred_probs,
    check_vector,
)
from datalab.managers.base import specs
from datalab.neighbors import complete_rows

if TYPE_CHECKING:
    import pandas as pd

    from datalab.chain import Chain
    from datalab.comparison import Comparison
    from datalab.health import Health
    from datalab.model_card import ModelCard
    from datalab.plots import PlotAccessor
    from datalab.review import Review
    from datalab.views.explorer import Explorer, ViewAccessor

__all__ = ["Datalab"]

log = logging.getLogger("datalab")

Rules = Literal["datalab", "reference"]


class Datalab:
    """Audit a data set for issues, look at them, and export what was found.

    Parameters
    ----------
    data : DataFrame, datasets.Dataset, polars.DataFrame, pyarrow.Table, dict of columns, \
list of dicts, dict of splits, or path to a csv, json or parquet file
        The data set; it is never changed.
    task : {"classification", "regression", "multilabel"} or None
        What the labels are for; None for unlabelled data.
    label_name : str, optional
        The column with the given labels (any hashable kind; missing ones are allowed).
    image_key : str, optional
        The column with images; found by itself where its type says so.
    verbosity : int
        0 hides progress.
    text_key : str, optional
        The column with the text of each example.
    audio_key : str, optional
        The column with audio.
    annotations : optional
        Labels of several annotators: names of the annotators' columns in the data, a table or
        array with one column per annotator (missing where not asked), or a long table with
        columns ``task``, ``annotator``, ``label``.
    groups, split, time : str, optional
        Columns that say which rows belong together, which part of the data they belong to, and
        when they were made; never used as features.
    ledger : str, Path, bool or None
        The file in which `review` keeps decisions; a file that exists is read. None: a file in
        the working folder named after the data, from the first decision on. False: in memory.

    Attributes
    ----------
    data : object
        The data set that was given; of a lab that `drop` or `keep` made, the rows that stay, in the
        same type.
    rows : ndarray of int
        Positions of the examples in the data set that was opened first (see `drop`).

    Raises
    ------
    UnsupportedData
        `data` cannot be read; the message says what can.
    NotFound
        A named column does not exist (with a suggestion).
    InputError
        An unknown task, or labels that cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab import Datalab
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.integers(2, size=100)
    >>> pred_probs = np.where(np.eye(2)[labels] == 1, 0.9, 0.1)
    >>> pred_probs[7] = pred_probs[7, ::-1]  # a row where the model disagrees
    >>> lab = Datalab({"y": labels}, label_name="y")
    >>> lab.find_issues(["label"], pred_probs=pred_probs).worst(1)["reason"].to_dict()
    {7: 'model gives 0 only 10 % (usually 88 %); 1 has 90 %'}
    """

    def __init__(
        self,
        data: Any,
        task: str | None = "classification",
        label_name: str | None = None,
        image_key: str | None = None,
        verbosity: int = 1,
        *,
        text_key: str | None = None,
        audio_key: str | None = None,
        annotations: Any = None,
        groups: str | None = None,
        split: str | None = None,
        time: str | None = None,
        ledger: Any = None,
    ) -> None:
        if task not in TASKS:
            raise InputError(
                f"`task` is {task!r}; {did_you_mean(str(task), [t for t in TASKS if t])}, or None "
                "for unlabelled data"
            )
        self.data = data
        self.task = task
        self.label_name = _name(label_name) if task is not None else None
        self.verbosity = verbosity
        self.ledger = ledger
        self._source = open_source(data)
        self._roles = {
            "groups": _name(groups),
            "split": _name(split) or self._source.split_column,
            "time": _name(time),
        }
        self._annotators: tuple[str, ...] = ()
        self._named = {
            "image_key": _name(image_key),
            "text_key": _name(text_key),
            "audio_key": _name(audio_key),
        }
        self._check_names()
        self._labels = self._read_labels()
        self.image_key = self._named["image_key"] or default_image_key(self._source)
        self.text_key = self._named["text_key"] or default_text_key(
            self._source, leave_out=self._not_features()
        )
        self._outcomes: dict[str, Outcome] = {}
        self._history: list[dict[str, Any]] = []
        self._before: dict[str, Outcome] = {}  # what was found before the last audit
        self.chains: list[Chain] = []
        # Shared with labs that are made of this one by dropping: the ledger, the data opened first.
        self._shared: dict[str, Any] = {"source": self._source}
        self._forget(rows=np.arange(self._source.n_rows))
        self._lock = threading.RLock()  # notebooks run widgets beside cells
        self._rules: Rules = "datalab"
        self._joined_graph: Any = None  # of rows that were appended; see `appending`
        self._artefacts = Artefacts(self._source.n_rows)
        self._read_data()
        if annotations is not None:
            self.give(annotations=annotations)

    def _forget(self, rows: NDArray[np.intp]) -> None:
        """Start with these rows of the data set that was opened, without a review of their own."""
        self.rows = rows
        self._review: Review | None = None
        self._without_excluded: tuple[Any, Artefacts] | None = None

    # ------------------------------------------------------------------ reading the data

    def _read_labels(self) -> AnyLabels | None:
        if self.label_name is None or self.task is None:
            return None
        return read_labels(self._source, self.label_name, self.task)

    def _not_features(self) -> tuple[str, ...]:
        named = (self.label_name, *self._roles.values(), *self._annotators)
        return tuple(name for name in named if name is not None)

    def _check_names(self) -> None:
        """Every column that was named must be there."""
        for argument, name in {**self._roles, **self._named}.items():
            if name is not None and name not in self._source.columns:
                raise NotFound(
                    f"`{argument}` is {name!r}, but the data has no such column; "
                    f"{did_you_mean(name, self._source.columns)}"
                )

    def _read_data(self) -> None:
        """Put what stands in the data set where managers and recipes find it."""
        store, leave_out = self._artefacts, self._not_features()
        columns = tuple(name for name in self._source.columns if name not in leave_out)
        if columns:
            named = {n: key[: -len("_key")] for key, n in self._named.items() if n is not None}
            answer = self._labels.codes if isinstance(self._labels, Labels) else None
            store.read("table", Table(self._source, columns, named=named, answer=answer))
        else:
            store.withdraw("table")
        # Distances are those of the column that the user named, if any, else of all columns.
        self._features_from = next((n for n in self._named.values() if n is not None), None)
        if self.text_key is not None:
            store.read("text", texts(self._source.column(self.text_key)))
        if self.image_key is not None:
            store.read("images", Images(self._source, self.image_key))
        split = self._roles["split"]
        if split is not None:
            store.read("split", parts(self._source.column(split), split))
        if self._roles["groups"] is not None:
            store.read("groups", groups(self._source.column(self._roles["groups"])))
        if self._roles["time"] is not None:
            time = self._roles["time"]
            store.read("time", moments(self._source.column(time), time))
        if self._labels is not None:
            values, labelled = targets(self._labels)
            rows = None if labelled.all() else np.flatnonzero(labelled)
            store.read("labels", values, rows=rows)
            if not isinstance(self._labels, RegressionLabels):
                store.read("class_names", tuple(self._labels.classes))

    # ------------------------------------------------------------------ what the data is

    @property
    def labels(self) -> Any:
        """Given labels: class codes (int64, -1 for missing), targets, or lists of class codes."""
        if self._labels is None:
            return np.empty(0, dtype=np.int64)
        values, _ = targets(self._labels)
        return values.copy()

    @property
    def has_labels(self) -> bool:
        """Whether the data has class labels."""
        return self._labels is not None and self.task != "regression"

    @property
    def class_names(self) -> list[Any]:
        """The classes, in the order of their codes and of the columns of ``pred_probs``."""
        held = self._artefacts.held("class_names")
        return list(held.value) if held is not None else []

    def __len__(self) -> int:
        return self._source.n_rows

    # ------------------------------------------------------------------ inputs

    def give(
        self,
        *,
        pred_probs: Any = None,
        features: Any = None,
        knn_graph: Any = None,
        annotations: Any = None,
        training_dynamics: Any = None,
    ) -> "Datalab":
        """Hand over arrays that the checks use; each is checked here and shadows what is made.

        Parameters
        ----------
        pred_probs : array-like of shape (N, K), or DataFrame with the classes as column names
            Out-of-sample predicted probabilities, columns in the order of ``class_names``. For
            regression: predictions, shape (N,).
        features : array-like of shape (N, M)
            Numbers that describe each example, such as embeddings; NaN means missing.
        knn_graph : KNNGraph or scipy sparse matrix of shape (N, N)
            Distances to the nearest neighbours.
        annotations
            As for `Datalab`.
        training_dynamics : datalab.training.Recorder
            What was recorded while a model of your own was trained.

        Returns
        -------
        Datalab
            The lab itself.

        Raises
        ------
        InputError, InputTypeError
            What was given does not fit the data set.
        """
        n_rows, store = self._source.n_rows, self._artefacts
        if pred_probs is not None:
            name, value = self._checked_predictions(pred_probs)
            store.give(name, value)
        if features is not None:
            checked = check_features(features, n_rows, self._source.index)
            store.give("features", checked, rows=complete_rows(checked))
        if knn_graph is not None:
            store.give("knn_graph", check_graph(knn_graph, n_rows))
        if annotations is not None:
            self._read_annotations(annotations)
        if training_dynamics is not None:
            self._read_training(training_dynamics)
        return self

    def _read_training(self, training_dynamics: Any) -> None:
        from datalab.training import check_dynamics

        codes = self._labels.codes if isinstance(self._labels, Labels) else None
        dynamics = check_dynamics(training_dynamics, len(self), codes)
        seen = dynamics.epochs > 0
        rows = None if seen.all() else np.flatnonzero(seen)
        self._artefacts.give("training_dynamics", dynamics, rows=rows)

    def _checked_predictions(self, pred_probs: Any) -> tuple[str, NDArray[Any]]:
        if self.task == "regression":
            return "predictions", check_vector(pred_probs, len(self), name="pred_probs")
        codes = self._labels.codes if isinstance(self._labels, Labels) else None
        return "pred_probs", check_pred_probs(
            pred_probs, len(self), tuple(self.class_names), codes, self._source.index
        )

    def _read_annotations(self, annotations: Any) -> None:
        classes = tuple(self.class_names) or None
        read, classes = read_annotations(
            annotations,
            n_rows=len(self),
            classes=classes,
            column=self._source.column,
            index=self._source.index,
        )
        self._artefacts.give("annotations", read)
        silent = np.setdiff1d(np.arange(len(read.names)), read.annotator)
        if len(silent):
            names = listing([read.names[i] for i in silent])
            warn(f"`annotations` has no answer by {names}; nothing is said about them")
        # Annotators that stand in the data as columns are no features of an example.
        if all(str(name) in self._source.columns for name in read.names):
            self._annotators = tuple(str(name) for name in read.names)
            self._read_data()
        if self._labels is None:
            self._artefacts.read("class_names", classes)

    # ------------------------------------------------------------------ the audit

    def find_issues(
        self,
        issue_types: audit.Request = None,
        *,
        pred_probs: Any = None,
        features: Any = None,
        knn_graph: Any = None,
        annotations: Any = None,
        model: Any = None,
        embed: Any = None,
        rules: Rules = "datalab",
        random_state: int | None = 0,
        device: str | None = None,
        engine: Literal["auto", "exact", "approximate"] | None = None,
        on_error: Literal["warn", "raise"] = "warn",
        flag_confirmed: bool = False,
    ) -> "Datalab":
        """Run checks and keep what they found.

        Labels that were corrected in a review count as they were corrected, excluded rows are left
        out, and what a person has confirmed is not flagged again.

        Parameters
        ----------
        issue_types : list of names or managers, or dict of name to parameters, optional
            What to look for; by default everything that the task has and the inputs allow.
        pred_probs, features, knn_graph, annotations
            See `give`; what was given before stays.
        model : estimator, optional
            What makes ``pred_probs`` by cross-validation when none are given: a scikit-learn
            estimator (also skorch's), or a function ``(X_train, labels_train, X) ->
            probabilities``. By default a portfolio by kind of data. It sees the features, or
            numbers made of all columns; a pipeline that begins with a step for texts or for named
            columns sees these.
        embed : callable or str, optional
            Called with the texts, images or recordings; returns features. A name loads that model
            of ``sentence-transformers``, for texts.
        rules : {"datalab", "reference"}
            "reference" does exactly what cleanlab does and makes no missing inputs.
        random_state : int or None
            Seed of everything random in the audit, from 0 to 2**32 - 1; None: another one each
            time.
        device : {None, "cpu", "cuda", "auto"}, optional
            Where neighbours are searched for: on a GPU by PyTorch where it finds one ("auto"), or
            else not at all ("cuda"); by default on the CPU.
        engine : {None, "auto", "exact", "approximate"}, optional
            How they are: see `datalab.neighbors.knn_graph`. By default exactly under the rules of
            the reference, and otherwise approximately where there are very many rows and faiss is
            installed; what ran is in ``info["statistics"]["knn_search"]``.
        on_error : {"warn", "raise"}
            What a failing check does; the others go on after a warning.
        flag_confirmed : bool
            Whether to flag rows as well of which a person has said that they are right.

        Returns
        -------
        Datalab
            The lab itself: ``lab.find_issues(…).report()``.

        Raises
        ------
        NotFound
            An unknown issue type.
        InputError, InputTypeError
            Unknown parameters, or arrays that do not fit the data set.
        """
        choice(rules, ("datalab", "reference"), name="rules")
        choice(on_error, ("warn", "raise"), name="on_error")
        if device is not None:
            choice(device, ("cpu", "cuda", "auto"), name="device")
        if engine is not None:
            choice(engine, ("auto", "exact", "approximate"), name="engine")
        if random_state is None:
            random_state = int(np.random.default_rng().integers(2**32))
        seed(random_state)
        steps = self._planned(issue_types, rules)
        self.give(
            pred_probs=pred_probs, features=features, knn_graph=knn_graph, annotations=annotations
        )
        if embed is not None and features is None:
            self.give(features=self._embedded(embed))
        if not steps:
            warn("no issue types to look for; nothing was done", UserWarning)
            return self
        self._tell_replaced(steps, rules)
        if model is not None:
            from datalab._models.given_model import as_estimator

            as_estimator(model)  # an error of the input, not of a check
        if model is not None and rules == "reference":
            warn('`model` is not used: rules="reference" makes no pred_probs')
        elif model is not None and self._artefacts.given("pred_probs"):
            warn("`model` is not used: pred_probs were given; make a new Datalab to have it judge")
        self._rules = rules
        self._before = dict(self._outcomes)
        options = self._options(
            steps,
            rules=rules,
            random_state=random_state,
            model=model,
            device=device,
            engine=engine,
            flag_confirmed=flag_confirmed,
        )
        self._run(steps, options, on_error)
        self._history.append(
            {
                "step": f"find_issues: {', '.join(step.name for step in steps)}",
                "rows_in": len(self),
                "flagged": self._num_flagged(step.name for step in steps),
                "rows_out": len(self),
                "relabelled": 0,
            }
        )
        return self

    def _tell_replaced(self, steps: list[Step], rules: Rules) -> None:
        """Warn of results that were got in another way and are lost; the same call again is none.

        The reference warns whenever a check is repeated.
        """
        from datalab.chain.step import same

        def parameters(one: Step | Outcome) -> dict[str, Any]:
            return {name: getattr(one.manager, name, None) for name in one.spec.parameters()}

        again = [(step, self._outcomes[step.name]) for step in steps if step.name in self._outcomes]
        if not again:
            return
        replaced = f"earlier results are replaced: {', '.join(step.name for step, _ in again)}"
        if "reference" in (rules, self._rules) or any(
            step.given or not same(parameters(step), parameters(earlier)) for step, earlier in again
        ):
            warn(replaced, DatalabWarning)
        else:
            log.info("%s; compare() tells what changed", replaced)

    def _options(self, steps: list[Step], **chosen: Any) -> dict[str, Any]:
        """What recipes can ask for: what the user chose, and what follows from data and steps."""
        return {
            **chosen,
            "k": audit.planned_k(steps),
            "metric": None,
            "features_from": self._features_from,
            "progress": self._shows_progress(),
        }

    def _num_flagged(self, names: Iterable[str]) -> int:
        """The number of rows that any of these checks flags."""
        flagged = np.zeros(len(self), dtype=bool)
        for name in names:
            outcome = self._outcomes.get(name)
            if outcome is not None and outcome.findings is not None:
                flagged[outcome.findings.positions()[outcome.findings.is_issue]] = True
        return int(flagged.sum())

    def _planned(self, issue_types: audit.Request, rules: Rules) -> list[Step]:
        steps = audit.plan(issue_types, task=self.task, rules=rules, store=self._artefacts)
        checked = []
        for step in steps:
            given = {name: self._checked(name, value) for name, value in step.given.items()}
            checked.append(Step(step.spec, step.manager, given))
        return checked

    def _checked(self, name: str, value: Any) -> Any:
        """An array that is given to one manager only."""
        if name == "features":
            return check_features(value, len(self))
        if name == "knn_graph":
            return check_graph(value, len(self))
        if name == "pred_probs":
            return self._checked_predictions(value)[1]
        if name == "cluster_ids":
            return check_vector(value, len(self), name=name)
        raise InputTypeError(f"{name!r} cannot be given to one issue type; pass it to give()")

    def _embedded(self, embed: Any) -> Any:
        from datalab.recipes.embedding import embedded

        for name in ("images", "text"):
            held = self._artefacts.held(name)
            if held is not None:
                return embedded(embed, held.value, name)
        audio = self._named["audio_key"]
        return embedded(embed, None if audio is None else self._source.column(audio), "audio")

    def _shows_progress(self) -> bool:
        """Whether somebody watches: a notebook or a terminal, not a log."""
        watched = "ipykernel" in sys.modules or sys.stderr.isatty()
        return self.verbosity > 0 and watched

    def _run(
        self, steps: list[Step], options: Mapping[str, Any], on_error: Literal["warn", "raise"]
    ) -> None:
        """Run the steps one by one; an interruption keeps those that are done."""
        from tqdm.auto import tqdm

        # A bar appears only when the audit takes more than a moment.
        with tqdm(steps, disable=not self._shows_progress(), delay=1.0, leave=False) as bar:
            for done, step in enumerate(bar):
                bar.set_description(step.spec.title, refresh=False)
                try:
                    self._run_step(step, options, on_error)
                except KeyboardInterrupt as stop:
                    left = [one.name for one in steps[done:]]
                    finished = [one.name for one in steps[:done]]
                    tell_stopped(stop, finished, f"still to be done: {', '.join(left)}")
                    raise

    def _run_step(
        self, step: Step, options: Mapping[str, Any], on_error: Literal["warn", "raise"] = "warn"
    ) -> Outcome:
        """Run one check, on what a review has left and corrected, and keep its outcome."""
        review = self._begun_review()
        if review is None:
            outcome = audit.run(step, self._artefacts, options)
        else:
            from datalab.review.effects import audit_reviewed

            outcome = audit_reviewed(self, review, step, options)
        self._outcomes[step.name] = outcome
        found = outcome.findings and (outcome.findings.num_found or "nothing")
        log.info("%s: %s %s", outcome.name, outcome.status, found or outcome.reason)
        if outcome.error is not None:
            if on_error == "raise":
                cause = outcome.error.__cause__
                raise cause if isinstance(cause, InputError) else outcome.error
            warn(
                f"the check {outcome.name!r} failed, the others went on: {outcome.reason}",
                ManagerFailed,
            )
        return outcome

    def _begun_review(self) -> "Review | None":
        """The review, if there is one already or its ledger was named."""
        begun = self._review is not None or "ledger" in self._shared
        return self.review if begun or self.ledger not in (None, False) else None

    # ------------------------------------------------------------------ reviewing and narrowing

    @property
    def review(self) -> "Review":
        """Decisions about single rows: keep, relabel, exclude, …, with undo and redo."""
        with self._lock:
            if self._review is None:
                from datalab.review import Ledger, Review, ledger_path

                if "ledger" not in self._shared:
                    path = ledger_path(self.ledger, self.data, self._source, self.label_name)
                    self._shared["ledger"] = Ledger(path)
                self._review = Review(self, self._shared["ledger"])
            return self._review

    def corrected(
        self,
        reviewer: str | None = None,
        conflicts: Literal["last", "majority", "error"] = "last",
    ) -> Any:
        """The data set as the review leaves it: labels corrected, excluded rows gone.

        Parameters
        ----------
        reviewer : str, optional
            Only this person's decisions.
        conflicts : {"last", "majority", "error"}
            What counts when several reviewers want different things for a row.

        Returns
        -------
        object
            In the type of the data that was given; the given data itself is not changed.
        """
        return self.review.corrected(reviewer, conflicts)

    @property
    def is_narrowed(self) -> bool:
        """Whether rows of the data set that was opened first were dropped."""
        return any(line["rows_out"] < line["rows_in"] for line in self._history)

    @property
    def history(self) -> "pd.DataFrame":
        """What was done so far: step, rows_in, flagged, rows_out, relabelled."""
        import pandas as pd

        columns = ["step", "rows_in", "flagged", "rows_out", "relabelled"]
        return pd.DataFrame(self._history, columns=columns).astype({"flagged": "Int64"})

    def drop(self, *names: str, below: float | None = None) -> "Datalab":
        """A lab without the rows that some checks flag.

        Parameters
        ----------
        *names : str
            Issue types that were checked. Of a set of near duplicates one row stays.
        below : float, optional
            Drop rows whose score is lower than this, instead of those that are flagged.

        Returns
        -------
        Datalab
            A new lab over the other rows, with what was found so far; this one does not change. Its
            ``data`` are those rows of the data set, in the type that was given.

        Raises
        ------
        NotFound
            A type was not checked or has no results.
        InputError
            No row would stay.

        Examples
        --------
        >>> from datalab import Datalab
        >>> lab = Datalab({"x": [1, None, 3]}, task=None, verbosity=0).find_issues(["null"])
        >>> lab.drop("null").data, lab.keep(lab.issues["is_null_issue"]).data
        ({'x': [1, 3]}, {'x': [None]})
        """
        from datalab.narrowing import narrowed, to_drop

        if not names:
            raise InputError('drop what? name issue types: drop("near_duplicate")')
        stay = np.ones(len(self), dtype=bool)
        for name in names:
            outcome = self._outcome(name)
            if outcome.findings is not None:
                stay[outcome.findings.positions()[to_drop(outcome, below)]] = False
        told = ", ".join(names) + ("" if below is None else f" below {below:g}")
        return narrowed(self, np.flatnonzero(stay), f"drop: {told}")

    def keep(self, rows: Any) -> "Datalab":
        """A lab over some of the rows.

        Parameters
        ----------
        rows : bool mask of shape (N,), index label, or sequence of index labels
            Of this lab's own data.

        Returns
        -------
        Datalab
            As for `drop`.
        """
        from datalab._data.rows import positions_of
        from datalab.narrowing import narrowed

        at = np.sort(positions_of(rows, self._source.index, len(self)))
        return narrowed(self, at, "keep")

    def chain(self, *steps: Any) -> "Chain":
        """Checks in a row, each of which sees only what the earlier ones have left.

        Parameters
        ----------
        *steps : str, manager, or (str, dict) pair
            Issue types; with parameters as a manager such as ``Label(filter_by="both")`` or a
            pair such as ``("outlier", {"threshold": 0.2})``.

        Returns
        -------
        Chain
            Nothing has run yet: look at it, edit it, and call ``run()``.
        """
        from datalab.chain import Chain

        chain = Chain(self, steps)
        self.chains.append(chain)
        return chain

    def _restore_chain(self, saved: Mapping[str, Any]) -> None:
        from datalab.chain import Chain

        self.chains.append(Chain.from_dict(self, saved))

    def append(self, rows: Any, *, pred_probs: Any = None, features: Any = None) -> "Datalab":
        """A lab with further rows, which are judged against those that are known.

        What was found about the known rows stays exactly as it is. Checks that can, judge a new
        row by itself or by comparing it with the known ones; the others run over all rows, and
        only what they say about the new ones is taken. ``outcomes`` says which.

        Parameters
        ----------
        rows : of the same type as the data
            The new examples, with the same columns; labels may be missing.
        pred_probs, features : array-like, optional
            Of the new rows, where they were given for the others.

        Returns
        -------
        Datalab
            A new lab over all rows; this one does not change.

        Raises
        ------
        InputError
            Other columns, an unknown class, index labels that are there already, or arrays that
            were not given for the others.
        """
        from datalab.appending import appended

        return appended(self, rows, {"pred_probs": pred_probs, "features": features})

    def compare(self, other: "Datalab | None" = None) -> "Comparison":
        """What changed from this audit to another one, by row and issue type.

        Parameters
        ----------
        other : Datalab, optional
            The later audit: of the same data after corrections, with other inputs, or of another
            version. Rows are the same when their index labels are equal (labs without an index of
            their own: when they stand at the same place of the data set opened first). By
            default the last call of `find_issues` is compared with what was found before it.

        Returns
        -------
        Comparison
            Shows itself; has ``frame()``, ``summary()`` and ``plot()``.

        Raises
        ------
        NotFound
            One of the labs has no findings yet.

        Examples
        --------
        >>> from datalab import Datalab
        >>> lab = Datalab({"x": [1, 2, 3, None]}, task=None, verbosity=0).find_issues(["null"])
        >>> later = Datalab({"x": [1, 2, None, 3]}, task=None, verbosity=0).find_issues(["null"])
        >>> lab.compare(later).frame()[["row", "change"]].to_numpy().tolist()
        [[2, 'appeared'], [3, 'disappeared']]
        """
        from datalab.comparison import compare

        if other is not None:
            return compare(self, other)
        if not self._before:
            raise NotFound("there was no audit before the last one: pass the lab to compare with")
        earlier = copy.copy(self)
        earlier._outcomes = self._before
        return compare(earlier, self)

    # ------------------------------------------------------------------ saving

    def save(
        self, path: str | os.PathLike[str], *, force: bool = False, include_data: bool = False
    ) -> Path:
        """Write the lab into a folder: inputs, findings, decisions and chains.

        Parameters
        ----------
        path : str or Path
            A folder that does not exist yet, or that holds a lab (with ``force=True``).
        force : bool
            Replace the lab that was saved there. A process that is killed meanwhile leaves the
            old lab or the new one.
        include_data : bool
            Store the data set as well; otherwise it has to be given to `load`.

        Returns
        -------
        Path
            The folder: a ``manifest.json`` that people can read, and arrays.

        Raises
        ------
        InputError
            The folder holds something else, or something in the findings of a custom manager is
            not data.
        """
        from datalab.store import save

        with self._lock:
            return save(self, path, force=force, include_data=include_data)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        data: Any = None,
        *,
        callables: Mapping[str, Any] | None = None,
    ) -> "Datalab":
        """Read a lab that `save` wrote; nothing that is read can run.

        Parameters
        ----------
        path : str or Path
            The folder.
        data : optional
            The data set, as it was; may be left out when it was saved too, or was a file that is
            still there.
        callables : mapping of str to callable, optional
            Functions that were parameters of checks, by the name the error asks for.

        Returns
        -------
        Datalab

        Raises
        ------
        NotFound
            There is no lab, or a function is needed.
        InputError
            The data has changed (the message says what), or the format is a newer one.
        """
        from datalab.store import load

        return load(cls, path, data, callables)

    # ------------------------------------------------------------------ results

    @property
    def outcomes(self) -> results.Outcomes:
        """How every check ended, with the reason where it found nothing to say."""
        order = {name: i for i, name in enumerate(specs(self.task))}
        known = sorted(self._outcomes.values(), key=lambda o: order.get(o.name, len(order)))
        return results.Outcomes(known)

    def _found(self) -> dict[str, Outcome]:
        return {o.name: o for o in self.outcomes if o.findings is not None}

    @property
    def issues(self) -> "pd.DataFrame":
        """One row per example: ``is_<type>_issue`` and ``<type>_score`` for every check that ran.

        Indexed like the user's DataFrame, 0..N-1 for other data. Flags are nullable where a check
        did not look at every row.
        """
        return results.issues_frame(self._found().values(), self._source)

    @property
    def issue_summary(self) -> "pd.DataFrame":
        """One row per check that ran: issue_type, score, num_issues, status."""
        return results.summary_frame(self._found().values())

    @property
    def info(self) -> dict[str, Any]:
        """Everything else that was computed: ``{"statistics": {…}, "<type>": {…}}``."""
        found = self._found()
        return {
            "statistics": self._statistics(),
            **{n: results.info_of(o) for n, o in found.items()},
        }

    def _statistics(self) -> dict[str, Any]:
        statistics: dict[str, Any] = {
            "num_examples": len(self),
            "class_names": self.class_names,
            "num_classes": len(self.class_names),
            "multi_label": self.task == "multilabel",
            "health_score": None,
        }
        scores = [o.findings.summary for o in self._found().values() if o.findings is not None]
        if scores:
            statistics["health_score"] = float(np.mean([s for s in scores if s is not None]))
        if self._labels is not None:
            statistics["num_missing_labels"] = int((~targets(self._labels)[1]).sum())
        graph = self._artefacts.current("knn_graph")
        if graph is not None:
            statistics["weighted_knn_graph"] = graph.value.to_csr()
            if not self._artefacts.given("knn_graph"):
                statistics["knn_metric"] = graph.value.metric
                statistics["knn_search"] = dict(graph.value.search)
        return statistics

    def _outcome(self, issue_name: str) -> Outcome:
        """The outcome that has findings; otherwise an error that says why there are none."""
        if not self._outcomes:
            raise NotFound(f"nothing has been audited: call find_issues() before {issue_name!r}")
        known = self._outcomes.get(issue_name)
        if known is None:
            possible = specs(self.task)
            if issue_name in possible:
                raise NotFound(f"{issue_name!r} was not checked: find_issues([{issue_name!r}])")
            raise NotFound(
                f"unknown issue type {issue_name!r}: {did_you_mean(issue_name, possible)}"
            )
        if known.findings is None:
            raise NotFound(f"{issue_name!r} has no results ({known.status}): {known.reason}")
        return known

    def get_issues(self, issue_name: str | None = None) -> "pd.DataFrame":
        """Flags and scores of one issue type with its further columns, or of all of them.

        Raises
        ------
        NotFound
            The type is unknown, was not checked or has no results.
        """
        if issue_name is None:
            if not self._outcomes:
                raise NotFound("nothing has been audited: call find_issues() first")
            return self.issues
        return results.issue_frame(self._outcome(issue_name), self._source, self.class_names)

    def get_issue_summary(self, issue_name: str | None = None) -> "pd.DataFrame":
        """`issue_summary`, or its row for one type; raises `NotFound` as `get_issues` does."""
        if issue_name is None:
            return self.issue_summary
        return results.summary_frame([self._outcome(issue_name)])

    def get_info(self, issue_name: str | None = None) -> dict[str, Any]:
        """`info`, or its part for one type; raises `NotFound` as `get_issues` does."""
        if issue_name is None:
            return self.info
        if issue_name == "statistics":
            return self._statistics()
        return results.named_info(self._outcome(issue_name), self.class_names)

    def worst(self, n: int = 20, issue: str | None = None) -> "pd.DataFrame":
        """The rows to look at first: what was found and why, beside the user's own columns.

        Parameters
        ----------
        n : int
            At most so many rows.
        issue : str, optional
            Only this issue type.

        Returns
        -------
        DataFrame
            Columns ``issue`` (the types that flag the row), ``score`` (of the most severe one),
            ``reason``, then the user's columns, where personal data that was found is masked. Rows
            come by how extreme their score is among all scores of its type, then by how many types
            flag them.
        """
        whole_number(n, name="n", least=0)
        found = {issue: self._outcome(issue)} if issue is not None else self._found()
        shown = results.masking(self._found().values())
        return results.worst_frame(list(found.values()), self._source, self.class_names, n, shown)

    # ------------------------------------------------------------------ what can be checked

    def list_possible_issue_types(self) -> list[str]:
        """Every issue type that this task and this kind of data have."""
        return list(specs(self.task, self._artefacts))

    def list_default_issue_types(self) -> list[str]:
        """The issue types that ``find_issues()`` looks for by default."""
        possible = specs(self.task, self._artefacts)
        return [name for name, spec in possible.items() if spec.default]

    def requirements(self) -> "pd.DataFrame":
        """What each issue type needs, and whether it is there: issue_type, needs, uses, ready."""
        return results.requirements_frame(specs(self.task).values(), self._artefacts, self._rules)

    # ------------------------------------------------------------------ looking and handing over

    @property
    def plot(self) -> "PlotAccessor":
        """Pictures: ``lab.plot.confusion()``, ``.scores("label")``, ``.issues()``, …."""
        from datalab.plots import PlotAccessor

        return PlotAccessor(self)

    def health(
        self, *, n_resamples: int = 1000, level: float = 0.95, random_state: int = 0
    ) -> "Health":
        """How healthy the labels are: overall, per class and per pair of classes.

        Parameters
        ----------
        n_resamples, level, random_state
            The bootstrap; see `datalab.health.label_health`.

        Returns
        -------
        Health
            An object that shows itself; its tables are ``.frame("classes")``, ``.frame("pairs")``
            and ``.frame("overall")``.

        Raises
        ------
        NotFound
            The task has no classes, or there are no labels.
        NotApplicable
            There are no ``pred_probs``, and none can be made.
        """
        from datalab.health import health_of

        return health_of(self, n_resamples=n_resamples, level=level, random_state=random_state)

    def model_card(self) -> "ModelCard":
        """What was trained to judge the labels, its scores, and whether to trust its flags.

        Returns
        -------
        ModelCard
            An object that shows itself; its tables are ``.frame("scores")``,
            ``.frame("classes")`` and ``.frame("models")``.

        Raises
        ------
        NotFound
            There are no labels.
        NotApplicable
            There are no predictions, and none can be made.
        """
        from datalab.model_card import card_of

        return card_of(self)

    @property
    def view(self) -> "ViewAccessor":
        """One live view: ``lab.view.table()``, ``.confusion()``, ``.scores()``, ….

        Raises
        ------
        NotFound
            There is no such view; the message names those that there are.
        """
        from datalab.views.explorer import ViewAccessor

        return ViewAccessor(self)

    def explore(self, *names: str, issue: str | None = None) -> "Explorer":
        """Look, click, correct and undo inside the notebook: live views that are linked.

        Parameters
        ----------
        *names : str
            Which views, such as ``"table"`` or ``"confusion"``; by default the usual ones.
        issue : str, optional
            The check to begin with; by default the first that flags rows.

        Returns
        -------
        Explorer
            Shows itself in a notebook; ``.selection``, ``.filter`` and ``.selected()`` connect it
            with Python. Without a kernel the static report stands in its place.

        Raises
        ------
        NotFound
            There is no such view, or the check has no results.
        """
        from datalab.views.explorer import Explorer

        return Explorer(self, names, issue=issue)

    def report(
        self,
        num_examples: int = 5,
        *,
        verbosity: int | None = None,
        include_description: bool = True,
        show_summary_score: bool = False,
        show_all_issues: bool = False,
    ) -> None:
        """Show the full report where it is called: rich in a notebook, as text elsewhere.

        Parameters
        ----------
        num_examples : int
            Examples shown per issue type.
        verbosity : int, optional
            Accepted for those who come from cleanlab; 0 shows the summary only.
        include_description : bool
            Whether to say what each issue type means.
        show_summary_score : bool
            Whether to show the score of each type for the whole data set.
        show_all_issues : bool
            Whether to show types without any issue as well.
        """
        from datalab.views.report import show_report

        if isinstance(num_examples, bool) or not isinstance(num_examples, (int, np.integer)):
            raise InputTypeError(
                "`num_examples` must be an integer, how many examples to show for each issue "
                f"type, got {in_words(num_examples)}; get_issues(issue_type) is about one type"
            )
        show_report(
            self,
            num_examples=0 if verbosity == 0 else num_examples,
            include_description=include_description,
            show_summary_score=show_summary_score,
            show_all_issues=show_all_issues,
        )

    def export(self, target: Any) -> Any:
        """Write the findings to a file, or return them as one table.

        Parameters
        ----------
        target : str or Path
            ``"frame"`` returns a DataFrame in row order; a path that ends in ``.csv``,
            ``.parquet``, ``.xlsx`` or ``.html`` (one file that works offline) is written and
            returned.

        Raises
        ------
        InputError
            An unknown kind of file.
        NotFound
            Nothing has been audited.
        """
        from datalab.exports import export

        return export(self, target)

    def _repr_html_(self) -> str:
        from datalab.views.static import summary_html

        return summary_html(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What notebooks and terminals show: the summary, rich and as text."""
        return {"text/html": self._repr_html_(), "text/plain": str(self)}

    def __repr__(self) -> str:
        ran = list(self._outcomes)
        return (
            f"Datalab({type(self.data).__name__}, task={self.task!r}, "
            f"label_name={self.label_name!r}, {len(self)} examples, "
            f"checks: {', '.join(ran) if ran else 'none yet'})"
        )

    def __str__(self) -> str:
        from datalab.views.text import summary_text

        return summary_text(self)


def _name(name: Any) -> str | None:
    """A column's name as text, as all names of columns are inside (pandas allows numbers)."""
    return None if name is None else str(name)
