"""Side by side with the reference: labelled pixels of random images."""

import contextlib
import io
import warnings
from importlib import import_module

import numpy as np
import pytest

from datalab.segmentation import filter as our_filter
from datalab.segmentation import rank as our_rank
from datalab.segmentation import summary as our_summary


@pytest.fixture(scope="module")
def reference():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = ("filter", "rank", "summary")
        return {name: import_module(f"cleanlab.segmentation.{name}") for name in names}


def quiet(function, *args, **kwargs):
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def images(seed, *, n_classes=3, size=(12, 24), n_images=3, missing=False, weak=False, kind="f8"):
    """Labels (N, H, W) and probabilities (N, K, H, W)."""
    rng = np.random.default_rng(seed)
    shape = (n_images, *size)
    used = n_classes - 1 if missing else n_classes
    truth = rng.integers(0, used, shape)
    probs = rng.dirichlet(np.full(n_classes, 0.4), shape)
    probs[(*np.indices(shape), truth)] += 0.1 if weak else 0.8
    probs /= probs.sum(axis=-1, keepdims=True)
    wrong = rng.random(shape) < 0.2
    labels = np.where(wrong, rng.integers(0, used, shape), truth)
    return labels, np.ascontiguousarray(np.moveaxis(probs, -1, 1)).astype(kind)


CASES = [
    {"n_classes": 2},
    {"n_classes": 3, "missing": True},
    {"n_classes": 5, "weak": True},
    {"n_classes": 10, "kind": "f4"},
    {"n_classes": 200, "n_images": 1},
]
cases = pytest.mark.parametrize("case", CASES, ids=str)


@cases
@pytest.mark.parametrize("step", [1, 2, 3, 4, 12])
def test_flags(reference, case, step):
    for seed in range(3):
        labels, probs = images(seed, **case)
        ours = our_filter.find_label_issues(labels, probs, downsample=step, verbose=False)
        theirs = quiet(reference["filter"].find_label_issues, labels, probs, downsample=step)
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("digits", [1, 2])
def test_flags_with_ties(reference, digits):
    """Which of the pixels tied at the cut are taken is ours to choose; how many is not."""
    for seed in range(6):
        labels, probs = images(seed)
        probs = probs.round(digits)
        ours = our_filter.find_label_issues(labels, probs, verbose=False)
        theirs = quiet(reference["filter"].find_label_issues, labels, probs)
        scores = np.take_along_axis(probs, labels[:, None], axis=1)[:, 0]
        differing = scores[ours != theirs]
        assert differing.size == 0 or (differing == scores[ours | theirs].max()).all()


def forms(values, tmp_path, name):
    file = tmp_path / f"{name}.npy"
    np.save(file, values)
    return {
        "memory map": np.load(file, mmap_mode="r"),
        "list": values.tolist(),
        "Fortran order": np.asfortranarray(values),
    }


@pytest.mark.parametrize("form", ["memory map", "list", "Fortran order"])
def test_forms_of_input(reference, form, tmp_path):
    labels, probs = images(7)
    theirs = quiet(reference["filter"].find_label_issues, labels, probs)
    given = forms(labels, tmp_path, "labels")[form], forms(probs, tmp_path, "probs")[form]
    ours = our_filter.find_label_issues(*given, verbose=False)
    np.testing.assert_array_equal(ours, theirs)
    scores, pixels = our_rank.get_label_quality_scores(*given)
    expected, expected_pixels = quiet(reference["rank"].get_label_quality_scores, labels, probs)
    np.testing.assert_allclose(scores, expected, atol=1e-9)
    np.testing.assert_allclose(pixels, expected_pixels, atol=1e-9)


@cases
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.001},
        {"temperature": 0.5},
        {"temperature": 100},
        {"temperature": -1},
        {"method": "num_pixel_issues"},
        {"method": "num_pixel_issues", "downsample": 2},
        {"downsample": 2},
        {"batch_size": 5},
    ],
    ids=str,
)
def test_scores(reference, case, options):
    tolerance = 1e-4 if case.get("kind") == "f4" else 1e-9
    for seed in range(2):
        labels, probs = images(seed, **case)
        ours = quiet(our_rank.get_label_quality_scores, labels, probs, verbose=False, **options)
        theirs = quiet(
            reference["rank"].get_label_quality_scores, labels, probs, verbose=False, **options
        )
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 1.0])
def test_issues_from_scores(reference, threshold):
    rng = np.random.default_rng(0)
    scores, pixels = rng.random(9).round(1), rng.random((9, 4, 5)).round(1)
    ours = our_rank.issues_from_scores(scores, pixels, threshold)
    theirs = reference["rank"].issues_from_scores(scores, pixels, threshold)
    np.testing.assert_array_equal(ours, theirs)
    ours = our_rank.issues_from_scores(scores, threshold=threshold)
    theirs = reference["rank"].issues_from_scores(scores, threshold=threshold)
    below = int((scores < threshold).sum())  # the reference adds the next one (Q2)
    assert set(theirs[:below].tolist()) == set(ours.tolist())


@cases
@pytest.mark.parametrize("exclude", [None, [1], [0, 1]])
@pytest.mark.parametrize("top", [None, 3, 10**6])
def test_common_issues(reference, case, exclude, top):
    labels, probs = images(3, **case)
    issues = np.random.default_rng(3).random(labels.shape) < 0.3
    for names in (None, [f"name {k}" for k in range(case["n_classes"])]):
        options = {"class_names": names, "exclude": exclude, "top": top, "verbose": False}
        ours = our_summary.common_label_issues(issues, labels, probs, **options)
        theirs = quiet(reference["summary"].common_label_issues, issues, labels, probs, **options)
        assert list(ours) == list(theirs)
        numbers = ours["num_pixel_issues"].tolist()
        assert numbers == theirs["num_pixel_issues"].tolist()
        if top == 10**6:  # at a cut the reference leaves equal numbers to chance
            assert sorted(ours.to_numpy().tolist()) == sorted(theirs.to_numpy().tolist())
        if len(ours):
            assert ours.dtypes.tolist() == theirs.dtypes.tolist()


@cases
def test_filter_by_class(reference, case):
    labels, probs = images(4, **case)
    issues = np.random.default_rng(4).random(labels.shape) < 0.3
    for k in range(min(4, case["n_classes"])):
        ours = our_summary.filter_by_class(k, issues, labels, probs)
        theirs = reference["summary"].filter_by_class(k, issues, labels, probs)
        np.testing.assert_array_equal(ours, theirs)
