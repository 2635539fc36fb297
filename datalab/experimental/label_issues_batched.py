"""Find label issues in two passes over batches: for data that come in pieces or from disk.

The number of issues is counted from the most probable class of each example alone, and so many
examples of lowest quality are flagged unless their label is their most probable class. The rows
differ from those of `datalab.filter.find_label_issues`, which reads memory maps in bounded memory
as well.
"""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import (
    as_array,
    choice,
    class_codes,
    jobs,
    keywords,
    labels_and_probs,
    same_length,
    whole_number,
)
from datalab._core.blocks import each_block, row_blocks
from datalab._core.count import class_sums, confident_argmaxes, row_argmax
from datalab._core.filter import lowest
from datalab._core.label_issues_batched import thresholds_by_sums
from datalab._core.rank import SCORES, label_quality, worst_first
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError

__all__ = ["LabelInspector", "find_label_issues_batched"]

_log = logging.getLogger("datalab")

METHODS = ("off_diagonal", "off_diagonal_calibrated")


def find_label_issues_batched(
    labels: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    *,
    labels_file: str | None = None,
    pred_probs_file: str | None = None,
    batch_size: int = 10000,
    n_jobs: int | None = 1,
    verbose: bool = True,
    quality_score_kwargs: Mapping[str, Any] | None = None,
    num_issue_kwargs: Mapping[str, Any] | None = None,
    return_mask: bool = False,
) -> IndexArray | BoolArray:
    """Find the examples whose label is probably wrong, batch by batch.

    Parameters
    ----------
    labels : array-like of shape (N,), optional
        Given labels, integers 0..K-1.
    pred_probs : array-like of shape (N, K), optional
        Out-of-sample predicted probabilities in [0, 1]; column k is class k.
    labels_file, pred_probs_file : str, optional
        The same in .npy files, which are read batch by batch.
    batch_size : int
        Rows per batch; the result does not depend on it.
    n_jobs : int, optional
        At least 1. Accepted for cleanlab's callers; the result does not depend on it.
    verbose : bool
        Whether progress is logged.
    quality_score_kwargs : mapping, optional
        ``method`` and ``adjust_pred_probs`` of `datalab.rank.get_label_quality_scores`.
    num_issue_kwargs : mapping, optional
        ``estimation_method``: "off_diagonal" (default) or "off_diagonal_calibrated".
    return_mask : bool
        Whether to return a mask.

    Returns
    -------
    ndarray of int
        Rows of the flagged examples, in order of row (not of severity); or
    ndarray of bool, shape (N,)
        with `return_mask`.

    Raises
    ------
    InputError
        Not exactly one of `labels` and `labels_file`, or of `pred_probs` and `pred_probs_file`;
        input that is not labels and probabilities; an option that is not known.

    Notes
    -----
    O(N K) time; memory for one batch and one score per example.

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]]
    >>> find_label_issues_batched([0, 0, 0, 1, 1, 1], probs, verbose=False)
    array([2])
    """
    codes = class_codes(_one_of("labels", labels, labels_file))
    probs = as_array(_one_of("pred_probs", pred_probs, pred_probs_file), name="pred_probs")
    same_length(labels=codes, pred_probs=probs)
    batch_size = whole_number(batch_size, name="batch_size", least=1)
    if probs.ndim != 2 or not len(codes):
        raise InputError(
            f"`pred_probs` must have shape (N, K) with at least one row, got {probs.shape}"
        )
    inspector = LabelInspector(
        num_class=probs.shape[1],
        verbose=verbose,
        quality_score_kwargs=quality_score_kwargs,
        num_issue_kwargs=num_issue_kwargs,
        n_jobs=n_jobs,
    )
    starts = range(0, len(codes), batch_size)
    batches = [
        inspector._checked(codes[start : start + batch_size], probs[start : start + batch_size])
        for start in starts
    ]
    for batch in batches:
        inspector._take_in(*batch)
    for batch in batches:
        inspector._score(*batch)
    worst = np.sort(inspector.get_label_issues())

    def differ(part: slice) -> BoolArray:
        rows = worst[part]
        different: BoolArray = row_argmax(probs[rows]) != codes[rows]
        return different

    parts = row_blocks(len(worst), probs.itemsize * probs.shape[1])
    issues: IndexArray = worst[np.concatenate(each_block(differ, parts))]
    if not return_mask:
        return issues
    flagged = np.zeros(len(codes), dtype=bool)
    flagged[issues] = True
    return flagged


def _one_of(name: str, values: ArrayLike | None, file: str | None) -> Any:
    if (values is None) == (file is None):
        given = "neither" if values is None else "both"
        raise InputError(f"give one of `{name}` and `{name}_file`, got {given}")
    return values if file is None else np.load(file, mmap_mode="r")


class LabelInspector:
    """Find label issues in data that are streamed: two passes over the same batches.

    First `update_confident_thresholds` with every batch, then `score_label_quality` with every
    batch; then the results can be asked for.

    Parameters
    ----------
    num_class : int
        Number of classes.
    store_results : bool
        Whether scores are kept, which `get_quality_scores` and `get_label_issues` need.
    verbose : bool
        Whether progress is logged.
    quality_score_kwargs : mapping, optional
        ``method`` and ``adjust_pred_probs`` of `datalab.rank.get_label_quality_scores`.
    num_issue_kwargs : mapping, optional
        ``estimation_method``: "off_diagonal" counts the examples whose most probable class
        reaches its threshold and is not the label; "off_diagonal_calibrated" scales these counts,
        for each class, from the examples that reach a threshold to all examples.
    n_jobs : int, optional
        At least 1. Accepted for cleanlab's callers; results never depend on it.

    Raises
    ------
    InputError
        Fewer than one class, or an option that is not known.

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]]
    >>> inspector = LabelInspector(num_class=2, verbose=False)
    >>> inspector.update_confident_thresholds([0, 0, 0], probs[:3])
    >>> inspector.update_confident_thresholds([1, 1, 1], probs[3:])
    >>> inspector.score_label_quality([0, 0, 0], probs[:3])
    array([0.9, 0.8, 0.1])
    >>> inspector.score_label_quality([1, 1, 1], probs[3:])
    array([0.8, 0.9, 0.7])
    >>> inspector.get_label_issues()
    array([2])
    """

    def __init__(
        self,
        *,
        num_class: int,
        store_results: bool = True,
        verbose: bool = True,
        quality_score_kwargs: Mapping[str, Any] | None = None,
        num_issue_kwargs: Mapping[str, Any] | None = None,
        n_jobs: int | None = 1,
    ) -> None:
        self.num_class = whole_number(num_class, name="num_class", least=1)
        self.store_results = store_results
        self.verbose = verbose
        quality = ["method", "adjust_pred_probs"]
        self.quality_score_kwargs = keywords(
            quality_score_kwargs, quality, name="quality_score_kwargs"
        )
        self.num_issue_kwargs = keywords(
            num_issue_kwargs, ["estimation_method"], name="num_issue_kwargs"
        )
        choice(self.quality_score_kwargs.get("method", "self_confidence"), SCORES, name="method")
        choice(
            self.num_issue_kwargs.get("estimation_method", METHODS[0]),
            METHODS,
            name="estimation_method",
        )
        jobs(n_jobs)
        self.n_jobs = n_jobs
        self._sums: FloatArray | None = None  # see class_sums
        self._counted = np.zeros((3, self.num_class), dtype=np.intp)  # agreeing, accused, all
        self._scored = False
        self._scores: list[FloatArray] = []

    def update_confident_thresholds(self, labels: ArrayLike, pred_probs: ArrayLike) -> None:
        """Take in one batch of the first pass.

        Parameters
        ----------
        labels : array-like of shape (n,)
            Given labels of the batch, integers 0..K-1.
        pred_probs : array-like of shape (n, K)
            Its predicted probabilities.

        Raises
        ------
        InputError
            Input that is not labels and probabilities of `num_class` classes.
        """
        self._take_in(*self._checked(labels, pred_probs))

    def _take_in(self, codes: Codes, probs: Probs) -> None:
        sums = class_sums(codes, probs)
        self._sums = sums if self._sums is None else self._sums + sums
        if self.verbose:
            _log.info("examples used for confident thresholds: %d", int(self._sums[0].sum()))

    def score_label_quality(
        self, labels: ArrayLike, pred_probs: ArrayLike, *, update_num_issues: bool = True
    ) -> FloatArray:
        """Scores of one batch of the second pass, in which its issues are counted.

        Parameters
        ----------
        labels, pred_probs
            See `update_confident_thresholds`.
        update_num_issues : bool
            Whether the batch takes part in the number of issues.

        Returns
        -------
        ndarray of float, shape (n,)
            Scores in [0, 1]; low means that the label is probably wrong.

        Raises
        ------
        InputError
            Input that is not labels and probabilities of `num_class` classes, or no thresholds
            yet.
        """
        self.get_confident_thresholds(silent=True)  # the order of calls is judged first
        return self._score(*self._checked(labels, pred_probs), update=update_num_issues)

    def _score(self, codes: Codes, probs: Probs, *, update: bool = True) -> FloatArray:
        thresholds = self.get_confident_thresholds(silent=True)
        method = self.quality_score_kwargs.get("method", "self_confidence")
        adjust = bool(self.quality_score_kwargs.get("adjust_pred_probs", False))
        scores = label_quality(codes, probs, method, adjust=adjust, thresholds=thresholds)
        if update:
            self._counted[:2] += confident_argmaxes(codes, probs, thresholds)
            self._counted[2] += np.bincount(codes, minlength=self.num_class)
            self._scored = True
        if self.store_results:
            self._scores.append(scores)
        if self.verbose:
            _log.info("examples scored: %d", int(self._counted[2].sum()))
        return scores

    def get_confident_thresholds(self, silent: bool = False) -> FloatArray:
        """Thresholds so far, shape (K,); 2e-6 for a class that no label named.

        Parameters
        ----------
        silent : bool
            Whether to leave out the log line.

        Raises
        ------
        InputError
            No batch has been taken in by `update_confident_thresholds`.
        """
        if self._sums is None:
            raise InputError("no thresholds yet: call update_confident_thresholds() first")
        if self.verbose and not silent:
            _log.info("examples used for confident thresholds: %d", int(self._sums[0].sum()))
        return thresholds_by_sums(self._sums)

    def get_num_issues(self, silent: bool = False) -> int:
        """The number of label issues so far.

        Parameters
        ----------
        silent : bool
            Whether to leave out the log line.

        Raises
        ------
        InputError
            No batch has been scored.
        """
        if not self._scored:
            raise InputError("no labels evaluated yet: call score_label_quality() first")
        agreeing, accused, everyone = self._counted
        number = int(accused.sum())
        if self.num_issue_kwargs.get("estimation_method") == "off_diagonal_calibrated":
            number = round(float((everyone * accused / np.maximum(agreeing + accused, 1)).sum()))
        if self.verbose and not silent:
            _log.info("label issues: %d of %d examples", number, int(everyone.sum()))
        return number

    def get_quality_scores(self) -> FloatArray:
        """The scores of all batches so far, in the order in which they came.

        Raises
        ------
        InputError
            The inspector was made with ``store_results=False``.
        """
        if not self.store_results:
            raise InputError(
                "scores are not kept with store_results=False; collect what "
                "score_label_quality() returns"
            )
        return np.concatenate(self._scores) if self._scores else np.empty(0)

    def get_label_issues(self) -> IndexArray:
        """Positions of the label issues among all scored examples, worst first.

        Raises
        ------
        InputError
            No batch has been scored, or the inspector was made with ``store_results=False``.
        """
        scores = self.get_quality_scores()
        rows = np.flatnonzero(lowest(scores, self.get_num_issues(silent=True), fixed=True))
        return worst_first(rows, scores[rows])

    def _checked(self, labels: ArrayLike, pred_probs: ArrayLike) -> tuple[Codes, Probs]:
        codes, probs = labels_and_probs(labels, pred_probs)
        if probs.shape[1] != self.num_class:
            raise InputError(
                f"`pred_probs` has {probs.shape[1]} columns but `num_class` is {self.num_class}"
            )
        return codes, probs
