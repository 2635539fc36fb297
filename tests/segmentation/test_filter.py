"""Which pixels are flagged, and which inputs are refused."""

import logging
import tracemalloc

import numpy as np
import pytest

from datalab.exceptions import InputError, InputTypeError
from datalab.segmentation.filter import find_label_issues


def images(seed=0, n_images=3, n_classes=3, height=6, width=8, kind="f8"):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, (n_images, height, width))
    probs = rng.dirichlet(np.full(n_classes, 0.5), labels.shape)
    return labels, np.ascontiguousarray(np.moveaxis(probs, -1, 1)).astype(kind)


@pytest.mark.parametrize("batch_size", [1, 7, 48, 10**6])
def test_batch_size_has_no_effect(batch_size):
    labels, probs = images()
    expected = find_label_issues(labels, probs)
    np.testing.assert_array_equal(
        find_label_issues(labels, probs, batch_size=batch_size, n_jobs=2), expected
    )


@pytest.mark.parametrize("kind", ["u1", "i4", "f8"])
def test_labels_of_every_kind_of_number(kind):
    labels, probs = images()
    expected = find_label_issues(labels, probs)
    np.testing.assert_array_equal(find_label_issues(labels.astype(kind), probs), expected)


@pytest.mark.parametrize("kind", ["u1", "i8", "f2"])
@pytest.mark.parametrize("downsample", [1, 2])
def test_probabilities_of_every_kind_of_number(kind, downsample):
    labels, probs = images()
    certain = (probs == probs.max(axis=1, keepdims=True)).astype("f8")
    expected = find_label_issues(labels, certain, downsample=downsample)
    found = find_label_issues(labels, certain.astype(kind), downsample=downsample)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda y, p: (y[:2], p), "does not fit"),
        (lambda y, p: (y[:, :4], p), "does not fit"),
        (lambda y, p: (y[0], p), r"shape \(N, H, W\) .* got \(6, 8\)"),
        (lambda y, p: (y, p[:, 0]), r"shape \(N, K, H, W\)"),
        (lambda y, p: (y + 1, p), "3 columns but `labels` goes up to 3"),
        (lambda y, p: (y - 1, p), "must be integers 0..K-1, got -1"),
        (lambda y, p: (y + 0.5, p), "must be integers 0..K-1"),
        (lambda y, p: (y, p * 2), "must be probabilities"),
        (lambda y, p: (y, p * np.nan), "must be probabilities"),
    ],
)
def test_wrong_inputs_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        find_label_issues(*change(*images()))


def test_none_is_no_array():
    with pytest.raises(InputTypeError, match="`labels`"):
        find_label_issues(None, images()[1])


@pytest.mark.parametrize("step", [4, 5, 7])
def test_squares_must_fit(step):
    with pytest.raises(ValueError, match="does not divide the height 6"):
        find_label_issues(*images(), downsample=step)


@pytest.mark.parametrize("options", [{"downsample": 0}, {"batch_size": 0}, {"downsample": 1.5}])
def test_options_are_whole_numbers(options):
    with pytest.raises(ValueError, match="must be an integer >= 1"):
        find_label_issues(*images(), **options)


def test_nothing_is_changed_and_verbose_goes_to_the_log(caplog, capsys):
    labels, probs = images()
    kept = labels.copy(), probs.copy()
    with caplog.at_level(logging.INFO, logger="datalab"):
        found = find_label_issues(labels, probs, verbose=True)
    assert f"pixels with label issues: {found.sum()} of {found.size}" in caplog.text
    assert capsys.readouterr() == ("", "")
    np.testing.assert_array_equal(labels, kept[0])
    np.testing.assert_array_equal(probs, kept[1])


@pytest.mark.parametrize("downsample", [1, 4])
def test_memory_map_is_read_in_bounded_memory(tmp_path, downsample):
    labels, probs = images(n_images=4, n_classes=30, height=96, width=96, kind="f4")
    np.save(tmp_path / "probs.npy", probs)
    mapped = np.load(tmp_path / "probs.npy", mmap_mode="r")
    expected = find_label_issues(labels, probs, downsample=downsample)
    tracemalloc.start()
    try:
        found = find_label_issues(labels.astype("u1"), mapped, downsample=downsample)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found, expected)
    assert peak < 0.6 * probs.nbytes
