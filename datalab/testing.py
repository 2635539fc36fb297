"""A test kit for issue managers of one's own."""

import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datalab import audit
from datalab.audit import Outcome, Step
from datalab.exceptions import InputError, ManagerError
from datalab.findings import Findings
from datalab.lab import Datalab
from datalab.managers.base import Spec, spec_of
from datalab.packing import Packer
from datalab.results import explained

if TYPE_CHECKING:
    from datalab.managers.base import IssueManager

__all__ = ["check_manager", "example_lab"]

ROWS, CLASSES = 60, ("bird", "cat", "dog")


def check_manager(manager: Any, lab: Datalab | None = None) -> Findings:
    """Test that a manager keeps the rules, so that audits, reports, chains and saving work with it.

    Parameters
    ----------
    manager : type or IssueManager
        The class, or an object of it with the parameters to test.
    lab : Datalab, optional
        Data that the manager makes sense for; by default a small generated data set for each of
        its tasks, with numbers, texts, images, labels, probabilities, features and annotators.

    Returns
    -------
    Findings
        Of the last run.

    Raises
    ------
    InputError, InputTypeError
        A rule is broken; the message says which, and what to do.
    ManagerError
        The manager failed; the cause is kept.

    Notes
    -----
    It checks that parameters are kept under their own names, that the manager runs (on all rows,
    on half of them, and twice with the same result), that it leaves its inputs alone, that its
    columns are what ``produces`` says, that every flagged row is explained in words, and that the
    findings can be shown and saved.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab import Findings
    >>> from datalab.testing import check_manager
    >>> class ShortText:
    ...     "Texts too short to carry a label."
    ...     name = "short_text"
    ...     def __init__(self, min_chars=10):
    ...         self.min_chars = min_chars
    ...     def find_issues(self, text):
    ...         length = np.array([len(t) for t in text])
    ...         score = np.minimum(length / self.min_chars, 1.0)
    ...         return Findings(self.name, is_issue=score < 1.0, score=score)
    >>> check_manager(ShortText).num_issues
    12
    """
    factory = manager if isinstance(manager, type) else type(manager)
    spec = spec_of(factory)
    made = spec.make({}) if isinstance(manager, type) else manager
    _check_parameters(spec, made)
    labs = [lab] if lab is not None else [example_lab(task) for task in spec.tasks]
    found: Findings | None = None
    reasons = []
    for one in labs:
        outcome = _check_on(one, spec, made)
        found = outcome.findings or found
        reasons.append(f"task {one.task!r}: {outcome.reason}")
    if found is None:
        raise InputError(
            f"{spec.name}: not applicable to the data it was tested on ({'; '.join(reasons)}); "
            "pass lab= with data that it makes sense for"
        )
    return found


def example_lab(task: str | None = "classification") -> Datalab:
    """A small generated data set that has something of everything.

    Parameters
    ----------
    task : {"classification", "regression", "multilabel"} or None

    Returns
    -------
    Datalab
        60 rows with the columns ``size``, ``weight``, ``text``, ``image``, ``part`` (a split) and
        ``label``, with features, probabilities and, for classification, three annotators.
    """
    rng = np.random.default_rng(0)
    truth = rng.integers(len(CLASSES), size=ROWS)
    features = rng.normal(size=(ROWS, 5)) + 3 * np.eye(5)[truth]
    features[1] = features[0]
    given = truth.copy()
    given[::20] = (given[::20] + 1) % len(CLASSES)
    names = np.array(CLASSES)
    labels: dict[str | None, Any] = {
        "classification": names[given],
        "regression": features[:, 0],
        "multilabel": [sorted({CLASSES[a], CLASSES[b]}) for a, b in zip(truth, given, strict=True)],
        None: names[given],
    }
    lab = Datalab(
        {
            "size": features[:, 0],
            "weight": np.where(np.arange(ROWS) % 15, features[:, 1], np.nan),
            "text": _texts(rng, names[truth]),
            "image": rng.integers(256, size=(ROWS, 12, 10, 3), dtype=np.uint8),
            "part": np.where(np.arange(ROWS) % 4, "train", "test"),
            "label": labels[task],
        },
        task,
        "label" if task is not None else None,
        image_key="image",
        verbosity=0,
        text_key="text",
        split="part",
        ledger=False,
    )
    return _given(lab, features, truth, rng)


def _texts(rng: np.random.Generator, animals: Any) -> list[str]:
    words = np.array(
        ["a", "small", "big", "old", "young", "quiet", "loud", "friendly", "wild", "tame"]
    )
    texts = [f"{' '.join(rng.choice(words, size=6))} {animal}" for animal in animals]
    texts[::5] = ["short"] * len(texts[::5])
    return texts


def _given(lab: Datalab, features: Any, truth: Any, rng: np.random.Generator) -> Datalab:
    lab.give(features=features)
    if lab.task == "regression":
        return lab.give(pred_probs=features[:, 0] + rng.normal(scale=0.1, size=ROWS))
    if lab.task is None:
        return lab
    sure = rng.uniform(0.5, 0.95, size=(ROWS, 1))
    pred_probs = np.where(np.eye(len(CLASSES))[truth] == 1, sure, (1 - sure) / 2)
    lab.give(pred_probs=pred_probs)
    if lab.task == "multilabel":
        return lab
    votes = np.where(rng.random((ROWS, 3)) < 0.8, truth[:, None], rng.integers(3, size=(ROWS, 3)))
    return lab.give(annotations=np.array(CLASSES)[votes])


def _check_parameters(spec: Spec, manager: "IssueManager") -> None:
    for name, default in spec.parameters().items():
        if not hasattr(manager, name):
            raise InputError(
                f"{spec.name}: the parameter {name!r} is not kept; set self.{name} = {name} in "
                "__init__, so that chains and reports can show and change it"
            )
        if default is inspect.Parameter.empty:
            raise InputError(
                f"{spec.name}: the parameter {name!r} has no default; give it one, so that "
                f"find_issues([{spec.name!r}]) can run"
            )


def _check_on(lab: Datalab, spec: Spec, manager: "IssueManager") -> Outcome:
    """Run on one data set, whole and in part, and look at what comes out."""
    outcome = _run(lab, spec, manager)
    for part in (lab.keep(np.arange(len(lab)) % 2 == 0), lab.keep(np.arange(len(lab)) < 2)):
        _run(part, spec, manager)
    if outcome.findings is None:
        return outcome
    again = _run(lab, spec, manager).findings
    if again is None or not _equal(outcome.findings, again):
        raise InputError(
            f"{spec.name}: a second run found something else; use a random generator of its own "
            "with a fixed seed, and keep nothing between runs"
        )
    _check_columns(outcome, lab)
    _check_words(outcome, lab)
    with tempfile.TemporaryDirectory() as folder:
        for name, value in {**outcome.findings.info, **outcome.findings.columns}.items():
            Packer(Path(folder)).pack(value, f"{spec.name}: {name!r}")
    chain = lab.chain(manager).run()
    repr(chain.lab), chain.lab._repr_html_(), chain.lab.worst(3)
    lab.chains.remove(chain)
    return outcome


def _run(lab: Datalab, spec: Spec, manager: "IssueManager") -> Outcome:
    step = Step(spec, manager)
    options = lab._options([step], rules="datalab", random_state=0)
    outcome = audit.run(step, lab._artefacts, options)
    if outcome.error is not None:
        cause = outcome.error.__cause__
        told = f"{spec.name} failed on {len(lab)} rows, task {lab.task!r}: {outcome.reason}"
        if isinstance(cause, ValueError) and "read-only" in str(cause):
            told += "; a manager must not change what it is given: take a copy"
        raise ManagerError(told) from cause
    return outcome


def _equal(one: Findings, other: Findings) -> bool:
    return bool(
        np.array_equal(one.is_issue, other.is_issue)
        and np.array_equal(one.score, other.score)
        and one.columns.keys() == other.columns.keys()
    )


def _check_columns(outcome: Outcome, lab: Datalab) -> None:
    found, produces = outcome.findings, outcome.spec.produces
    if found is None:
        return
    for name, kind in produces.items():
        if name not in found.columns and name not in found.info:
            raise InputError(f"{outcome.name}: `produces` names {name!r}, which is not there")
        values = found.columns.get(name, ())
        for top, kinds in ((len(lab), ("row",)), (len(lab.class_names), ("class",))):
            if kind in kinds and len(values) and top:
                codes = np.asarray(values)
                if codes.dtype.kind not in "iu" or codes.min() < -1 or codes.max() >= top:
                    raise InputError(
                        f"{outcome.name}: column {name!r} is a {kind}, so it must hold whole "
                        f"numbers from -1 (none) to {top - 1}"
                    )


def _check_words(outcome: Outcome, lab: Datalab) -> None:
    if outcome.findings is None:
        return
    flagged = np.flatnonzero(outcome.findings.is_issue)
    for row in _explained(outcome, flagged, lab):
        if not isinstance(row["reason"], str) or not row["reason"]:
            raise InputError(
                f"{outcome.name}: explain() must return a text, got {row['reason']!r} for row "
                f"{row['row']}"
            )


def _explained(outcome: Outcome, at: Any, lab: Datalab) -> Iterator[dict[str, Any]]:
    try:
        yield from explained(outcome, at, lab.class_names)
    except Exception as error:
        raise ManagerError(f"{outcome.name}: explain() failed: {error!r}") from error
