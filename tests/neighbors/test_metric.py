import numpy as np
import pytest

from datalab.exceptions import InputError
from datalab.neighbors import choose_metric, knn_graph, reference_metric
from datalab.neighbors.metric import column_spread, inner_deviation


def test_reference_rule():
    assert [reference_metric(np.zeros((9, m))) for m in (1, 3, 4, 50)] == [
        "euclidean",
        "euclidean",
        "cosine",
        "cosine",
    ]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def embeddings(rng, n_columns=64):
    centres = rng.normal(size=(5, n_columns))
    rows = centres[rng.integers(0, 5, 300)] + 0.5 * rng.normal(size=(300, n_columns))
    return rows * rng.uniform(0.5, 2, size=n_columns) + 0.3 * rng.normal(size=n_columns)


def test_tables_are_scaled(rng):
    for n_columns in (2, 10, 31):
        choice = choose_metric(rng.normal(size=(200, n_columns)) + 5)
        assert choice.metric == "euclidean"
        assert choice.scale.shape == (n_columns,)
        assert "divided by its spread" in choice.reason


def test_units_that_differ_make_a_table_of_many_columns(rng):
    features = rng.normal(size=(200, 40)) * np.geomspace(1, 1e4, 40)
    assert choose_metric(features).metric == "euclidean"


def test_standardised_columns_are_a_table(rng):
    features = rng.gamma(1.0, size=(200, 40))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    assert choose_metric(features).metric == "euclidean"


def test_representations_are_taken_as_they_are(rng):
    choice = choose_metric(embeddings(rng))
    assert (choice.metric, choice.scale) == ("cosine", None)
    assert choice.reason == "cosine distance: 64 columns of comparable spread"
    rectified = np.maximum(embeddings(rng), 0)
    rectified[:, 3] = 0  # a dead unit
    assert choose_metric(rectified).metric == "cosine"


def test_rows_of_one_length_are_representations(rng):
    for n_columns in (8, 16, 300):
        features = rng.normal(size=(100, n_columns)) + 1
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        features[4] = 0  # an empty text
        choice = choose_metric(features.astype(np.float32))
        assert (choice.metric, "same length" in choice.reason) == ("cosine", True)


def test_a_large_offset_is_not_one_length(rng):
    seconds = 1.6e9 + rng.normal(size=(100, 1)) * 1e4
    assert choose_metric(np.column_stack([seconds, rng.normal(size=100)])).metric == "euclidean"


def test_pixels_share_their_range(rng):
    pixels = rng.integers(0, 17, size=(300, 64)).astype(float)
    pixels[:, :20] = np.where(rng.random((300, 20)) < 0.99, 0, pixels[:, :20])  # the border
    pixels[:, 0] = 0
    choice = choose_metric(pixels)
    assert (choice.metric, choice.scale) == ("cosine", None)
    assert "share the range 0 to 16" in choice.reason


def test_units_do_not_matter_in_tables(rng):
    for n_columns in (6, 40):
        features = rng.gamma(1.0, size=(150, n_columns)) * np.geomspace(1, 1e3, n_columns)
        moved = features * np.geomspace(1e-6, 1e6, n_columns) + 7
        first, second = choose_metric(features), choose_metric(moved)
        np.testing.assert_allclose(
            knn_graph(first.apply(features), k=5).distances,
            knn_graph(second.apply(moved), k=5).distances,
            rtol=1e-4,
        )


def test_row_order_does_not_matter(rng):
    features = rng.normal(size=(200, 12)) * np.arange(1, 13)
    order = rng.permutation(200)
    np.testing.assert_allclose(
        choose_metric(features).scale, choose_metric(features[order]).scale, rtol=1e-12
    )


def test_apply_leaves_the_features_alone(rng):
    features = rng.normal(size=(50, 5)).astype(np.float32)
    before = features.copy()
    choice = choose_metric(features)
    scaled = choice.apply(features)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled * choice.scale, features, rtol=1e-6)
    assert np.array_equal(features, before)


def test_spread_of_columns(rng):
    normal = rng.normal(size=4000) * 3
    outliers = normal.copy()
    outliers[:40] = 1e9
    mostly_zero = np.where(rng.random(4000) < 0.85, 0.0, rng.gamma(1.0, size=4000))
    hardly_ever = np.zeros(4000)
    hardly_ever[:4] = 1.0
    columns = np.column_stack([normal, outliers, mostly_zero, hardly_ever, np.full(4000, 0.1)])
    spread = column_spread(columns)
    np.testing.assert_allclose(spread[:2], 3, rtol=0.05)
    assert 0 < spread[2] < mostly_zero.std()
    np.testing.assert_allclose(spread[3], hardly_ever.std())
    assert spread[4] == 1.0


@pytest.mark.parametrize("shape", [(1, 3), (2, 40), (5, 1)])
def test_hardly_any_data(rng, shape):
    choice = choose_metric(rng.normal(size=shape))
    assert np.isfinite(choice.apply(rng.normal(size=shape))).all()


def test_no_rows_and_lists(rng):
    with pytest.raises(InputError, match="`features` has no rows"):
        choose_metric(np.empty((0, 4)))
    features = rng.normal(size=(20, 4))
    assert np.array_equal(choose_metric(features.tolist()).scale, choose_metric(features).scale)


def test_constant_data():
    choice = choose_metric(np.full((20, 40), 3.0))
    assert (choice.metric, choice.scale.tolist()) == ("euclidean", [1.0] * 40)


def test_gross_outliers_change_neither_metric_nor_scale(rng):
    plain = embeddings(rng)
    assert choose_metric(plain).metric == "cosine"
    plain[:2] = 1e6 * rng.normal(size=(2, 64))
    assert choose_metric(plain).metric == "cosine"
    table = rng.normal(size=(400, 40)) * np.geomspace(1, 1e4, 40)
    before = choose_metric(table)
    table[3] = 1e9
    after = choose_metric(table)
    assert (before.metric, after.metric) == ("euclidean", "euclidean")
    np.testing.assert_allclose(after.scale, before.scale, rtol=0.05)


def test_rounding_is_no_deviation():
    column = np.full(5000, 0.1) - 1 / 3
    column[:4] = 7.0  # fewer than count
    assert inner_deviation(column[:, None])[0] == column.std()


def test_deviation_of_columns(rng):
    normal = rng.normal(size=5000) * 3
    wild = normal.copy()
    wild[:20] = 1e12
    rare = np.zeros(5000)
    rare[:4] = 1.0
    deviation = inner_deviation(np.column_stack([normal, wild, rare, np.full(5000, 2.5)]))
    np.testing.assert_allclose(deviation[:2], 3, rtol=0.05)
    np.testing.assert_allclose(deviation[2:], [rare.std(), 1.0])


def test_sparse_rows_are_compared_by_direction(rng):
    from scipy.sparse import csr_matrix

    choice = choose_metric(csr_matrix(rng.random((20, 9)) * (rng.random((20, 9)) < 0.3)))
    assert (choice.metric, choice.scale) == ("cosine", None)


def test_whole_numbers_are_scaled_in_floating_point(rng):
    features = rng.integers(0, 200, size=(100, 5)).astype(np.uint8)
    choice = choose_metric(features)
    np.testing.assert_allclose(choice.apply(features), features / choice.scale, rtol=1e-6)
