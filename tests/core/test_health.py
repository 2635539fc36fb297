import numpy as np
import pytest

from datalab._check import labels_and_probs
from datalab._core.count import (
    confident_guesses,
    confident_thresholds,
    label_counts,
    off_diagonal_issues,
)
from datalab._core.health import bootstrap, count_cells


def made(n=400, k=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    probs = rng.dirichlet(np.full(k, 0.3), size=n) * 0.6
    true = np.where(rng.random(n) < 0.15, (labels + 1) % k, labels)
    probs[np.arange(n), true] += 0.4
    codes, probs = labels_and_probs(labels, probs)
    guesses = confident_guesses(probs, confident_thresholds(codes, probs))
    is_issue = np.zeros(n, dtype=bool)
    is_issue[off_diagonal_issues(codes, probs, guesses)] = True
    return codes, guesses, is_issue


def test_cells_hold_every_row():
    labels = np.array([0, 0, 1, 1, 1])
    guesses = np.array([0, 1, -1, 0, 0], dtype=np.int32)
    flags = np.array([False, True, False, True, False])
    cells = count_cells(labels, guesses, flags, 2)
    listed = zip(cells.given, cells.guess, cells.is_issue, cells.rows, strict=True)
    assert [tuple(map(int, one)) for one in listed] == [
        (0, 0, 0, 1),
        (0, 1, 1, 1),
        (1, -1, 0, 1),
        (1, 0, 0, 1),
        (1, 0, 1, 1),
    ]


def test_resampled_cells_are_resampled_rows():
    """The same intervals as from going over resampled rows, but for chance."""
    labels, guesses, is_issue = made()
    n, k = len(labels), 4
    rng = np.random.default_rng(1)
    scores, noise, inverse, shares = [], [], [], []
    for _ in range(2000):
        rows = rng.integers(n, size=n)
        joint = np.zeros((k, k))
        counted = rows[guesses[rows] >= 0]
        np.add.at(joint, (labels[counted], guesses[counted]), 1)
        np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
        given = np.bincount(labels[rows], minlength=k)
        joint *= (given / joint.sum(axis=1) / n)[:, None]
        scores.append(1 - is_issue[rows].mean())
        noise.append(1 - joint.diagonal() / joint.sum(axis=1))
        inverse.append(1 - joint.diagonal() / joint.sum(axis=0))
        shares.append((joint + joint.T)[0, 1])
    cells = count_cells(labels, guesses, is_issue, k)
    found = bootstrap(cells, k, n_resamples=2000, level=0.9, stream=np.random.default_rng(2))
    ends = (0.05, 0.95)
    np.testing.assert_allclose(found.score, np.quantile(scores, ends), atol=0.006)
    np.testing.assert_allclose(found.noise, np.quantile(noise, ends, axis=0), atol=0.012)
    np.testing.assert_allclose(found.inverse_noise, np.quantile(inverse, ends, axis=0), atol=0.012)
    at = found.pairs.T.tolist().index([0, 1])
    np.testing.assert_allclose(found.pair_share[:, at], np.quantile(shares, ends), atol=0.006)


@pytest.mark.parametrize("values", [1, 100, 4_000_000])
def test_blocks_of_resamples_do_not_matter(monkeypatch, values):
    cells = count_cells(*made(), 4)
    wanted = bootstrap(cells, 4, n_resamples=50, level=0.9, stream=np.random.default_rng(0))
    monkeypatch.setattr("datalab._core.health.BLOCK_VALUES", values)
    found = bootstrap(cells, 4, n_resamples=50, level=0.9, stream=np.random.default_rng(0))
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_more_rows_are_surer():
    wide = bootstrap(
        count_cells(*made(200), 4), 4, n_resamples=200, level=0.95, stream=np.random.default_rng(0)
    )
    narrow = bootstrap(
        count_cells(*made(20_000), 4),
        4,
        n_resamples=200,
        level=0.95,
        stream=np.random.default_rng(0),
    )
    assert np.ptp(narrow.score) < np.ptp(wide.score) / 5
    assert (np.ptp(narrow.noise, axis=0) < np.ptp(wide.noise, axis=0) / 3).all()


def test_the_middle_of_the_resamples_is_the_estimate():
    labels, guesses, is_issue = made(5000)
    cells = count_cells(labels, guesses, is_issue, 4)
    found = bootstrap(cells, 4, n_resamples=300, level=0.0, stream=np.random.default_rng(0))
    assert found.score == pytest.approx(1 - is_issue.mean(), abs=2e-3)
    joint = np.zeros((4, 4))
    counted = guesses >= 0
    np.add.at(joint, (labels[counted], guesses[counted]), 1)
    noise = 1 - joint.diagonal() / joint.sum(axis=1)
    np.testing.assert_allclose(found.noise[0], noise, atol=5e-3)
    assert label_counts(labels, 4).sum() == cells.rows.sum()


def test_a_class_without_examples():
    labels, guesses = np.array([0, 0, 1, 1]), np.array([0, 1, 1, -1], dtype=np.int32)
    cells = count_cells(labels, guesses, np.zeros(4, dtype=bool), 3)
    found = bootstrap(cells, 3, n_resamples=20, level=0.9, stream=np.random.default_rng(0))
    assert found.noise[:, 2].tolist() == [0, 0]
    assert np.isfinite(found.noise).all()
    assert np.isfinite(found.inverse_noise).all()
