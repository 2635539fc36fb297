"""Consensus labels, their quality and that of the annotators, from several labels per example.

The functions take one column per annotator (missing where an annotator was not asked). The table
is read once into a list of answers; all arithmetic is in the number of answers.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import as_array, choice, keywords, listing, probabilities, unit_interval
from datalab._core.active_learning import (
    calibrated,
    equal_judge,
    labelled_scores,
    unlabelled_scores,
)
from datalab._core.consensus import CONSENSUS, QUALITY, Verdict, verdicts
from datalab._core.crowdlab import annotator_quality
from datalab._core.multiannotator import (
    Answers,
    agreement_with,
    answer_quality,
    answers_from,
    majority_vote,
    worst_class,
)
from datalab._core.rank import ADJUSTABLE, SCORES
from datalab._data.wide import WideTable, read_gold, read_wide, refuse_nothing_to_compare
from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "convert_long_to_wide_dataset",
    "get_active_learning_scores",
    "get_active_learning_scores_ensemble",
    "get_label_quality_multiannotator",
    "get_label_quality_multiannotator_ensemble",
    "get_majority_vote_label",
]

_log = logging.getLogger("datalab")


def get_label_quality_multiannotator(
    labels_multiannotator: "pd.DataFrame | ArrayLike",
    pred_probs: ArrayLike | None = None,
    *,
    consensus_method: str | list[str] = "best_quality",
    quality_method: str = "crowdlab",
    calibrate_probs: bool = False,
    return_detailed_quality: bool = True,
    return_annotator_stats: bool = True,
    return_weights: bool = False,
    verbose: bool = True,
    label_quality_score_kwargs: Mapping[str, Any] | None = None,
    gold: ArrayLike | None = None,
) -> dict[str, Any]:
    """Consensus label of each example, and the quality of labels and annotators.

    Parameters
    ----------
    labels_multiannotator : DataFrame or array-like of shape (N, A)
        One row per example, one column per annotator (the column names are their ids): class codes
        0..K-1, missing (NaN, None, NA or -1) where an annotator was not asked, or abstained.
    pred_probs : array-like of shape (N, K), optional
        Out-of-sample predicted probabilities in [0, 1]; column k is class k. None: consensus from
        the answers alone.
    consensus_method : {"best_quality", "majority_vote"} or list of these
        The label of highest quality, or the one most annotators gave. Of a list, each method gets
        its columns (the later ones with its name as suffix); the other tables belong to the first.
    quality_method : {"crowdlab", "dawid_skene", "agreement"}
        Whether quality weighs annotators and model by how far they can be trusted, is the
        probability of the label by a model of the annotators (the best one here, see Notes), or
        is the share of annotators who agree.
    calibrate_probs : bool
        Whether the probabilities are first brought to the temperature that fits the answers.
    return_detailed_quality, return_annotator_stats, return_weights : bool
        Which tables to return beside ``"label_quality"``.
    verbose : bool
        Whether remarks are logged at INFO.
    label_quality_score_kwargs : mapping, optional
        ``method`` and ``adjust_pred_probs`` of `datalab.rank.get_label_quality_scores`, by which
        labels are scored under the combined probabilities.
    gold : array-like of shape (N,), optional
        True class codes of the examples for which they are known, otherwise missing (NaN, None,
        NA, -1). They are the consensus there, and annotators are judged by them.

    Returns
    -------
    dict
        ``"label_quality"``: DataFrame with one row per example: ``consensus_label``,
        ``consensus_quality_score``, ``annotator_agreement``, ``num_annotations``. Examples without
        any label, which only "dawid_skene" takes, have the model's label, or without a model none
        (NA).
        ``"detailed_label_quality"``: DataFrame, ``quality_annotator_<id>`` for each annotator, NaN
        where not asked. ``"annotator_stats"``: DataFrame with one row per annotator, worst first:
        ``annotator_quality``, ``agreement_with_consensus``, ``worst_class``,
        ``num_examples_labeled``. ``"model_weight"`` (float) and ``"annotator_weight"`` (ndarray
        of shape (A,)): on request, of the last consensus method.

    Raises
    ------
    InputError
        The table is not two-dimensional, holds texts or numbers that are no class codes, has an
        empty row or column, a single column, or a single label on every example; `pred_probs` do
        not fit it; an unknown method; weights asked for where there are none.

    Notes
    -----
    With pred_probs, "crowdlab" is CROWDLAB [1]_; without, it is "dawid_skene": Dawid-Skene [2]_
    with confusions shrunk to one accuracy per annotator, as far as the data ask for it, and with
    the model, if there is one, as a prior whose weight EM finds. ``annotator_quality`` is then the
    probability that the annotator's next answer is right. On 338 simulated crowds with a model its
    consensus is right for .914 of the examples (CROWDLAB .864), and its quality tells right from
    wrong with an area under the ROC curve of .884 (.832).

    Labelling functions, of which each votes on a part of the examples, are annotators as well; one
    column for each. Those that know one label only are recognised, and what they leave out tells
    as much as what they label.

    ``annotator_quality`` is NaN for annotators who share no example with others.

    With pred_probs, ``quality_method="agreement"`` has the values of cleanlab 2.9.0, which takes
    the shares of an example's labels, in the order of these labels, for classes 0, 1, …. Its
    consensus by "best_quality" and its detailed quality are therefore of little use; consensus
    and agreement by "majority_vote" are not affected. The temperatures of `calibrate_probs` are
    fitted to the same shares.

    Linear in N K and in the number of answers; the detailed table is N times A.

    References
    ----------
    .. [1] Goh, Tkachenko, Mueller: CROWDLAB: supervised learning to infer consensus labels and
       quality scores for data with multiple annotators, arXiv:2210.06812, section 3.
    .. [2] Dawid, Skene: Maximum likelihood estimation of observer error-rates using the EM
       algorithm, JRSS C 28 (1979), section 3.

    Examples
    --------
    >>> labels = [[0, 0, 1], [1, 1, None], [0, None, 1]]
    >>> probs = [[0.8, 0.2], [0.1, 0.9], [0.3, 0.7]]
    >>> found = get_label_quality_multiannotator(labels, probs, verbose=False)
    >>> found["label_quality"]["consensus_label"].tolist()
    [0, 1, 1]
    >>> found["annotator_stats"].index.tolist()
    [2, 0, 1]
    """
    methods = consensus_method if isinstance(consensus_method, list) else [consensus_method]
    if not methods:
        raise InputError(f"`consensus_method` is an empty list; known: {', '.join(CONSENSUS)}")
    for method in methods:
        choice(method, CONSENSUS, name="consensus_method")
    choice(quality_method, QUALITY, name="quality_method")
    if return_weights and (quality_method != "crowdlab" or pred_probs is None):
        raise InputError(
            "`return_weights=True` needs quality_method='crowdlab' and `pred_probs`; otherwise "
            "neither a model nor annotators are weighted"
        )
    found = _judged(
        labels_multiannotator,
        None if pred_probs is None else probabilities(pred_probs)[None],
        methods,
        quality_method,
        calibrate=calibrate_probs,
        scoring=_scoring(label_quality_score_kwargs),
        tables=_wanted(return_detailed_quality, return_annotator_stats, return_weights),
        verbose=verbose,
        gold=gold,
    )
    if return_weights:
        found["model_weight"] = found["model_weight"][0]
    return found


def get_label_quality_multiannotator_ensemble(
    labels_multiannotator: "pd.DataFrame | ArrayLike",
    pred_probs: ArrayLike,
    *,
    calibrate_probs: bool = False,
    return_detailed_quality: bool = True,
    return_annotator_stats: bool = True,
    return_weights: bool = False,
    verbose: bool = True,
    label_quality_score_kwargs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`get_label_quality_multiannotator` with several models, each with a weight of its own.

    Parameters
    ----------
    labels_multiannotator : DataFrame or array-like of shape (N, A)
        Class codes 0..K-1, one column per annotator, missing where not asked.
    pred_probs : array-like of shape (P, N, K)
        Out-of-sample predicted probabilities of P models.
    calibrate_probs : bool
        Whether each model is first brought to the temperature that fits the answers.
    return_detailed_quality, return_annotator_stats, return_weights : bool
        Which tables to return beside ``"label_quality"``.
    verbose : bool
        Whether remarks are logged at INFO.
    label_quality_score_kwargs : mapping, optional
        See `get_label_quality_multiannotator`.

    Returns
    -------
    dict
        As `get_label_quality_multiannotator`, with ``"model_weight"`` of shape (P,).

    Raises
    ------
    InputError
        As `get_label_quality_multiannotator`, or `pred_probs` is not three-dimensional.

    References
    ----------
    Goh, Tkachenko, Mueller: CROWDLAB, arXiv:2210.06812, appendix on ensembles.

    Examples
    --------
    >>> labels = [[0, 0, 1], [1, 1, None], [0, None, 1]]
    >>> models = [[[0.8, 0.2], [0.1, 0.9], [0.3, 0.7]], [[0.6, 0.4], [0.2, 0.8], [0.4, 0.6]]]
    >>> found = get_label_quality_multiannotator_ensemble(labels, models, verbose=False)
    >>> found["label_quality"]["consensus_label"].tolist()
    [0, 1, 1]
    """
    return _judged(
        labels_multiannotator,
        _models(pred_probs),
        ["best_quality"],
        "crowdlab",
        calibrate=calibrate_probs,
        scoring=_scoring(label_quality_score_kwargs),
        tables=_wanted(return_detailed_quality, return_annotator_stats, return_weights),
        verbose=verbose,
    )


def get_majority_vote_label(
    labels_multiannotator: "pd.DataFrame | ArrayLike",
    pred_probs: ArrayLike | None = None,
    verbose: bool = True,
) -> IndexArray:
    """The label that most annotators gave each example.

    Parameters
    ----------
    labels_multiannotator : DataFrame or array-like of shape (N, A)
        Class codes 0..K-1, one column per annotator, missing where not asked.
    pred_probs : array-like of shape (N, K), optional
        Predicted probabilities in [0, 1], which decide ties.
    verbose : bool
        Whether remarks are logged at INFO.

    Returns
    -------
    ndarray of int, shape (N,)

    Raises
    ------
    InputError
        The table is not two-dimensional, holds texts or numbers that are no class codes, or has
        an empty row or column; `pred_probs` do not fit it.

    Notes
    -----
    Ties go to the class of higher predicted probability, then to the class given less often
    overall, then to the annotators who agree more with untied majorities, then to the lowest code.

    Examples
    --------
    >>> get_majority_vote_label([[0, 0, 1], [1, None, 1], [0, 1, None]], verbose=False)
    array([0, 1, 0])
    """
    table = read_wide(labels_multiannotator)
    probs = None if pred_probs is None else probabilities(pred_probs)
    answers = _answers(table, None if probs is None else probs[None])
    winner = majority_vote(answers, probs)
    if verbose:
        most = answers.votes.max(axis=1, keepdims=True)
        tied = int(((answers.votes == most).sum(axis=1) > 1).sum())
        _log.info("majority vote: %d of %d examples are tied", tied, len(winner))
    return winner


def get_active_learning_scores(
    labels_multiannotator: "pd.DataFrame | ArrayLike | None" = None,
    pred_probs: ArrayLike | None = None,
    pred_probs_unlabeled: ArrayLike | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Which examples one more label would teach most (ActiveLab).

    Parameters
    ----------
    labels_multiannotator : DataFrame or array-like of shape (N, A), optional
        Class codes 0..K-1, one column per annotator (one is enough), missing where not asked.
    pred_probs : array-like of shape (N, K), optional
        Out-of-sample predicted probabilities of the labelled examples; needs their labels.
    pred_probs_unlabeled : array-like of shape (M, K), optional
        Predicted probabilities of examples without any label.

    Returns
    -------
    labelled, unlabelled : ndarray of float, shapes (N,) and (M,)
        Scores in [0, 1], comparable with each other; low = ask next. Empty where nothing was given.

    Raises
    ------
    InputError
        No probabilities at all, `pred_probs` without labels, or input that does not fit.

    Notes
    -----
    Probabilities are first brought to the temperature that fits the answers, unless no example has
    two. Linear in N K and in the number of answers.

    References
    ----------
    Goh, Mueller: ActiveLab: active learning with re-labeling by multiple annotators,
    arXiv:2301.11856, section 3.

    Examples
    --------
    >>> labels = [[0, 0, 1], [1, 1, None], [0, None, 1]]
    >>> probs = [[0.8, 0.2], [0.1, 0.9], [0.3, 0.7]]
    >>> scores, unlabelled = get_active_learning_scores(labels, probs, [[0.5, 0.5], [0.9, 0.1]])
    >>> scores.argmax(), unlabelled.argmin()
    (np.int64(1), np.int64(0))
    """
    return _active_learning(
        labels_multiannotator,
        None if pred_probs is None else probabilities(pred_probs)[None],
        None
        if pred_probs_unlabeled is None
        else probabilities(pred_probs_unlabeled, name="pred_probs_unlabeled")[None],
    )


def get_active_learning_scores_ensemble(
    labels_multiannotator: "pd.DataFrame | ArrayLike | None" = None,
    pred_probs: ArrayLike | None = None,
    pred_probs_unlabeled: ArrayLike | None = None,
) -> tuple[FloatArray, FloatArray]:
    """`get_active_learning_scores` with several models.

    Parameters
    ----------
    labels_multiannotator : DataFrame or array-like of shape (N, A), optional
        Class codes 0..K-1, one column per annotator, missing where not asked.
    pred_probs : array-like of shape (P, N, K), optional
        Out-of-sample predicted probabilities of P models; needs the labels.
    pred_probs_unlabeled : array-like of shape (P, M, K), optional
        Predicted probabilities of examples without any label.

    Returns
    -------
    labelled, unlabelled : ndarray of float, shapes (N,) and (M,)
        Scores in [0, 1], comparable with each other; low = ask next. Empty where nothing was given.

    Raises
    ------
    InputError
        As `get_active_learning_scores`, or probabilities that are not three-dimensional.

    References
    ----------
    Goh, Mueller: ActiveLab, arXiv:2301.11856, section 3.

    Examples
    --------
    >>> models = [[[0.9, 0.1], [0.5, 0.5]], [[0.7, 0.3], [0.6, 0.4]]]
    >>> get_active_learning_scores_ensemble(pred_probs_unlabeled=models)[1].round(3)
    array([0.7  , 0.533])
    """
    return _active_learning(
        labels_multiannotator,
        None if pred_probs is None else _models(pred_probs),
        None
        if pred_probs_unlabeled is None
        else _models(pred_probs_unlabeled, name="pred_probs_unlabeled"),
    )


def convert_long_to_wide_dataset(labels_multiannotator_long: "pd.DataFrame") -> "pd.DataFrame":
    """One row per task and one column per annotator, from one row per answer.

    Parameters
    ----------
    labels_multiannotator_long : DataFrame
        Columns ``task``, ``annotator``, ``label``; others are ignored.

    Returns
    -------
    DataFrame
        Sorted by task and annotator, missing where not asked.

    Raises
    ------
    InputError
        Not such a table, or two labels of one annotator for one task.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = {"task": [7, 7, 9], "annotator": ["a", "b", "a"], "label": [0, 1, 1]}
    >>> convert_long_to_wide_dataset(pd.DataFrame(columns))
         a    b
    7  0.0  1.0
    9  1.0  NaN
    """
    long = labels_multiannotator_long
    names = ["task", "annotator", "label"]
    lacking = [name for name in names if name not in getattr(long, "columns", ())]
    if lacking:
        raise InputError(
            f"`labels_multiannotator_long` must be a DataFrame with columns {names}; it lacks "
            f"{lacking}"
        )
    twice = long.duplicated(["task", "annotator"])
    if twice.any():
        row = long[twice].iloc[0]
        raise InputError(
            f"`labels_multiannotator_long` has two labels of annotator {row['annotator']!r} for "
            f"task {row['task']!r} ({int(twice.sum())} such rows); keep one"
        )
    wide = long.pivot(index="task", columns="annotator", values="label")  # noqa: PD010 (no mean)
    return wide.rename_axis(index=None, columns=None)


# ---------------------------------------------------------------------------------- the inputs


def _answers(table: WideTable, probs: FloatArray | None, gold: IndexArray | None = None) -> Answers:
    """The answers of the table, about the classes of the models (P, N, K)."""
    n_classes = int(max(table.label.max(), -1 if gold is None else gold.max())) + 1
    if probs is not None:
        if probs.shape[1] != table.shape[0]:
            raise InputError(
                f"`pred_probs` has {probs.shape[1]} rows but `labels_multiannotator` has "
                f"{table.shape[0]}; give one row per example, in the same order"
            )
        if probs.shape[2] < n_classes:
            raise InputError(
                f"`pred_probs` has {probs.shape[2]} columns but `labels_multiannotator`"
                f"{'' if gold is None else ' or `gold`'} goes up to {n_classes - 1}; give one "
                "column per class, column k for label k"
            )
        n_classes = probs.shape[2]
    return answers_from(
        table.item,
        table.annotator,
        table.label,
        n_items=table.shape[0],
        n_annotators=table.shape[1],
        n_classes=n_classes,
    )


def _models(pred_probs: Any, *, name: str = "pred_probs") -> FloatArray:
    array = as_array(pred_probs, name=name)
    if array.ndim != 3:
        raise InputError(
            f"`{name}` must have shape (P, N, K), one (N, K) array per model, got shape "
            f"{array.shape}; for one model use the function without _ensemble"
        )
    return unit_interval(array, name=name)


def _scoring(label_quality_score_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Checked keyword arguments of `answer_quality`."""
    name = "label_quality_score_kwargs"
    options = keywords(label_quality_score_kwargs, ("method", "adjust_pred_probs"), name=name)
    method = choice(options.get("method", "self_confidence"), SCORES, name="method")
    adjust = bool(options.get("adjust_pred_probs", False))
    if adjust and method not in ADJUSTABLE:
        raise InputError(
            f"`adjust_pred_probs` cannot be used with {method!r}; use one of {list(ADJUSTABLE)}"
        )
    return {"method": method, "adjust": adjust}


def _wanted(detailed: bool, stats: bool, weights: bool) -> set[str]:
    names = {"detailed": detailed, "stats": stats, "weights": weights}
    return {name for name, wanted in names.items() if wanted}


# ---------------------------------------------------------------------------------- the outputs


def _judged(
    labels_multiannotator: Any,
    probs: FloatArray | None,
    methods: Sequence[str],
    quality_method: str,
    *,
    calibrate: bool,
    scoring: Mapping[str, Any],
    tables: set[str],
    verbose: bool,
    gold: Any = None,
) -> dict[str, Any]:
    """The verdicts of all methods, as the tables that are wanted."""
    infers = quality_method == "dawid_skene" or (quality_method == "crowdlab" and probs is None)
    table = read_wide(labels_multiannotator, gaps=quality_method == "dawid_skene")
    if not infers or (probs is None and gold is None):
        refuse_nothing_to_compare(table)
    truth = None if gold is None else read_gold(gold, table.shape[0])
    answers = _answers(table, probs, truth)
    if verbose:
        _remark(answers, table, quality_method, methods)
    if calibrate and probs is not None:
        probs, _ = calibrated(answers, probs)
    by_method = verdicts(answers, probs, methods, quality_method, scoring, truth)
    first, last = by_method[0], by_method[-1]
    found: dict[str, Any] = {"label_quality": _label_table(table, methods, by_method)}
    # As in the reference, annotators are judged by plain scores where the table is not wanted.
    plain = "detailed" not in tables and probs is not None
    scores = answer_quality(
        first.opinion.posterior,
        answers.item,
        answers.label,
        answers.annotator,
        **({} if plain else scoring),
    )
    if "detailed" in tables:
        found["detailed_label_quality"] = _detailed_table(table, scores)
    if "stats" in tables:
        found["annotator_stats"] = _annotator_table(table, answers, first, scores)
    if "weights" in tables and last.opinion.weights is not None:
        found["model_weight"] = last.opinion.weights.model
        found["annotator_weight"] = last.opinion.weights.annotator
    return found


def _remark(
    answers: Answers,
    table: WideTable,
    quality_method: str = "crowdlab",
    methods: Sequence[str] = (),
) -> None:
    """Log what the tables do not show."""
    others = answers.sum_by_annotator(answers.per_item[answers.item] - 1)
    alone = np.flatnonzero(others == 0)
    if alone.size:
        _log.info(
            "annotators who share no example with others, whose agreement is taken to be the mean "
            "of the others: %s",
            listing(table.name(int(at)) for at in alone),
        )
    if quality_method == "agreement" and "best_quality" in methods:
        _log.info(
            "quality_method='agreement' follows cleanlab 2.9.0, where the consensus by "
            "'best_quality' is of no use; take consensus_method='majority_vote'"
        )


def _label_table(
    table: WideTable, methods: Sequence[str], by_method: Sequence[Verdict]
) -> "pd.DataFrame":
    import pandas as pd

    frames = [
        pd.DataFrame(
            {
                "consensus_label": _labels_or_na(verdict.consensus),
                "consensus_quality_score": verdict.quality,
                "annotator_agreement": verdict.agreement,
            },
            index=table.index,
        )
        for verdict in by_method
    ]
    frames[0]["num_annotations"] = table.per_item
    others = [
        frame.add_suffix(f"_{method}")
        for frame, method in zip(frames[1:], methods[1:], strict=True)
    ]
    return pd.concat([frames[0], *others], axis=1)


def _labels_or_na(consensus: IndexArray) -> Any:
    """Plain integers; nullable ones where some examples have no consensus."""
    import pandas as pd

    silent = consensus < 0
    return pd.arrays.IntegerArray(consensus, silent) if silent.any() else consensus


def _detailed_table(table: WideTable, scores: FloatArray) -> "pd.DataFrame":
    import pandas as pd

    wide = np.full(table.shape, np.nan)
    wide[table.item, table.annotator] = scores
    columns = pd.RangeIndex(table.shape[1]) if table.columns is None else table.columns
    names = pd.DataFrame(columns=columns).add_prefix("quality_annotator_").columns
    return pd.DataFrame(wide, index=table.index, columns=names, copy=False)


def _annotator_table(
    table: WideTable, answers: Answers, verdict: Verdict, scores: FloatArray
) -> "pd.DataFrame":
    import pandas as pd

    agreement = agreement_with(answers, verdict.consensus)
    quality = annotator_quality(answers, verdict.consensus, scores, verdict.opinion)
    asked = np.bincount(answers.annotator, minlength=table.shape[1])
    quality = np.where(asked > 0, quality, np.nan)
    order = np.lexsort((agreement, quality))
    columns = {
        "annotator_quality": quality,
        "agreement_with_consensus": agreement,
        "worst_class": worst_class(answers, verdict.consensus, verdict.quality),
        "num_examples_labeled": asked,
    }
    index = order if table.columns is None else table.columns[order]
    return pd.DataFrame({name: values[order] for name, values in columns.items()}, index=index)


def _active_learning(
    labels_multiannotator: Any, probs: FloatArray | None, unlabelled: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    if probs is None and unlabelled is None:
        raise InputError(
            "give `pred_probs` together with `labels_multiannotator`, or `pred_probs_unlabeled`"
        )
    scores: FloatArray = np.empty(0)
    judge = None
    if probs is not None:
        if labels_multiannotator is None:
            raise InputError(
                "`pred_probs` needs `labels_multiannotator`; for examples without labels give "
                "their probabilities as `pred_probs_unlabeled`"
            )
        answers = _answers(read_wide(labels_multiannotator), probs)
        scores, judge = labelled_scores(answers, probs)
    if unlabelled is None:
        return scores, np.empty(0)
    if probs is not None and probs.shape[::2] != unlabelled.shape[::2]:
        raise InputError(
            "`pred_probs` and `pred_probs_unlabeled` must come from the same models and have the "
            f"same classes, got shapes {probs.shape} and {unlabelled.shape} (models, rows, classes)"
        )
    return scores, unlabelled_scores(unlabelled, judge or equal_judge(len(unlabelled)))
