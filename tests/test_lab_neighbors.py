"""How an audit finds neighbours: engine, device, odd features, and what is told of it."""

import numpy as np
import pytest

from datalab import Datalab
from datalab.exceptions import InputError, InputTypeError, InputWarning
from datalab.neighbors import approximate, gpu, search

NAMES = ["outlier", "near_duplicate", "non_iid"]


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 40))
    rows = centres[rng.integers(10, size=1200)] + 0.3 * rng.normal(size=(1200, 40))
    rows[700:1100] = rows[3]
    rows[1100:1150] = rows[:50] + 1e-4 * rng.normal(size=(50, 40))
    return rows.astype(np.float32)


def audited(features, **options):
    return Datalab({"i": np.arange(features.shape[0])}, task=None).find_issues(
        NAMES, features=features, **options
    )


def test_what_ran_is_told(features):
    lab = audited(features)
    told = lab.info["statistics"]["knn_search"]
    assert told == {"engine": "exact", "device": "cpu", "recall": 1.0}
    assert lab.outcomes[0].notes[0].startswith("knn_graph: exact search, cosine distance")


def test_approximate_search_finds_the_same_issues(features, monkeypatch):
    exact = audited(features, engine="exact")
    monkeypatch.setattr(approximate, "FIRST_PROBES", 2)
    lab = audited(features, engine="approximate")
    told = lab.info["statistics"]["knn_search"]
    assert told["engine"] == "faiss IVFFlat"
    assert told["recall"] >= 0.99
    assert "approximate search (faiss IVFFlat" in lab.outcomes[0].notes[0]
    assert np.array_equal(
        lab.issues["is_near_duplicate_issue"], exact.issues["is_near_duplicate_issue"]
    )
    assert (lab.issues["is_outlier_issue"] == exact.issues["is_outlier_issue"]).mean() > 0.99


def test_many_rows_are_searched_approximately_but_never_for_the_reference(features, monkeypatch):
    monkeypatch.setattr(search, "APPROXIMATE_FROM", 500)
    assert "cells" in audited(features).info["statistics"]["knn_search"]
    for options in ({"rules": "reference"}, {"engine": "exact"}):
        told = audited(features, **options).info["statistics"]["knn_search"]
        assert told["engine"] == "exact"


def test_device(features):
    there = gpu.gpu_is_there("auto")
    told = audited(features, device="auto").info["statistics"]["knn_search"]
    assert told["device"] == ("cuda" if there else "cpu")
    for name, value in (("device", "tpu"), ("engine", "quick")):
        with pytest.raises(InputError, match=f"`{name}`"):
            audited(features, **{name: value})


def test_a_column_without_any_value(features):
    holed = np.insert(features, 5, np.nan, axis=1)
    with pytest.warns(InputWarning, match=r"columns without any value \(\[?5"):
        lab = audited(holed)
    assert lab.issues.equals(audited(features).issues)


def test_no_values_at_all(features):
    lab = audited(np.full_like(features[:20], np.nan))
    assert {outcome.status for outcome in lab.outcomes} == {"not applicable"}


def test_sparse_features_have_a_remedy(features):
    from scipy.sparse import csr_matrix

    from datalab.neighbors import knn_graph

    matrix = csr_matrix(np.maximum(features, 0))
    with pytest.raises(InputTypeError, match="knn_graph=datalab.neighbors.knn_graph"):
        audited(matrix)
    lab = Datalab({"i": np.arange(1200)}, task=None)
    lab.find_issues(NAMES, knn_graph=knn_graph(matrix, metric="cosine"))
    assert lab.issues["is_near_duplicate_issue"][3]
