"""Train any classifier on the examples whose label can be trusted."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin

from datalab import _check
from datalab._core import count as core
from datalab._core.classification import (
    Noise,
    estimate_noise,
    with_error_free_class,
)
from datalab._core.filter import label_issues, rule_options
from datalab._core.label_issues_batched import issues_by_thresholds
from datalab._core.rank import SCORES, label_quality
from datalab._models import cross_val_pred_probs
from datalab._models.choice import choose, compare
from datalab._models.clean_learning import (
    CleanLearner,
    also_known_as,
    issues_table,
    paired,
    takes_weights,
)
from datalab._models.fitting import fresh_copy, take_rows
from datalab._models.strategies import STRATEGIES, Training, Trial, judge
from datalab._models.witnesses import witnesses
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError
from datalab.recipes.from_rows import encode_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CleanLearning"]

Validation = Callable[[Any, Any], Mapping[str, Any]]

STRATEGY_NAMES = ("prune", *STRATEGIES, "auto")
# Classes are not emptied by default: training needs some examples of each.
MIN_EXAMPLES_PER_CLASS = 10
FIND_OPTIONS = (
    "filter_by",
    "frac_noise",
    "num_to_remove_per_class",
    "min_examples_per_class",
    "confident_joint",
    "rank_by_kwargs",
    "n_jobs",
    "verbose",
)


class CleanLearning(CleanLearner, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Train any classifier on the examples whose label can be trusted.

    Parameters
    ----------
    clf : classifier, optional
        Anything with ``fit``, ``predict`` and ``predict_proba`` that scikit-learn can clone; by
        default ``LogisticRegression()``. It is copied, never fitted itself.
    seed : int, optional
        Seed of the folds, and of random states that `clf` leaves open.
    cv_n_folds : int, default=5
        Folds of cross-validation, at least 2.
    converge_latent_estimates : bool, default=False
        Whether prior and noise matrices are made to agree with each other.
    pulearning : {0, 1}, optional
        For two classes: the labels of this one are known to be right.
    find_label_issues_kwargs : mapping, optional
        Options of `datalab.filter.find_label_issues`; here ``min_examples_per_class`` is 10 by
        default.
    label_quality_scores_kwargs : mapping, optional
        Options of `datalab.rank.get_label_quality_scores`.
    verbose : bool, default=False
        Log what is done, at INFO.
    low_memory : bool, default=False
        Find issues by thresholds alone, as
        `datalab.experimental.label_issues_batched` does; noise is not estimated.
    strategy : {"prune", "prune_twice", "relabel", "weight", "keep", "auto"}, optional
        What `fit` does about label issues. None or "prune" leaves them out, as cleanlab does.
        For the next three, labels are judged by `clf` and a few other models together (see Notes),
        trained anew without the doubtful rows: "prune_twice" leaves out what is flagged then,
        "relabel" gives it the most probable class where that is sure and leaves out the rest,
        "weight" weighs each row by how probable its label is. "keep" is a plain fit. "auto" tries
        all of them by cross-validation and is never below a plain fit there.

    Attributes
    ----------
    label_issues_ : DataFrame
        Result of `find_label_issues` (also known as ``label_issues_df``); its column
        ``is_label_issue`` is ``label_issues_mask``.
    confident_joint_, noise_matrix_, inverse_noise_matrix_ : ndarray of shape (K, K)
        Counts of (given, true), P(given i | true j) and P(true i | given j).
    py_, ps_ : ndarray of shape (K,)
        Distribution of true and of given labels.
    num_classes_ : int
        K, the number of columns of the predicted probabilities.
    sample_weight_ : Series of shape (N,)
        Weights of the last fit when they come from the noise matrix or from a strategy, 0 for
        examples left out.
    strategy_ : str
        What the last fit did about label issues.
    strategy_scores_ : dict of str to float
        With ``strategy="auto"``: how often each strategy predicts the given label of held-out
        examples; those are left out that empty a class or need weights that `clf` does not take.
        Empty, and a plain fit chosen, where the examples are too few to hold some out.
    judges_ : dict of str to float
        With "prune_twice", "relabel" and "weight": the models that judged labels, and the powers
        with which their probabilities count.
    clf_ : classifier
        The classifier fitted on what is left; ``clf`` shows it as well once it is fitted.
    classes_ : ndarray of shape (K,)
        Classes that the fitted classifier knows.

    Notes
    -----
    Each fitted attribute is also there without its last underscore, as in cleanlab, and is None
    while it is not known. `find_label_issues` fits ``cv_n_folds`` copies of the classifier when
    `pred_probs` are not given, `fit` one more. What `fit` did is told in `label_issues_`: columns
    ``training_label``, ``sample_weight`` and ``is_left_out`` stand there when they differ from the
    given label, 1, and ``is_label_issue``.

    A classifier that was trained on wrong labels cannot see them well. So where `X` is a matrix, a
    table, sparse or text, a logistic regression, support vectors (up to 5,000 rows) and extra trees
    (naive Bayes for words) judge labels with it, each by two cross-validations; all are put
    together by powers that make the held-out labels likeliest, so that a poor one is not heard.
    They are never what is trained in the end. For "auto" this is done once more within each of
    three folds, with labels that have no part in what is done to the rows trained on: 55 fits of
    `clf` and 40 of each of the others in all, with 5 folds; some seconds for 1,000 rows, half a
    minute for 20,000. Labels of a class that `pulearning` says is right stay as they are.

    Of the accuracy on true labels that up to 40 % of planted noise cost, "auto" won back 51 % for
    logistic regression ("prune" 24 %) and 56 % for random forests (25 %), on 40 settings of
    held-back sets each. On true labels it was below a plain fit in 5 of them (28), by .07 at worst
    (.07, with 200 rows), as held-out folds bound only what they see; on clean data it lost nothing
    (compare ``tests/benchmarks/quality/bench_clean_learning.py``).

    References
    ----------
    Northcutt, Jiang, Chuang: Confident learning: estimating uncertainty in dataset labels, JAIR
    70 (2021), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.classification import CleanLearning
    >>> X = np.arange(60.0).reshape(-1, 1)
    >>> labels = (X[:, 0] >= 30).astype(int)
    >>> labels[5] = 1
    >>> cl = CleanLearning(seed=0).fit(X, labels)
    >>> np.flatnonzero(cl.label_issues_mask)
    array([5])
    >>> cl.predict([[5.0], [50.0]])
    array([0, 1])
    """

    _model_name = "clf"
    _methods = ("fit", "predict", "predict_proba")
    _found = (
        "label_issues_",
        *(f"{name}_" for name in Noise._fields),
        "ps_",
        "num_classes_",
        "sample_weight_",
        "strategy_",
        "strategy_scores_",
        "judges_",
    )
    confident_joint = also_known_as("confident_joint_")
    noise_matrix = also_known_as("noise_matrix_")
    inverse_noise_matrix = also_known_as("inverse_noise_matrix_")
    py = also_known_as("py_")
    ps = also_known_as("ps_")
    num_classes = also_known_as("num_classes_")
    sample_weight = also_known_as("sample_weight_")

    def __init__(
        self,
        clf: Any = None,
        *,
        seed: int | None = None,
        cv_n_folds: int = 5,
        converge_latent_estimates: bool = False,
        pulearning: int | None = None,
        find_label_issues_kwargs: Mapping[str, Any] | None = None,
        label_quality_scores_kwargs: Mapping[str, Any] | None = None,
        verbose: bool = False,
        low_memory: bool = False,
        strategy: str | None = None,
    ) -> None:
        self.clf = clf
        self.seed = seed
        self.cv_n_folds = cv_n_folds
        self.converge_latent_estimates = converge_latent_estimates
        self.pulearning = pulearning
        self.find_label_issues_kwargs = find_label_issues_kwargs
        self.label_quality_scores_kwargs = label_quality_scores_kwargs
        self.verbose = verbose
        self.low_memory = low_memory
        self.strategy = strategy
        self._require_methods()

    @property
    def clf(self) -> Any:
        """The classifier in use: the fitted copy, once there is one."""
        return self._model_in_use()

    @clf.setter
    def clf(self, clf: Any) -> None:
        self._set_model(clf)

    @property
    def classes_(self) -> Any:
        """Classes that the fitted classifier knows."""
        return self._fitted_model().classes_

    def _default_model(self) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression()

    def _default_score(self, y: ArrayLike, predicted: Any, **weights: Any) -> float:
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(y, predicted, **weights))

    def _rows_for_model(self, X: Any) -> Any:
        """`X`; for the default classifier as a table, whatever the shape of an example is."""
        if vars(self)["clf"] is None and (isinstance(X, list) or getattr(X, "ndim", 2) != 2):
            return np.reshape(np.asarray(X), (len(X), -1))
        return X

    def find_label_issues(
        self,
        X: Any = None,
        labels: ArrayLike | None = None,
        *,
        pred_probs: ArrayLike | None = None,
        thresholds: ArrayLike | None = None,
        noise_matrix: ArrayLike | None = None,
        inverse_noise_matrix: ArrayLike | None = None,
        save_space: bool = False,
        clf_kwargs: Mapping[str, Any] | None = None,
        validation_func: Validation | None = None,
    ) -> "pd.DataFrame":
        """Find the examples whose label is probably wrong.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, list, … of N examples, optional
            What the classifier is cross-validated on; not needed with `pred_probs`.
        labels : array-like of shape (N,)
            Given labels, integers 0..K-1.
        pred_probs : array-like of shape (N, K), optional
            Out-of-sample predicted probabilities; by default made by cross-validation.
        thresholds : array-like of shape (K,), optional
            Confident thresholds, by default the mean probability of each class over its examples.
        noise_matrix : array-like of shape (K, K), optional
            P(given i | true j), if it is known; columns sum to 1, the trace is above 1.
        inverse_noise_matrix : array-like of shape (K, K), optional
            P(true i | given j), if it is known; columns sum to 1, the trace is above 1.
        save_space : bool, default=False
            Do not keep the result in `label_issues_`.
        clf_kwargs : mapping, optional
            Extra arguments of ``clf.fit``.
        validation_func : callable, optional
            ``validation_func(X_held_out, labels_held_out)`` returns further arguments of
            ``clf.fit`` for each fold.

        Returns
        -------
        DataFrame
            One row per example: ``is_label_issue`` (bool), ``label_quality`` (float in [0, 1], low
            means wrong), ``given_label``, ``predicted_label`` (the most probable class).

        Raises
        ------
        InputError
            Wrong values, shapes or lengths, neither `X` nor `pred_probs`, or folds that do not fit.
        InputTypeError
            Labels that are not array-like, `X` that cannot be cut into rows, or unknown options.
        """
        if X is not None and pred_probs is not None:
            _check.warn("`X` is ignored: label issues are found from the given `pred_probs`")
        issues = self._find_label_issues(
            X if pred_probs is None else None,
            _check.class_codes(labels),
            self._stream(),
            pred_probs,
            _known(thresholds, noise_matrix, inverse_noise_matrix),
            {"clf_kwargs": clf_kwargs, "validation_func": validation_func},
        )
        if not save_space:
            self.label_issues_ = issues
        return issues

    def _find_label_issues(
        self,
        X: Any,
        codes: Codes,
        stream: np.random.RandomState | None,
        pred_probs: ArrayLike | None,
        known: Mapping[str, Any],
        fit_options: Mapping[str, Any],
    ) -> "pd.DataFrame":
        """The table of issues; the estimates behind it become attributes."""
        import pandas as pd

        self.save_space()
        self._require_methods()
        _check.two_classes(codes)
        if pred_probs is None:
            probs = self._cross_validated(X, codes, stream, fit_options)
        else:
            codes, probs = _check.labels_and_probs(codes, pred_probs)
        quality = self._quality(codes, probs)
        is_issue = self._flagged(codes, probs, known)
        self.num_classes_ = probs.shape[1]
        self.ps_ = core.label_counts(codes, self.num_classes_) / len(codes)
        self._log("%d of %d examples have a label issue", is_issue.sum(), len(codes))
        return pd.DataFrame(
            {
                "is_label_issue": is_issue,
                "label_quality": quality,
                "given_label": codes,
                "predicted_label": core.argmaxes(probs),
            }
        )

    def _flagged(self, codes: Codes, probs: Probs, known: Mapping[str, Any]) -> BoolArray:
        """Mask of the issues; what is estimated on the way becomes attributes."""
        if self.low_memory:
            self._say_what_is_ignored(
                **known,
                find_label_issues_kwargs=self.find_label_issues_kwargs or None,
                pulearning=self.pulearning,
            )
        is_issue, estimates = self._marked(codes, probs, **known)
        if estimates is not None:
            for name, value in estimates._asdict().items():
                setattr(self, f"{name}_", value)
        return is_issue

    def _marked(
        self,
        codes: Codes,
        probs: Probs,
        thresholds: ArrayLike | None,
        noise_matrix: ArrayLike | None,
        inverse_noise_matrix: ArrayLike | None,
    ) -> tuple[BoolArray, Noise | None]:
        """Mask of the issues, and the estimates behind it where there are any."""
        if self.low_memory:
            return issues_by_thresholds(codes, probs), None
        n_classes = probs.shape[1]
        counts = core.label_counts(codes, n_classes)
        options = _filter_options(self.find_label_issues_kwargs, n_classes)
        joint = options.pop("joint")
        estimates = estimate_noise(
            _confident_joint(codes, probs, counts, thresholds) if joint is None else joint,
            counts,
            noise=_known_noise(noise_matrix, "noise_matrix", n_classes),
            inverse=_known_noise(inverse_noise_matrix, "inverse_noise_matrix", n_classes),
            joint_is_known=joint is not None,
            converge=self.converge_latent_estimates,
        )
        if self.pulearning is not None:
            estimates = with_error_free_class(estimates, self._sure_class(n_classes))
        return label_issues(codes, probs, joint=estimates.confident_joint, **options), estimates

    def _cross_validated(
        self,
        X: Any,
        codes: Codes,
        stream: np.random.RandomState | None,
        fit_options: Mapping[str, Any],
    ) -> Probs:
        if X is None:
            raise InputError(
                "`X` is None: give `X`, to be cross-validated on, or out-of-sample `pred_probs`"
            )
        paired(X, len(codes))
        X = self._rows_for_model(X)
        self._log("%d-fold cross-validation of %s", self.cv_n_folds, type(self.clf).__name__)
        probs = cross_val_pred_probs(
            X,
            codes,
            self._given_model(),
            n_classes=int(codes.max()) + 1,
            cv_n_folds=self.cv_n_folds,
            seed=self.seed,
            stream=stream,
            **fit_options,
        )
        return _check.probabilities(probs, name="predict_proba of clf")

    def _quality(self, codes: Codes, probs: Probs) -> FloatArray:
        options = _check.keywords(
            self.label_quality_scores_kwargs,
            ("method", "adjust_pred_probs"),
            name="label_quality_scores_kwargs",
        )
        method = _check.choice(options.get("method", "self_confidence"), SCORES, name="method")
        return label_quality(codes, probs, method, adjust=options.get("adjust_pred_probs", False))

    def _sure_class(self, n_classes: int) -> int:
        if self.pulearning not in (0, 1) or n_classes != 2:
            raise InputError(
                f"`pulearning` is {self.pulearning!r} with {n_classes} classes; it is 0 or 1, the "
                "one of two classes whose labels are right"
            )
        return int(self.pulearning)

    def _say_what_is_ignored(self, **options: Any) -> None:
        for name, value in options.items():
            if value is not None:
                _check.warn(
                    f"`{name}` is ignored with low_memory=True, which finds issues by confident "
                    "thresholds alone"
                )

    def _stream(self) -> np.random.RandomState | None:
        seed = self._checked_seed()
        return None if seed is None else np.random.RandomState(seed)

    def fit(
        self,
        X: Any,
        labels: ArrayLike | None = None,
        *,
        pred_probs: ArrayLike | None = None,
        thresholds: ArrayLike | None = None,
        noise_matrix: ArrayLike | None = None,
        inverse_noise_matrix: ArrayLike | None = None,
        label_issues: Any = None,
        sample_weight: ArrayLike | None = None,
        clf_kwargs: Mapping[str, Any] | None = None,
        clf_final_kwargs: Mapping[str, Any] | None = None,
        validation_func: Validation | None = None,
        y: ArrayLike | None = None,
    ) -> Self:
        """Find label issues, and train the classifier on the other examples.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, list, … of N examples
            What the classifier is fitted on.
        labels : array-like of shape (N,)
            Given labels, integers 0..K-1.
        pred_probs, thresholds, noise_matrix, inverse_noise_matrix : array-like, optional
            See `find_label_issues`.
        label_issues : DataFrame or array-like, optional
            Known issues: the result of `find_label_issues`, a mask, or row numbers without
            repetition. By default they are found. Estimates of an earlier `find_label_issues` on
            the same labels stay valid.
        sample_weight : array-like of shape (N,), optional
            Weights for the last fit. By default, if the classifier takes them and the noise matrix
            is known, ``1 / noise_matrix[k, k]`` for label k, which makes up for the examples of
            class k that are left out.
        clf_kwargs : mapping, optional
            Extra arguments of every ``clf.fit``.
        clf_final_kwargs : mapping, optional
            Extra arguments of the last one.
        validation_func : callable, optional
            See `find_label_issues`.
        y : array-like of shape (N,), optional
            Another name of `labels`.

        Returns
        -------
        CleanLearning
            Itself.

        Raises
        ------
        InputError
            Wrong values, shapes or lengths, or a classifier that does not take `sample_weight`.
        InputTypeError
            `X` that cannot be cut into rows, or unknown options.
        """
        codes = _labels_or_y(labels, y)
        weights = self._given_weights(sample_weight, len(codes), clf_kwargs)
        paired(X, len(codes))
        X = self._rows_for_model(X)
        stream = self._stream()
        strategy = "prune" if self.strategy is None else self.strategy
        _check.choice(strategy, STRATEGY_NAMES, name="strategy")
        known = _known(thresholds, noise_matrix, inverse_noise_matrix)
        options = {"clf_kwargs": clf_kwargs, "validation_func": validation_func}
        probs = pred_probs
        if strategy not in ("prune", "keep") and pred_probs is None:
            probs = self._cross_validated(X, codes, stream, options)
        if label_issues is None:
            issues = self._find_label_issues(X, codes, stream, probs, known, options)
        else:
            issues = self._given_issues(label_issues, codes, probs)
        clf = fresh_copy(self._given_model(), stream)
        extra = {**(clf_kwargs or {}), **(clf_final_kwargs or {})}
        by_noise = "sample_weight" not in extra
        is_issue = issues["is_label_issue"].to_numpy()
        if is_issue.all():
            raise InputError("`label_issues` flags every example: none is left to train on")
        training = self._pruned(codes, is_issue, self.noise_matrix, weights, by_noise)
        self.strategy_ = strategy
        plain = Training(codes, np.ones(len(codes), dtype=np.bool_), weights)
        if strategy == "keep":
            training = plain
        elif strategy != "prune":

            def pruned(part: Training, probs: Probs, rows: IndexArray) -> Training:
                """What pruning leaves of a part of the data, as it would find it alone."""
                if label_issues is not None:
                    return whole.part(rows)
                flagged, estimates = self._marked(part.labels, probs, **known)
                noise = None if estimates is None else estimates.noise_matrix
                return self._pruned(part.labels, flagged, noise, part.weights, by_noise)

            whole = training
            _, probs = _check.labels_and_probs(codes, probs)
            trial = self._trial(X, codes, probs.shape[1], stream, options)
            training = self._by_strategy(trial, plain, probs, pred_probs is None, whole, pruned)
        self._tell_training(issues, training, given=weights)
        kept = np.flatnonzero(training.kept)
        if training.weights is not None:
            extra["sample_weight"] = training.weights[kept]
        self._log("fitting %s on %d examples", type(clf).__name__, len(kept))
        self.clf_ = clf.fit(take_rows(X, kept), training.labels[kept], **extra)
        self.label_issues_ = issues
        return self

    def _trial(
        self,
        X: Any,
        codes: Codes,
        n_classes: int,
        stream: np.random.RandomState | None,
        fit_options: Mapping[str, Any],
    ) -> Trial:
        """The classifier on its data, with further models that judge labels beside it."""
        clf, seed = self._given_model(), self.seed or 0
        if self.strategy == "weight" and not takes_weights(clf):
            raise InputError(
                f"strategy='weight' needs a classifier whose fit() takes sample_weight; that of "
                f"{type(clf).__name__} does not, so take 'prune_twice' or 'auto'"
            )
        encoded = encode_rows(X, seed)
        return Trial.prepared(
            X,
            codes,
            clf,
            self.cv_n_folds,
            self.seed,
            n_classes=n_classes,
            stream=stream,
            fit_options=fit_options,
            members=() if encoded is None else witnesses(encoded, n_classes, seed),
            sure_class=None if self.pulearning is None else self._sure_class(n_classes),
        )

    def _by_strategy(
        self,
        trial: Trial,
        plain: Training,
        probs: Probs,
        own: bool,
        whole: Training,
        pruned: Callable[[Training, Probs, IndexArray], Training],
    ) -> Training:
        """What to train on by another strategy than pruning, or by the best of all.

        `probs` are the classifier's `own`, or given; `whole` is what pruning leaves of all rows,
        `pruned` tells what it leaves of a part.
        """
        if self.strategy == "auto":
            names = [n for n in STRATEGIES if n != "weight" or takes_weights(trial.clf)]

            def treated(part: Trial, plain: Training, rows: IndexArray) -> dict[str, Training]:
                seen = part.held_out(plain) if own else _check.some_rows(probs, rows)
                judged = judge(part, plain, seen)
                made = {name: STRATEGIES[name](plain, judged) for name in names}
                return {**made, "prune": pruned(plain, seen, rows)}

            self.strategy_, self.strategy_scores_ = choose(compare(trial, plain, treated))
        if self.strategy_ in ("prune", "keep"):
            return whole if self.strategy_ == "prune" else plain
        judged = judge(trial, plain, probs)
        self.judges_ = judged.judges
        self._log("labels judged by %s", judged.judges)
        return STRATEGIES[self.strategy_](plain, judged)

    def _pruned(
        self,
        codes: Codes,
        is_issue: BoolArray,
        noise_matrix: FloatArray | None,
        weights: FloatArray | None,
        by_noise: bool,
    ) -> Training:
        """The examples without issues, weighted to make up for the others where that is known."""
        known = weights is None and by_noise and takes_weights(self._given_model())
        if known and noise_matrix is not None:
            weights = np.where(is_issue, 0.0, _weights_by_noise(noise_matrix)[codes])
        return Training(codes, ~is_issue, weights)

    def _tell_training(
        self, issues: "pd.DataFrame", training: Training, *, given: FloatArray | None
    ) -> None:
        """What the last fit was trained on, where that is not what was given or not flagged."""
        if training.weights is not None and given is None:
            issues["sample_weight"] = np.where(training.kept, training.weights, 0.0)
            self.sample_weight_ = issues["sample_weight"]
        if not np.array_equal(training.labels, issues.get("given_label", training.labels)):
            issues["training_label"] = training.labels
        if not np.array_equal(training.kept, ~issues["is_label_issue"]):
            issues["is_left_out"] = ~training.kept

    def _given_issues(
        self, label_issues: Any, codes: Codes, pred_probs: ArrayLike | None
    ) -> "pd.DataFrame":
        """Known issues as a table; estimates are forgotten unless they are about these labels."""
        self._require_methods()
        issues = issues_table(label_issues, codes, row_numbers=True)
        n_classes = int(codes.max()) + 1
        if pred_probs is not None:
            codes, probs = _check.labels_and_probs(codes, pred_probs)
            n_classes = probs.shape[1]
            if "label_quality" not in issues:
                issues["label_quality"] = self._quality(codes, probs)
        known = self.ps
        counts = core.label_counts(codes, n_classes if known is None else len(known))
        if known is None or not np.array_equal(known, counts / len(codes)):
            self.save_space()
            self.num_classes_ = n_classes
        self.__dict__.pop("sample_weight_", None)
        return issues

    def predict_proba(self, X: Any, *args: Any, **kwargs: Any) -> Any:
        """Predict class probabilities with the fitted classifier.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, list, … of M examples
            What to predict for.
        *args, **kwargs
            Further arguments of ``clf.predict_proba``.

        Returns
        -------
        ndarray of shape (M, K)
            What ``clf.predict_proba`` returns.
        """
        return self._fitted_model().predict_proba(self._rows_for_model(X), *args, **kwargs)


def _known(
    thresholds: ArrayLike | None,
    noise_matrix: ArrayLike | None,
    inverse_noise_matrix: ArrayLike | None,
) -> dict[str, Any]:
    """What is known of the noise, by the names of the arguments."""
    return {
        "thresholds": thresholds,
        "noise_matrix": noise_matrix,
        "inverse_noise_matrix": inverse_noise_matrix,
    }


def _weights_by_noise(noise_matrix: FloatArray) -> FloatArray:
    """Weight of each class that makes up for its examples that are left out, shape (K,)."""
    right = noise_matrix.diagonal()
    # A class that is never labelled as itself has nothing that could be made up for.
    by_class: FloatArray = np.divide(1.0, right, out=np.ones(len(right)), where=right > 0)
    return by_class


def _labels_or_y(labels: ArrayLike | None, y: ArrayLike | None) -> Codes:
    if labels is None and y is None:
        raise InputError("CleanLearning requires y to be passed, but the target y is None")
    if labels is not None and y is not None:
        raise InputError("`labels` and `y` are two names of one argument; give one of them")
    return _check.class_codes(y if labels is None else labels)


def _filter_options(given: Mapping[str, Any] | None, n_classes: int) -> dict[str, Any]:
    """Options of `datalab.filter.find_label_issues`, checked."""
    unsupported = {"return_indices_ranked_by", "multi_label"}.intersection(given or ())
    if unsupported:
        raise InputError(
            f"`find_label_issues_kwargs` has {sorted(unsupported)}, which CleanLearning does not "
            "support: it needs a mask over examples of one class each"
        )
    options = _check.keywords(given, FIND_OPTIONS, name="find_label_issues_kwargs")
    for without_effect in ("rank_by_kwargs", "verbose"):
        options.pop(without_effect, None)
    _check.jobs(options.pop("n_jobs", None))
    options.setdefault("min_examples_per_class", MIN_EXAMPLES_PER_CLASS)
    joint = options.pop("confident_joint", None)
    if joint is not None:
        joint = _check.square_matrix(joint, name="confident_joint", size=n_classes)
    return rule_options(n_classes, **options, joint=joint)


def _confident_joint(
    codes: Codes, probs: Probs, counts: IndexArray, thresholds: ArrayLike | None
) -> IndexArray:
    """Calibrated counts of (given, true)."""
    cuts = None if thresholds is None else _check.class_thresholds(thresholds, len(counts))
    return core.calibrate(core.confident_joint(codes, probs, cuts), counts)


def _known_noise(matrix: ArrayLike | None, name: str, n_classes: int) -> FloatArray | None:
    if matrix is None:
        return None
    known = _check.square_matrix(matrix, name=name, size=n_classes)
    if known.trace() <= 1:
        raise InputError(
            f"the trace of `{name}` is {known.trace():.3g}; it must be above 1, or labels say "
            "nothing about classes"
        )
    return known.astype(np.float64)
