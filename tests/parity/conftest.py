"""Generated data, and calls of the reference that keep its warnings to themselves."""

import multiprocessing
import warnings
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

SINGLE_LABEL_KINDS = [
    "plain",
    "missing class",
    "tiny class",
    "ties",
    "weak",
    "float32",
    "list",
    "memory map",
    "Fortran order",
]


@pytest.fixture(scope="session", autouse=True)
def threads_in_place_of_processes():
    """The reference forks workers, which may wait for ever where other threads are running."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "Pool", ThreadPool)
        yield


@pytest.fixture(scope="session")
def reference_call():
    """Call a function of the reference without its warnings."""

    def call(function, *args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **kwargs)

    return call


@pytest.fixture
def single_label(tmp_path):
    """Labels, probabilities as they are handed over, and the same as a plain array."""

    def make(kind, n_classes, seed=0):
        rng = np.random.default_rng([seed, n_classes, SINGLE_LABEL_KINDS.index(kind)])
        n_rows = max(150, 6 * n_classes)
        true = rng.integers(0, n_classes, n_rows)
        labels = true.copy()
        flipped = rng.random(n_rows) < (0.4 if kind == "weak" else 0.15)
        labels[flipped] = rng.integers(0, n_classes, flipped.sum())
        lift = 0.05 if kind == "weak" else 0.4
        plain = (1 - lift) * rng.dirichlet(np.full(n_classes, 0.7), n_rows)
        plain[np.arange(n_rows), true] += lift
        plain = np.clip(plain, 0, 1)
        if kind == "missing class" and n_classes > 2:
            labels[labels == n_classes - 1] = 0
        if kind == "tiny class":
            labels[labels == n_classes - 1] = 0
            labels[:2] = n_classes - 1
        if kind == "ties":
            plain = plain.round(2)
        if kind == "float32":
            plain = plain.astype(np.float32)
        if kind == "Fortran order":
            plain = np.asfortranarray(plain)
        given = plain
        if kind == "list":
            return labels.tolist(), plain.tolist(), labels, plain
        if kind == "memory map":
            np.save(tmp_path / "probs.npy", plain)
            given = np.load(tmp_path / "probs.npy", mmap_mode="r")
        return labels, given, labels, plain

    return make


@pytest.fixture(scope="session")
def label_sets():
    """Lists of classes and probabilities of each class."""

    def make(seed, n_classes, float32=False):
        rng = np.random.default_rng([seed, n_classes])
        n_rows = int(rng.integers(40, 200))
        true = rng.random((n_rows, n_classes)) < 0.35
        given = true ^ (rng.random(true.shape) < 0.12)
        given[0], given[1] = True, False  # every class is there, and missing, at least once
        probs = 0.5 * true + 0.5 * rng.random(true.shape)
        labels = [np.flatnonzero(row).tolist() for row in given]
        return labels, probs.astype(np.float32) if float32 else probs

    return make
