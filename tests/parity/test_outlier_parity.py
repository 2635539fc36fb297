"""Outlier scores side by side with cleanlab 2.9.0."""

import warnings

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from datalab.outlier import OutOfDistribution


@pytest.fixture(scope="module")
def reference():
    from cleanlab.outlier import OutOfDistribution as Reference

    return Reference


def call(function, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(**arguments)


def both(reference, params, method="fit_score", **arguments):
    """The same call of both; the scores must agree."""
    ours, theirs = OutOfDistribution(params), reference(dict(params))
    got, expected = (call(getattr(one, method), **arguments) for one in (ours, theirs))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)
    assert got.dtype == np.float64
    return ours, theirs


def probabilities(n_rows, n_classes, kind, seed=0):
    rng = np.random.default_rng(seed)
    concentration = {"weak": 20.0, "strong": 0.05}.get(kind, 0.5)
    probs = rng.dirichlet(np.full(n_classes, concentration), n_rows)
    labels = np.array([rng.choice(n_classes, p=row) for row in probs])
    labels[:n_classes] = np.arange(n_classes)
    if kind == "ties":
        probs = probs.round(2)
    if kind == "missing class":
        labels[labels == n_classes - 1] = 0
        if n_classes == 2:
            labels[0], labels[1] = 0, 1
    if kind == "tiny class":
        labels[labels == 0] = 1
        labels[0] = 0
    if kind == "float32":
        probs = probs.astype(np.float32)
    if kind == "Fortran order":
        probs = np.asfortranarray(probs)
    return labels, probs


KINDS = ["plain", "weak", "strong", "ties", "missing class", "tiny class", "Fortran order"]


@pytest.mark.parametrize("kind", [*KINDS, "float32"])
@pytest.mark.parametrize("n_classes", [2, 10, 200])
def test_pred_probs(reference, n_classes, kind):
    labels, probs = probabilities(max(300, 2 * n_classes), n_classes, kind)
    tolerance = 1e-4 if kind == "float32" else 1e-6
    for method in ("entropy", "least_confidence", "gen"):
        for adjust in (True, False):
            for m, gamma in ((100, 0.1), (max(1, n_classes // 2), 0.7)):
                params = {"method": method, "adjust_pred_probs": adjust, "M": m, "gamma": gamma}
                ours, theirs = OutOfDistribution(params), reference(dict(params))
                given = {"pred_probs": probs, "labels": labels if adjust else None}
                got = call(ours.fit_score, **given)
                expected = call(theirs.fit_score, **given)
                np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)
                if adjust:
                    np.testing.assert_allclose(
                        ours.params["confident_thresholds"],
                        theirs.params["confident_thresholds"],
                        atol=tolerance,
                    )
                got = call(ours.score, pred_probs=probs[::3])
                np.testing.assert_allclose(
                    got, call(theirs.score, pred_probs=probs[::3]), rtol=0, atol=tolerance
                )
                if method != "gen":
                    break


def test_given_thresholds(reference):
    labels, probs = probabilities(200, 5, "plain")
    for thresholds in (np.full(5, 0.3), np.array([0.1, 0.9, 0.4, 0.2, 2.0])):
        for method in ("entropy", "least_confidence", "gen"):
            params = {"confident_thresholds": thresholds, "method": method, "M": 3}
            both(reference, params, "score", pred_probs=probs)
            both(reference, params, pred_probs=probs, labels=labels)
            both(reference, {**params, "adjust_pred_probs": False}, pred_probs=probs)


def test_probabilities_that_do_not_sum_to_one(reference):
    rng = np.random.default_rng(0)
    probs = rng.random((50, 6))
    for method in ("entropy", "least_confidence", "gen"):
        both(reference, {"method": method, "adjust_pred_probs": False}, pred_probs=probs)
        both(reference, {"method": method}, pred_probs=probs, labels=np.arange(50) % 6)


def table(n_rows, n_columns, kind, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_rows, n_columns)) + 0.5
    if kind == "copies":
        features[5:8] = features[4]
        features[-20:] = features[0]
    if kind == "integers":
        features = rng.integers(-3, 4, size=(n_rows, n_columns)) + 0.01 * rng.random(
            (n_rows, n_columns)
        )
    if kind == "zeros":
        features[::9] = 0
    if kind == "float32":
        features = features.astype(np.float32)
    if kind == "far outlier":
        features[3] = 1e6
    return features


@pytest.mark.parametrize("kind", ["plain", "copies", "integers", "zeros", "far outlier"])
@pytest.mark.parametrize("n_columns", [1, 2, 3, 4, 30])
def test_features(reference, n_columns, kind):
    some = ({}, {"k": 1}, {"k": 25, "t": 3}, {"k": 39})
    # Scipy's function serves up to 100 rows.
    for n_rows, choices in ((40, some), (100, ({},)), (101, some)):
        features = table(n_rows, n_columns, kind)
        for params in choices:
            ours, theirs = both(reference, params, features=features, verbose=False)
            scales = [one.params["scaling_factor"] for one in (ours, theirs)]
            np.testing.assert_allclose(*scales, rtol=1e-6, atol=1e-12)
            for one in ("n_neighbors", "metric"):
                values = [getattr(which.params["knn"], one) for which in (ours, theirs)]
                assert values[0] == values[1]
            new = table(40, n_columns, "plain", seed=1)
            np.testing.assert_allclose(
                call(ours.score, features=new), call(theirs.score, features=new), atol=1e-6
            )
            np.testing.assert_allclose(
                call(ours.fit_score, features=features),
                call(theirs.fit_score, features=features),
                atol=1e-6,
            )


@pytest.mark.parametrize("n_columns", [2, 20])
def test_float32_features(reference, n_columns):
    for n_rows in (50, 300):
        features = table(n_rows, n_columns, "float32")
        ours = call(OutOfDistribution().fit_score, features=features)
        theirs = call(reference({}).fit_score, features=features)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_rows", [2, 3, 8, 10, 11, 12])
def test_hardly_any_rows(reference, n_rows):
    both(reference, {}, features=table(n_rows, 5, "plain"))
    both(reference, {}, features=table(n_rows, 2, "plain"))


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "minkowski", "chebyshev"])
@pytest.mark.parametrize("k", [None, 2, 5, 9])
def test_given_estimator(reference, metric, k):
    features, new = table(80, 6, "copies"), table(30, 6, "plain", seed=3)
    power = 3 if metric == "minkowski" else 2
    knn = NearestNeighbors(n_neighbors=5, metric=metric, p=power).fit(features)
    params = {"knn": knn, "k": k}
    for given in (features, new):
        both(reference, params, features=given)
        both(reference, params, "score", features=given)
    ours, theirs = both(reference, params, "score", features=new)
    got, expected = (call(one.score, features=new + 1) for one in (ours, theirs))
    np.testing.assert_allclose(got, expected, atol=1e-9)
    unfitted = NearestNeighbors(n_neighbors=5, metric=metric, p=power)
    both(reference, {"knn": unfitted, "k": k}, features=features)


class Given(NearestNeighbors):
    """An estimator whose distances are known."""

    def kneighbors(self, X=None, n_neighbors=None, return_distance=True):
        return self.distances[:, : self.n_neighbors], None


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "minkowski"])
@pytest.mark.parametrize("power", [1, 1.5, 2, 4])
def test_rounding_noise(reference, metric, power):
    levels = np.geomspace(1e-17, 1e-2, 300)
    knn = Given(n_neighbors=2, metric=metric, p=power).fit(np.zeros((600, 2)))
    knn.distances = np.column_stack([np.r_[levels, np.full(300, 1e-18)], np.zeros(600)])
    ours, theirs = OutOfDistribution({"knn": knn}), reference({"knn": knn})
    got, expected = (call(one.score, features=np.zeros((600, 2))) for one in (ours, theirs))
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert np.array_equal(got == 1, expected == 1)


def test_errors_are_value_errors_in_both(reference):
    features, (labels, probs) = table(30, 3, "plain"), probabilities(30, 3, "plain")
    for make in (OutOfDistribution, reference):
        for broken in (
            lambda make=make: make({"unknown": 1}),
            lambda make=make: make({}).fit(),
            lambda make=make: make({}).fit(features=features, pred_probs=probs),
            lambda make=make: make({}).fit_score(features=features[:, 0]),
            lambda make=make: make({"k": 30}).fit_score(features=features),
            lambda make=make: make({}).score(features=features),
            lambda make=make: make({}).score(pred_probs=probs),
            lambda make=make: make({}).fit_score(pred_probs=probs),
            lambda make=make: make({"method": "?"}).fit_score(pred_probs=probs, labels=labels),
            lambda make=make: make({}).fit_score(pred_probs=probs, labels=labels * 0),
        ):
            with pytest.raises(ValueError):  # noqa: PT011 - the type is the contract
                call(broken)
