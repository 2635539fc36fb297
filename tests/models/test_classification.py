"""Cross-validation and copies of estimators."""

import sys
import types

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datalab._models import count_rows, cross_val_pred_probs, fresh_copy, take_rows
from datalab.exceptions import InputError, InputTypeError, InputWarning


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 60)
    return rng.normal(size=(60, 2)) + codes[:, None], codes


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers what its copies were fitted on, in a list shared through the parameter."""

    def __init__(self, log=None):
        self.log = log

    def __sklearn_clone__(self):
        return Recorder(self.log)

    def fit(self, X, y, **extra):
        self.log.append((X, y, extra))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_equals_scikit_learns_cross_validation(data):
    X, codes = data
    folds = StratifiedKFold(5, shuffle=True, random_state=7)
    expected = cross_val_predict(LogisticRegression(), X, codes, cv=folds, method="predict_proba")
    got = cross_val_pred_probs(X, codes, LogisticRegression(), n_classes=3, seed=7)
    np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize(
    "kind", [np.asarray, pd.DataFrame, sp.csr_array, sp.csc_matrix, sp.coo_matrix, list]
)
def test_any_kind_of_rows(data, kind):
    X, codes = data
    expected = cross_val_pred_probs(X, codes, LogisticRegression(), n_classes=3, seed=0)
    got = cross_val_pred_probs(kind(X), codes, LogisticRegression(), n_classes=3, seed=0)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_absent_classes_have_empty_columns(data):
    X, codes = data
    expected = cross_val_pred_probs(X, codes, LogisticRegression(), n_classes=3, seed=0)
    spread = np.array([1, 2, 4])[codes]
    got = cross_val_pred_probs(X, spread, LogisticRegression(), n_classes=6, seed=0)
    np.testing.assert_allclose(got[:, [1, 2, 4]], expected)
    assert not got[:, [0, 3, 5]].any()


def test_a_lonely_example_is_copied_into_training(data):
    X, codes = data
    codes[17] = 3
    log = []
    with pytest.warns(InputWarning, match=r"classes \[3\]"):
        got = cross_val_pred_probs(X, codes, Recorder(log), n_classes=4, seed=0)
    assert all(3 in y for _, y, _ in log)
    np.testing.assert_array_equal(got[17], [0, 0, 0, 1])
    assert np.all(np.delete(got, 17, axis=0) == 0.25)


def test_fit_arguments_and_validation_func(data):
    X, codes = data
    log, seen = [], []

    def validation(X_held_out, y_held_out):
        seen.append(len(y_held_out))
        return {"b": len(X_held_out)}

    cross_val_pred_probs(
        X,
        codes,
        Recorder(log),
        n_classes=3,
        cv_n_folds=4,
        clf_kwargs={"a": 1},
        validation_func=validation,
    )
    assert sum(seen) == 60
    assert [extra for _, _, extra in log] == [{"a": 1, "b": n} for n in seen]
    with pytest.raises(InputTypeError, match="validation_func"):
        cross_val_pred_probs(X, codes, Recorder(log), n_classes=3, validation_func=3)


def test_a_seed_reaches_open_random_states_and_nothing_else(data):
    X, codes = data
    model = make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=3))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    once, again = (cross_val_pred_probs(X, codes, model, n_classes=3, seed=1) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert model[-1].random_state is None
    fixed = fresh_copy(RandomForestClassifier(random_state=5), np.random.RandomState(0))
    assert fixed.random_state == 5


def test_wrong_input_says_what_to_do(data):
    X, codes = data

    class NoParameters:
        def __init__(self, *sizes):
            pass

    with pytest.raises(InputError, match="cannot be cloned"):
        cross_val_pred_probs(X, codes, NoParameters(), n_classes=3)
    for folds in (1, 2.0, 50):
        with pytest.raises(InputError, match="cv_n_folds"):
            cross_val_pred_probs(X, codes, LogisticRegression(), n_classes=3, cv_n_folds=folds)
    with pytest.raises(InputTypeError, match="`X`"):
        count_rows(3)
    with pytest.raises(InputTypeError, match="list of rows"):
        take_rows({"a": 1}, np.array([0, 1]))


def test_torch_data_sets_are_cut_by_torch(monkeypatch):
    torch_data = types.ModuleType("torch.utils.data")
    torch_data.Subset = lambda data, rows: (data, rows)
    for name in ("torch", "torch.utils"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "torch.utils.data", torch_data)

    class Dataset:
        __module__ = "torch.utils.data.dataset"

        def __len__(self):
            return 3

        def __getitem__(self, row):
            raise AssertionError("one row at a time would be slow")

    images = Dataset()
    assert count_rows(images) == 3
    assert take_rows(images, np.array([2, 0])) == (images, [2, 0])
