"""Which rows are trained on and which predicted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from datalab._models.folds import belong_together, plan_folds, stratified_folds
from datalab.exceptions import InputError, NotApplicable
from datalab.neighbors import knn_graph


def fold_of(pairs: list[tuple[np.ndarray, np.ndarray]], n_rows: int) -> np.ndarray:
    """The fold that predicts each row; every row must have one, and not be trained on there."""
    fold = np.full(n_rows, -1)
    for number, (train, held_out) in enumerate(pairs):
        assert not set(train) & set(held_out)
        assert (fold[held_out] == -1).all()
        fold[held_out] = number
    assert (fold >= 0).all()
    return fold


def test_plain_rows_are_stratified_as_in_scikit_learn() -> None:
    codes = np.arange(30) % 3
    expected = StratifiedKFold(5, shuffle=True, random_state=4).split(codes, codes)
    found = plan_folds(codes, 5, seed=4)
    for (train, held_out), (a, b) in zip(found.pairs, expected, strict=True):
        np.testing.assert_array_equal(train, a)
        np.testing.assert_array_equal(held_out, b)
    assert found.note == ""


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**20), st.integers(2, 40), st.booleans())
def test_groups_stay_together(seed: int, n_groups: int, timed: bool) -> None:
    rng = np.random.default_rng(seed)
    groups, codes = rng.integers(n_groups, size=80), rng.integers(3, size=80)
    groups[:2] = 0, 1  # at least two
    time = rng.normal(size=80) if timed else None
    found = plan_folds(codes, 5, seed=seed, groups=groups, time=time)
    fold = fold_of(found.pairs, 80)
    for group in np.unique(groups):
        assert len(set(fold[groups == group])) == 1
    assert "groups kept together" in found.note


def test_stretches_of_time_follow_each_other() -> None:
    time = np.random.default_rng(0).permutation(50).astype(float)
    time[3] = np.nan
    found = plan_folds(np.arange(50) % 2, 5, seed=0, time=time)
    fold = fold_of(found.pairs, 50)
    known = np.delete(np.arange(50), 3)
    assert (np.diff(fold[known][np.argsort(time[known])]) >= 0).all()
    assert np.bincount(fold).tolist() == [10] * 5
    assert fold[3] == 4
    assert found.note == "by stretches of time"


def test_near_duplicates_stay_together_unless_they_are_everywhere() -> None:
    features = np.random.default_rng(0).normal(size=(60, 3))
    features[10] = features[40]
    features[11] = features[41] + 1e-4
    found = plan_folds(np.arange(60) % 2, 5, seed=0, graph=knn_graph(features, k=3))
    fold = fold_of(found.pairs, 60)
    assert fold[10] == fold[40]
    assert fold[11] == fold[41]
    assert found.note == "near duplicates kept together"
    grid = np.repeat(features[:6], 10, axis=0)
    assert belong_together(60, None, knn_graph(grid, k=3)) == (None, [])


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(NotApplicable, match="all rows belong to one group"):
        plan_folds(np.arange(8) % 2, 5, seed=0, groups=np.zeros(8, dtype=int))


def test_large_groups_are_stratified() -> None:
    groups = np.repeat(np.arange(10), 20)
    codes = np.repeat(np.arange(10) % 2, 20)
    found = plan_folds(codes, 5, seed=0, groups=groups)
    fold = fold_of(found.pairs, 200)
    shares = [codes[fold == f].mean() for f in range(5)]
    assert shares == [0.5] * 5


def test_only_the_number_of_folds_is_told_as_such() -> None:
    codes = np.arange(30) % 3
    for n_folds in (1, 11, 2.0, "5", None):
        with pytest.raises(InputError, match="cv_n_folds=.*largest class, which has 10"):
            stratified_folds(codes, n_folds, 0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="[Ss]eed"):
        stratified_folds(codes, 5, -1)


def test_a_data_set_that_was_copied_stays_together_row_by_row() -> None:
    rng = np.random.default_rng(0)
    points = np.tile(rng.normal(size=(60, 2)), (2, 1))
    codes = np.tile(rng.integers(2, size=60), 2)
    graph = knn_graph(points, 5)
    found = plan_folds(codes, 5, seed=0, graph=graph)
    assert found.note == "near duplicates kept together"
    for train, held_out in found.pairs:
        assert not set(train % 60) & set(held_out % 60)
    codes[:10] = 1 - codes[:10]
    assert plan_folds(codes, 5, seed=0, graph=graph).note == ""


def test_a_rare_class_in_large_groups_warns_nobody() -> None:
    codes = np.r_[np.zeros(30, dtype=np.intp), np.ones(30, dtype=np.intp), [2, 2]]
    found = plan_folds(codes, 5, seed=0, groups=np.arange(62) // 8)
    assert sorted(np.concatenate([held_out for _, held_out in found.pairs])) == list(range(62))
