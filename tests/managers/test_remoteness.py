"""Who has a say about how remote rows are follows from what the columns are, in any units."""

from typing import Any

import numpy as np
import pytest

from datalab.managers import Outlier
from datalab.managers.remoteness import Columns, forest_remoteness, sample_remoteness
from datalab.neighbors import choose_metric, knn_graph


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(0)


def standardised(features: Any) -> Any:
    spread = features.std(axis=0)
    return (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)


def judged(features: Any, **options: Any) -> Any:
    chosen = choose_metric(features)
    graph = knn_graph(features, k=10, metric=chosen.metric, scale=chosen.scale)
    return Outlier(**options).find_issues(knn_graph=graph, features=features)


WIDE: dict[str, Any] = {
    "pixels": lambda rng: rng.integers(0, 17, size=(300, 64)).astype(float),
    "one in ten": lambda rng: (rng.random((300, 64)) < 0.1).astype(float),
    "words": lambda rng: (rng.random((300, 500)) < 0.02).astype(float),
    "rounded": lambda rng: rng.normal(size=(300, 40)).round(1) * np.geomspace(1, 1000, 40),
}
LEARNED: dict[str, Any] = {
    "normal": lambda rng: rng.normal(size=(300, 64)),
    "rectified": lambda rng: np.maximum(rng.normal(size=(300, 64)) - 1, 0),
    "half precision": lambda rng: rng.normal(size=(300, 64)).astype(np.float16).astype(np.float32),
}


@pytest.mark.parametrize("kind", WIDE)
def test_wide_tables_repeat_their_values(rng: Any, kind: str) -> None:
    features = WIDE[kind](rng)
    for view in (features, standardised(features), features[rng.permutation(300)]):
        columns = Columns.of(view)
        assert (columns.narrow, columns.repeat, columns.is_table) == (False, True, True)
    assert Columns.of(standardised(features)).standardised
    assert not Columns.of(features * np.linspace(1, 2, features.shape[1])).standardised
    assert judged(features).info["isolation_forest"]


@pytest.mark.parametrize("kind", LEARNED)
def test_representations_are_no_tables(rng: Any, kind: str) -> None:
    features = LEARNED[kind](rng)
    for view in (features, standardised(features)):
        columns = Columns.of(view)
        assert not columns.repeat
        assert not columns.is_table
        assert not judged(view).info["isolation_forest"]
    units = features * np.geomspace(1, 1e4, 64)
    assert Columns.of(units).is_table  # units differ
    assert Columns.of(features[:, :10]).is_table


def test_columns_without_values() -> None:
    for features in (np.zeros((40, 3)), np.ones((40, 50)), np.eye(40)):
        columns = Columns.of(features)
        assert columns.repeat
        assert np.isfinite(judged(features).score).all()


def test_samples_of_both_kinds_where_either_may_be_right(rng: Any) -> None:
    def says(features: Any, **options: Any) -> int:
        chosen = choose_metric(features)
        graph = knn_graph(features, k=5, metric=chosen.metric, scale=chosen.scale)
        how = {"one_metric": False} | options
        return len(sample_remoteness(graph, features, Columns.of(features), 0, **how))

    pixels, learned = WIDE["pixels"](rng), LEARNED["normal"](rng)
    assert says(pixels) == says(standardised(pixels)) == 2
    assert says(pixels, one_metric=True) == 1
    assert (says(learned), says(standardised(learned))) == (1, 2)
    unit = (learned - learned.min(axis=0)) / np.ptp(learned, axis=0)
    assert says(unit) == 2  # scaled to a range: may be a table
    assert says(learned * np.geomspace(1, 1e4, 64)) == 1
    assert says(learned[:, :8]) == 1
    assert says(learned[:20]) == 0
    other = knn_graph(rng.normal(size=(300, 3)), k=5)
    assert sample_remoteness(other, learned, Columns.of(learned), 0, one_metric=False) == []


def test_a_lump_in_a_wide_table_is_found_in_any_units(rng: Any) -> None:
    """Its rows are each other's neighbours, in every metric."""
    features = rng.poisson(2.0, size=(600, 60)).astype(float)
    features[:20] = 2 * rng.poisson(2.0, size=60) + rng.integers(0, 2, size=(20, 60))
    for view in (features, standardised(features)):
        alone, both = judged(view, samples=False, isolation=False), judged(view)
        place = [np.argsort(np.argsort(one.score))[:20].mean() for one in (alone, both)]
        assert place[0] > 500
        assert place[1] < 100


def test_the_order_of_rows_is_no_matter(rng: Any) -> None:
    features, order = WIDE["pixels"](rng), rng.permutation(300)
    np.testing.assert_allclose(
        judged(features).score[order], judged(features[order]).score, rtol=1e-5
    )
    np.testing.assert_array_equal(
        forest_remoteness(features, 0)[order], forest_remoteness(features[order], 0)
    )


def test_equal_rows_far_from_all_others_are_found(rng: Any) -> None:
    features = rng.normal(size=(500, 4))
    features[:15] = 8.0  # more copies than neighbours
    alone, both = judged(features, samples=False, isolation=False), judged(features)
    assert (alone.score[:15] == 1).all()
    assert both.is_issue[:15].all()
    assert both.score[:15].max() < np.quantile(both.score, 0.05)


def test_all_rows_copies() -> None:
    found = judged(np.ones((60, 4)))
    assert (found.num_issues, found.summary) == (0, 1.0)
