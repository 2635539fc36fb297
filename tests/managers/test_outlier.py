"""Examples unlike all others."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from datalab import Datalab, Findings
from datalab._check import class_codes, labels_and_probs, probabilities
from datalab.exceptions import InputError, NotApplicable
from datalab.managers import Outlier
from datalab.neighbors import KNNGraph, knn_graph
from datalab.outlier import OutOfDistribution


@pytest.fixture
def features() -> Any:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    features[[5, 50]] += 20
    return features


@pytest.fixture
def labelled() -> Any:
    rng = np.random.default_rng(1)
    return labels_and_probs(rng.integers(0, 4, 100), rng.dirichlet(np.ones(4), 100))


def test_hand_computed() -> None:
    distances = np.array([[1, 1], [1, 2], [1, 3], [2, 3], [9, 11]], dtype=np.float32)
    indices = np.array([[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]], dtype=np.int32)
    found = Outlier(threshold=0.5).find_issues(knn_graph=KNNGraph(indices, distances, "euclidean"))
    means = np.array([1, 1.5, 2, 2.5, 10])  # quartiles 1.5 and 2.5
    assert found.info["issue_threshold"] == 3.5
    assert found.is_issue.tolist() == [False, False, False, False, True]
    np.testing.assert_allclose(found.score, np.exp(-means / 2))
    assert found.info["scaling_factor"] == 2.0
    assert found.info["nearest_neighbor"].tolist() == [1, 0, 0, 0, 0]
    assert found.info["distance_to_nearest_neighbor"].tolist() == [1, 1, 1, 2, 9]
    assert found.columns["times_typical_distance"].tolist() == [0.5, 0.75, 1, 1.25, 5]


def test_finds_what_is_far_away(features: Any) -> None:
    found = Outlier().find_issues(knn_graph=knn_graph(features, k=10))
    assert found.is_issue[[5, 50]].all()
    assert np.argsort(found.score)[:2].tolist() == [5, 50] or found.score.argmin() in (5, 50)
    assert found.info["metric"] == "euclidean"
    assert found.info["k"] == 10
    assert found.info["average_ood_score"] == found.summary == found.score.mean()


def test_agrees_with_the_function(features: Any, labelled: Any) -> None:
    found = Outlier(k=4, t=2).find_issues(knn_graph=knn_graph(features, k=10))
    scores = OutOfDistribution({"k": 4, "t": 2}).fit_score(features=features)
    np.testing.assert_allclose(found.score, scores, rtol=1e-5)
    labels, probs = labelled
    for params in ({}, {"method": "least_confidence"}, {"method": "gen", "M": 3, "gamma": 0.4}):
        expected = OutOfDistribution(params).fit_score(pred_probs=probs, labels=labels)
        found = Outlier(**params).find_issues(pred_probs=probs, labels=labels)
        np.testing.assert_allclose(found.score, expected, atol=1e-12)
        same = Outlier(ood_kwargs={"params": params}).find_issues(pred_probs=probs, labels=labels)
        assert np.array_equal(same.score, found.score)


def test_probabilities_without_labels_are_not_adjusted(labelled: Any) -> None:
    labels, probs = labelled
    plain = Outlier(adjust_pred_probs=False).find_issues(pred_probs=probs, labels=labels)
    found = Outlier().find_issues(pred_probs=probs)
    assert np.array_equal(found.score, plain.score)
    assert (found.info["adjust_pred_probs"], found.info["confident_thresholds"]) == (False, None)
    assert found.info["threshold"] == 0.13
    assert found.info["issue_threshold"] == 0.13 * np.median(found.score)
    assert np.array_equal(found.is_issue, found.score < found.info["issue_threshold"])


def test_missing_labels_do_not_count(labelled: Any) -> None:
    labels, probs = labelled
    some = class_codes(np.where(np.arange(100) < 10, -1, labels), missing=True)
    found = Outlier().find_issues(pred_probs=probs, labels=some)
    expected = OutOfDistribution().fit(pred_probs=probs[10:], labels=labels[10:])
    np.testing.assert_allclose(found.score, expected.score(pred_probs=probs))


def test_neighbours_come_before_probabilities(features: Any) -> None:
    probs = probabilities(np.full((200, 2), 0.5))
    found = Outlier().find_issues(knn_graph=knn_graph(features, k=10), pred_probs=probs)
    told = found.info["find_issues_inputs"]
    assert told == {"features": False, "pred_probs": False, "knn_graph": True}


def test_a_given_graph_is_used_whole(features: Any) -> None:
    graph = knn_graph(features, k=20)
    given = KNNGraph.from_csr(graph.to_csr())
    whole = Outlier().find_issues(knn_graph=given)
    assert (whole.info["k"], whole.info["metric"], whole.info["knn"]) == (20, "given", None)
    ten = Outlier().find_issues(knn_graph=graph)
    assert (ten.info["k"], ten.info["knn"]) == (10, "exact")
    assert not np.array_equal(whole.score, ten.score)


def test_copies_are_no_outliers() -> None:
    found = Outlier().find_issues(knn_graph=knn_graph(np.ones((30, 4)), k=10))
    assert (found.num_issues, found.summary) == (0, 1.0)


def test_info_has_no_live_objects(features: Any) -> None:
    info = Outlier().find_issues(knn_graph=knn_graph(features, k=10)).info
    assert isinstance(info["ood"], dict)
    plain = (int, float, str, bool, dict, np.ndarray, type(None))
    assert all(isinstance(value, plain) for value in (*info.values(), *info["ood"].values()))


def test_reasons(features: Any, labelled: Any) -> None:
    found = Outlier().find_issues(knn_graph=knn_graph(features, k=10))
    ratio = found.columns["times_typical_distance"][5]
    told = Outlier().explain({"times_typical_distance": ratio})
    assert told == f"{ratio:.1f} times as far from its neighbours as usual"
    assert "unsure" in Outlier().explain({"score": 0.1})
    assert "sure of no class" in Outlier(method="least_confidence").explain({"score": 0.1})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"k": 0}, "`k` must be an integer >= 1, got 0"),
        ({"threshold": -0.5}, "`threshold` must be a number >= 0, got -0.5"),
        ({"t": -1}, "`t` must be a number >= 0, got -1"),
        ({"method": "entropi"}, "`method` is 'entropi'; did you mean 'entropy'"),
        ({"ood_kwargs": {"metod": "gen"}}, "`ood_kwargs` has 'metod': did you mean 'method'"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Outlier(**parameters)


def test_bad_threshold_and_inputs(features: Any, labelled: Any) -> None:
    with pytest.raises(InputError, match=r"`threshold` must be a number in \[0, 1\], got 2"):
        Outlier(threshold=2).find_issues(knn_graph=knn_graph(features, k=10))
    labels, probs = labelled
    assert Outlier(threshold=2).find_issues(pred_probs=probs, labels=labels).num_issues > 50
    with pytest.raises(InputError, match="`confident_thresholds` has shape"):
        Outlier(confident_thresholds=[0.5]).find_issues(pred_probs=probs)
    with pytest.raises(NotApplicable, match="features="):
        Outlier().find_issues()
    for other in (np.linspace(0, 1, 100), [[0, 1]] * 100):
        with pytest.raises(NotApplicable, match="one class"):
            Outlier().find_issues(pred_probs=probs, labels=other)  # type: ignore[arg-type]


@pytest.mark.parametrize("n_rows", [2, 3, 8, 10, 11])
def test_ten_or_fewer_rows(features: Any, n_rows: int) -> None:
    lab = Datalab({"y": [k % 2 for k in range(n_rows)]}, label_name="y", verbosity=0)
    lab.find_issues(["outlier"], features=features[:n_rows])
    assert lab.get_info("outlier")["k"] == min(10, n_rows - 1)
    lowered = f"k lowered to {n_rows - 1}" in lab.outcomes["outlier"].notes[0]
    assert lowered is (n_rows <= 10)


def test_rows_with_missing_features_are_left_out(features: Any) -> None:
    features[3, 1] = np.nan
    lab = Datalab({"y": np.arange(200) % 2}, label_name="y", verbosity=0)
    lab.find_issues(["outlier"], features=features)
    column = lab.get_issues("outlier")["is_outlier_issue"]
    assert column.isna().to_numpy().nonzero()[0].tolist() == [3]
    assert column[5]
    assert column[50]


def _table(seed: int = 0, n_columns: int = 6) -> Any:
    """A table whose outliers differ in one column only, which distances hardly notice."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(400, n_columns))
    features[:, 0] /= 10
    features[:8, 0] = rng.choice([-1.5, 1.5], size=8)
    return features


def test_a_forest_has_a_say_about_tables() -> None:
    features = _table(n_columns=12)
    graph = knn_graph(features, k=10, metric="euclidean")
    plain = Outlier(isolation=False, samples=False).find_issues(knn_graph=graph, features=features)
    both = Outlier(samples=False).find_issues(knn_graph=graph, features=features)
    assert both.info["isolation_forest"]
    assert not plain.info["isolation_forest"]
    alone = Outlier().find_issues(knn_graph=graph)
    np.testing.assert_array_equal(alone.score, plain.score)

    def mean_rank(found: Findings) -> float:
        return float(np.argsort(np.argsort(found.score))[:8].mean())

    assert mean_rank(both) < 0.75 * mean_rank(plain)
    wide = np.tile(features, 3)
    graph = knn_graph(wide, k=10, metric="euclidean")
    assert not Outlier().find_issues(knn_graph=graph, features=wide).info["isolation_forest"]


def test_the_forest_does_not_depend_on_the_order_of_rows() -> None:
    features = _table()
    order = np.random.default_rng(1).permutation(len(features))
    one = Outlier().find_issues(
        knn_graph=knn_graph(features, k=10, metric="euclidean"), features=features
    )
    two = Outlier().find_issues(
        knn_graph=knn_graph(features[order], k=10, metric="euclidean"), features=features[order]
    )
    np.testing.assert_allclose(one.score[order], two.score, rtol=1e-6)
    np.testing.assert_array_equal(one.is_issue[order], two.is_issue)


def test_reference_rules_have_no_forest() -> None:
    features = _table()
    lab = Datalab({"x": features[:, 0]}, task=None, verbosity=0)
    lab.find_issues(["outlier"], features=features, rules="reference")
    assert "isolation_forest" not in lab.get_info("outlier")
    for key in ("samples", "tail_probability", "false_alarm_rate"):
        assert key not in lab.get_info("outlier")
    named = Outlier(isolation=False, samples=False, false_alarms=1, metric="cosine")
    flags = lab.get_issues("outlier")["is_outlier_issue"]
    score = lab.get_issues("outlier")["outlier_score"]
    lab = Datalab({"x": features[:, 0]}, task=None, verbosity=0)
    lab.find_issues([named], features=features)
    np.testing.assert_allclose(lab.get_issues("outlier")["outlier_score"], score, rtol=1e-6)
    assert lab.get_issues("outlier")["is_outlier_issue"].tolist() == flags.tolist()


def _lump(n_columns: int) -> Any:
    """Clean rows, and twelve outliers that lie together: each other's neighbours."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(600, n_columns))
    features[:12] = 1.2 + 0.1 * rng.normal(size=(12, n_columns))
    return features


@pytest.mark.parametrize("n_columns", [20, 40])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_samples_find_outliers_that_lie_together(n_columns: int, metric: str) -> None:
    features = _lump(n_columns)
    graph = knn_graph(features, k=10, metric=metric)
    plain, sampled = (
        Outlier(isolation=False, samples=samples).find_issues(knn_graph=graph, features=features)
        for samples in (False, None)
    )
    assert sampled.info["samples"]
    assert not plain.info["samples"]
    assert sampled.score[:12].mean() < plain.score[:12].mean()


def test_samples_know_their_graph() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 5)) * [1, 10, 100, 1, 1]
    spread = features / features.std(axis=0)

    def sampled(graph: KNNGraph, given: Any = features) -> Any:
        return Outlier().find_issues(knn_graph=graph, features=given).info["samples"]

    assert sampled(knn_graph(features, k=10, metric="euclidean"))
    assert sampled(knn_graph(features, k=10, metric="cosine"))
    assert not sampled(knn_graph(features, k=10, metric="manhattan"))
    assert not sampled(knn_graph(spread, k=10, metric="euclidean"))
    assert not sampled(knn_graph(features[:20], k=10, metric="euclidean"), features[:20])
    lab = Datalab({"x": features[:, 0]}, task=None, verbosity=0)
    lab.find_issues(["outlier"], features=features)
    assert lab.get_info("outlier")["samples"]


def test_distances_in_units_of_the_class() -> None:
    rng = np.random.default_rng(0)
    labels = class_codes(np.repeat([0, 1, 2], [200, 200, 5]))
    features = rng.normal(size=(405, 2)) * np.repeat([[0.1], [3.0], [1.0]], [200, 200, 5], axis=0)
    features[labels == 1] += 40
    features[labels == 2] -= 40
    features[0] = [1.0, 0]  # far for its class, near for the other
    graph = knn_graph(features, k=10)
    plain, by_class = (
        Outlier(by_class=one).find_issues(knn_graph=graph, labels=labels) for one in (False, True)
    )
    assert not (plain.score[0] < plain.score[labels == 1]).all()
    assert (by_class.score[0] < by_class.score[labels == 1]).all()
    assert (by_class.score[labels == 2] < 0.01).all()  # a class of five says not what is typical
    for none in (None, labels * 0.5):
        with pytest.raises(NotApplicable, match="by_class=True needs class labels"):
            Outlier(by_class=True).find_issues(knn_graph=graph, labels=none)


SHAPES: dict[str, Any] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.random(shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(size=shape),
    "heavy": lambda rng, shape: rng.standard_t(3, size=shape),
    "Cauchy": lambda rng, shape: rng.standard_cauchy(shape),
}


def test_a_rate_of_almost_nothing_is_told_as_such() -> None:
    found = Findings("outlier", is_issue=[True, False], score=[0.1, 0.9])
    told = [
        Outlier().sum_up(replace(found, info={"false_alarm_rate": rate}))
        for rate in (0.05, 0.002, 1.0)
    ]
    assert told == [
        "expected false alarms: at most 5 % of the rows that are no outliers",
        "expected false alarms: less than 1 % of the rows that are no outliers",
        "",
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_false_alarms_are_as_rare_as_told(shape: str) -> None:
    flagged, fenced = [], []
    for seed, n_columns in enumerate((2, 5, 40, 2, 5)):
        features = SHAPES[shape](np.random.default_rng(seed), (600, n_columns))
        graph = knn_graph(features, k=10, metric="euclidean")
        found = Outlier(isolation=False).find_issues(knn_graph=graph, features=features)
        told = found.info["false_alarm_rate"]
        assert told <= 0.05
        assert f"at most {told * 100:.0f}"[:9] in Outlier().sum_up(found)
        flagged.append(found.is_issue.mean())
        alone = Outlier(false_alarms=1, isolation=False).find_issues(
            knn_graph=graph, features=features
        )
        fenced.append(alone.is_issue.mean())
    assert np.mean(flagged) <= (0.06 if shape == "Cauchy" else 0.05)
    if shape in ("exponential", "lognormal", "heavy", "Cauchy"):
        assert np.mean(flagged) < np.mean(fenced)


def test_the_tail_tells_how_rare_a_row_is(features: Any) -> None:
    graph = knn_graph(features, k=10)
    found = Outlier().find_issues(knn_graph=graph, features=features)
    rare = found.columns["tail_probability"]
    assert (rare[[5, 50]] < 0.01).all()
    order = np.argsort(-found.score, kind="stable")
    assert (np.diff(rare[order]) <= 1e-12).all()
    assert ((rare >= 0) & (rare <= 1)).all()
    alone = Outlier().find_issues(knn_graph=graph)
    fenced = Outlier(false_alarms=1).find_issues(knn_graph=graph)
    np.testing.assert_array_equal(alone.is_issue, fenced.is_issue)
    strict = Outlier(false_alarms=0.001).find_issues(knn_graph=graph, features=features)
    assert set(np.flatnonzero(strict.is_issue)) <= set(np.flatnonzero(found.is_issue))
    assert strict.info["false_alarm_rate"] <= 0.001
    with_fence = Outlier(threshold=1, false_alarms=0.2).find_issues(knn_graph=graph)
    assert with_fence.num_issues > found.num_issues
    with pytest.raises(InputError, match="false_alarms"):
        Outlier(false_alarms=2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("features", [np.zeros((30, 3)), np.ones((30, 1)), np.eye(30)[:, :4]])
def test_equal_rows_are_no_outliers_of_a_forest(features: Any) -> None:
    graph = knn_graph(features, k=5, metric="euclidean")
    found = Outlier(k=5).find_issues(knn_graph=graph, features=features)
    assert np.isfinite(found.score).all()
    assert (found.score[graph.distances.max(axis=1) == 0] == 1).all()
