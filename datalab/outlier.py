"""Scores of how untypical examples are, from features or from predicted probabilities."""

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import (
    as_array,
    choice,
    did_you_mean,
    feature_matrix,
    finite_number,
    floats,
    labels_and_probs,
    probabilities,
    two_classes,
    warn,
    whole_number,
)
from datalab._core.count import confident_thresholds
from datalab._core.outlier import (
    METHODS,
    distance_scores,
    mean_distances,
    probability_scores,
    rounding_noise,
    scale_of,
)
from datalab._typing import FloatArray, Probs
from datalab.exceptions import InputError
from datalab.neighbors.exact import metric_name, nearest
from datalab.neighbors.metric import reference_metric

__all__ = ["OutOfDistribution"]

_log = logging.getLogger("datalab")

DEFAULT_K = 10
# Up to this many rows scipy's function is the Euclidean metric of the fitted estimator.
FEW_ROWS = 100


class OutOfDistribution:
    """Scores in [0, 1] of how typical examples are of a data set; low means outlier.

    From features: how far an example is from its nearest neighbours in the data set. From
    predicted probabilities: how sure a classifier is of it.

    Parameters
    ----------
    params : dict, optional
        For features: ``k`` (number of neighbours, default 10, or that of ``knn``), ``t`` (scores
        are ``exp(-t * distance / scale)``, default 1), ``knn`` (an estimator with the interface of
        `sklearn.neighbors.NearestNeighbors`, fitted or not; its metric is used).
        For pred_probs: ``method`` ("entropy", "least_confidence" or "gen"), ``adjust_pred_probs``
        (whether to subtract confident thresholds first, default True), ``confident_thresholds``
        (array of shape (K,), by default estimated by `fit`), ``M`` and ``gamma`` (of "gen").

    Attributes
    ----------
    params : dict
        All parameters, with what `fit` found: ``knn``, ``confident_thresholds`` and
        ``scaling_factor``.

    Notes
    -----
    Features of more than three columns are compared by cosine distance, others by Euclidean
    distance; `Datalab` chooses the metric from the data. Fitting searches all pairs: O(N² M) time,
    bounded memory. Scoring pred_probs is O(N K).

    References
    ----------
    J. Kuan, J. Mueller: Back to the basics: revisiting out-of-distribution detection baselines,
    ICML workshop 2022. X. Liu, Y. Lochman, C. Zach: GEN: pushing the limits of softmax-based
    out-of-distribution detection, CVPR 2023, eq. 2.

    Examples
    --------
    >>> import numpy as np
    >>> features = np.array([[0.0], [1.0], [2.0], [3.0], [50.0]])
    >>> ood = OutOfDistribution({"k": 2})
    >>> ood.fit_score(features=features).round(2)
    array([0.37, 0.51, 0.51, 0.37, 0.  ])
    >>> ood.score(features=[[1.5], [-50.0]]).round(2)
    array([0.72, 0.  ])
    """

    OUTLIER_PARAMS: ClassVar[set[str]] = {"k", "t", "knn"}
    OOD_PARAMS: ClassVar[set[str]] = {
        "confident_thresholds",
        "adjust_pred_probs",
        "method",
        "M",
        "gamma",
    }
    DEFAULT_PARAM_DICT: ClassVar[dict[str, Any]] = {
        "k": None,
        "t": 1,
        "knn": None,
        "method": "entropy",
        "adjust_pred_probs": True,
        "confident_thresholds": None,
        "M": 100,
        "gamma": 0.1,
    }

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.set_params(params=params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - scikit-learn's protocol
        """The argument of the constructor, as it was given."""
        return {"params": self._given}

    def set_params(self, *, params: Mapping[str, Any] | None = None) -> "OutOfDistribution":
        """Start anew with other parameters."""
        for key in params or {}:
            if key not in self.DEFAULT_PARAM_DICT:
                raise InputError(
                    f"`params` has an unknown key {key!r}; "
                    f"{did_you_mean(str(key), self.DEFAULT_PARAM_DICT)}"
                )
        self._given = params
        self._fitted_knn = False
        self.params: dict[str, Any] = {
            **self.DEFAULT_PARAM_DICT,
            **(params or {}),
            "scaling_factor": None,
        }
        return self

    def __repr__(self) -> str:
        return f"OutOfDistribution({'' if self._given is None else repr(self._given)})"

    def fit_score(
        self,
        *,
        features: ArrayLike | None = None,
        pred_probs: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        verbose: bool = True,
    ) -> NDArray[np.float64]:
        """Fit on a data set and score its examples.

        Parameters
        ----------
        features : array-like of shape (N, M), optional
            Numeric features. An example does not count as its own neighbour, unless ``knn`` is
            given.
        pred_probs : array-like of shape (N, K), optional
            Out-of-sample predicted probabilities. Give either these or features.
        labels : array-like of shape (N,), optional
            Class labels 0..K-1; needed with pred_probs unless ``adjust_pred_probs`` is False.
        verbose : bool
            Whether progress is logged.

        Returns
        -------
        ndarray of float64, shape (N,)
            In [0, 1]; low means outlier.

        Raises
        ------
        InputError
            Both or none of features and pred_probs, wrong shapes or values, missing labels, or
            `k` not below the number of examples.
        """
        if features is None or pred_probs is not None or self.params["knn"] is not None:
            known = self.params["confident_thresholds"]
            # Scoring reads, and so checks, all that fitting leaves unread.
            self._fit(features, pred_probs, labels, verbose=verbose, on_read=True)
            try:
                return self.score(features=features, pred_probs=pred_probs)
            except InputError:
                self.params["confident_thresholds"] = known
                raise
        checked = feature_matrix(features)
        means = self._fit_features(checked, verbose=verbose)
        return self._score_distances(means)

    def fit(
        self,
        *,
        features: ArrayLike | None = None,
        pred_probs: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        verbose: bool = True,
    ) -> "OutOfDistribution":
        """Learn the neighbours, or the confident thresholds, of a data set.

        An object that is already fitted keeps its fit and warns.

        Parameters
        ----------
        features, pred_probs, labels, verbose
            As for `fit_score`.

        Returns
        -------
        OutOfDistribution
            Itself.
        """
        self._fit(features, pred_probs, labels, verbose=verbose, on_read=False)
        return self

    def _fit(
        self,
        features: ArrayLike | None,
        pred_probs: ArrayLike | None,
        labels: ArrayLike | None,
        *,
        verbose: bool,
        on_read: bool,
    ) -> None:
        _one_of(features, pred_probs)
        if features is not None:
            checked = feature_matrix(features)
            if self.params["knn"] is None:
                self._fit_features(checked, verbose=verbose)
            elif not _is_fitted(self.params["knn"]):
                self._fit_given(checked)
            else:
                _warn("already fitted to features: call score(), or fit a new OutOfDistribution")
        elif self.params["confident_thresholds"] is not None:
            _warn("already has confident_thresholds: call score(), or fit a new OutOfDistribution")
        else:
            self._fit_pred_probs(pred_probs, labels, verbose=verbose, on_read=on_read)

    def score(
        self, *, features: ArrayLike | None = None, pred_probs: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Score examples against the data set that was fitted.

        Parameters
        ----------
        features : array-like of shape (N, M), optional
            Features in the space of the fitted ones. An example of the fitted data set finds
            itself at distance 0.
        pred_probs : array-like of shape (N, K), optional
            Predicted probabilities. Give either these or features.

        Returns
        -------
        ndarray of float64, shape (N,)
            In [0, 1]; low means outlier.

        Raises
        ------
        InputError
            Not fitted, both or none given, or wrong shapes or values.
        """
        _one_of(features, pred_probs)
        if pred_probs is not None:
            return self._score_pred_probs(probabilities(pred_probs, on_read=True))
        checked = feature_matrix(features)
        knn = self.params["knn"]
        if knn is None or not _is_fitted(knn):
            raise InputError(
                "not fitted to features yet: call fit(features=…) or fit_score() first"
            )
        width = getattr(knn, "n_features_in_", checked.shape[1])
        if checked.shape[1] != width:
            raise InputError(
                f"`features` has {checked.shape[1]} columns but {width} were fitted; give the same "
                "columns in the same order"
            )
        distances = np.asarray(knn.kneighbors(checked)[0])
        return self._score_distances(mean_distances(distances[:, : self._k(knn)]))

    def _k(self, knn: Any) -> int:
        """Number of neighbours that count: at most those that the estimator finds."""
        k = self.params["k"]
        if k is None:
            return int(knn.n_neighbors)
        whole_number(k, name="k", least=1)
        if k > knn.n_neighbors:
            _warn(f"k={k} is lowered to {knn.n_neighbors}, the n_neighbors of `knn`")
        return min(int(k), int(knn.n_neighbors))

    def _fit_features(self, features: FloatArray, *, verbose: bool) -> NDArray[np.float64]:
        """Learn from features without a given estimator; mean distances among them."""
        from scipy.spatial.distance import euclidean
        from sklearn.neighbors import NearestNeighbors

        n_rows = len(features)
        if n_rows < 2:
            raise InputError(f"`features` has {n_rows} rows; neighbours need at least 2 examples")
        k = self.params["k"]
        k = min(DEFAULT_K, n_rows - 1) if k is None else whole_number(k, name="k", least=1)
        if not 1 <= k < n_rows:
            raise InputError(f"`k` is {k}, but among {n_rows} examples it must be below {n_rows}")
        if verbose:
            _log.info("fitting to the features of %d examples", n_rows)
        name = reference_metric(features)
        means = mean_distances(nearest(features, k, metric=name)[1])
        metric = euclidean if name == "euclidean" and n_rows <= FEW_ROWS else name
        self.params["knn"] = NearestNeighbors(n_neighbors=k, metric=metric).fit(features)
        self.params["scaling_factor"] = scale_of(means)
        return means

    def _fit_given(self, features: FloatArray) -> None:
        """Fit a copy of the given estimator, so that the caller's own stays as it is."""
        from sklearn.base import clone

        knn = clone(self.params["knn"]).fit(features)
        self.params["knn"] = knn
        means = mean_distances(np.asarray(knn.kneighbors(features)[0])[:, : self._k(knn)])
        self.params["scaling_factor"] = scale_of(means)

    def _score_distances(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.params["scaling_factor"] is None:  # the estimator was given fitted
            self.params["scaling_factor"] = scale_of(means)
        knn = self.params["knn"]
        noise = rounding_noise(metric_name(getattr(knn, "metric", "")), getattr(knn, "p", 2))
        scale, t = self.params["scaling_factor"], finite_number(self.params["t"], name="t")
        if t < 0:
            raise InputError(f"`t` must not be negative, got {t}; larger is stricter, 1 is usual")
        return distance_scores(means, scale=scale, t=t, noise=noise)

    def _fit_pred_probs(
        self,
        pred_probs: ArrayLike | None,
        labels: ArrayLike | None,
        *,
        verbose: bool,
        on_read: bool,
    ) -> None:
        if not self.params["adjust_pred_probs"]:
            if labels is not None:
                _warn("`labels` are not used, as adjust_pred_probs is False")
            return
        if labels is None:
            raise InputError(
                "`labels` are needed to adjust pred_probs: give labels=…, or "
                "params={'adjust_pred_probs': False}"
            )
        codes, probs = labels_and_probs(labels, pred_probs, on_read=on_read)
        two_classes(codes)
        if verbose:
            _log.info("fitting to the pred_probs of %d examples", len(probs))
        self.params["confident_thresholds"] = confident_thresholds(codes, probs)

    def _score_pred_probs(self, probs: Probs) -> NDArray[np.float64]:
        params = self.params
        method = choice(params["method"], METHODS, name="method")
        m = whole_number(params["M"], name="M", least=1)
        if method == "gen" and probs.shape[1] < m:
            _warn(
                f"`M` is {m} but there are {probs.shape[1]} classes: set M to at most that number"
            )
        return probability_scores(
            probs,
            method,
            thresholds=self._thresholds(probs.shape[1]),
            m=m,
            gamma=finite_number(params["gamma"], name="gamma"),
        )

    def _thresholds(self, n_classes: int) -> FloatArray | None:
        """The confident thresholds to adjust by; None without adjustment."""
        given = self.params["confident_thresholds"]
        if not self.params["adjust_pred_probs"]:
            if given is not None:
                _warn("`confident_thresholds` are not used, as adjust_pred_probs is False")
            return None
        if given is None:
            raise InputError(
                "not fitted to pred_probs yet: call fit(pred_probs=…, labels=…) or fit_score(), or "
                "set params={'adjust_pred_probs': False}"
            )
        thresholds = floats(
            as_array(given, name="confident_thresholds"), name="confident_thresholds"
        )
        if thresholds.shape != (n_classes,):
            raise InputError(
                f"`confident_thresholds` must have shape ({n_classes},), one for each column of "
                f"pred_probs, got {thresholds.shape}"
            )
        return thresholds


def _one_of(features: ArrayLike | None, pred_probs: ArrayLike | None) -> None:
    if features is None and pred_probs is None:
        raise InputError("give either `features` or `pred_probs`; got neither")
    if features is not None and pred_probs is not None:
        raise InputError("give either `features` or `pred_probs`; got both")


def _is_fitted(knn: Any) -> bool:
    """Whether an estimator of neighbours is fitted; one of another library is taken to be."""
    from sklearn.neighbors import NearestNeighbors

    return not isinstance(knn, NearestNeighbors) or hasattr(knn, "n_samples_fit_")


def _warn(message: str) -> None:
    warn(f"OutOfDistribution: {message}")
