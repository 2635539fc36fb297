"""Side by side with the reference: boxes of random images."""

import contextlib
import io
import warnings
from importlib import import_module

import numpy as np
import pytest

from datalab._core import object_detection as core
from datalab._ragged import boxes
from datalab.object_detection import filter as our_filter
from datalab.object_detection import rank as our_rank
from datalab.object_detection import summary as our_summary

# What the reference's process pools leave behind is no concern of ours.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def reference():
    """The reference's modules; its ranked form needs a function that numpy 2.4 dropped."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setattr(np, "in1d", np.isin, raising=False)
        names = ("filter", "rank", "summary")
        yield {name: import_module(f"cleanlab.object_detection.{name}") for name in names}


def quiet(function, *args, **kwargs):
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def corners(rng, n, size):
    start = rng.uniform(0, size, (n, 2))
    return np.hstack([start, start + rng.uniform(1, 40, (n, 2))])


def images(seed, *, n_images=6, n_classes=3, size=80, ties=False, whole=False, twins=False):
    """Annotations, and predictions of which most lie near an annotation."""
    rng = np.random.default_rng(seed)
    labels, predictions = [], []
    for _ in range(n_images):
        n = int(rng.integers(0, 6))
        box, classes = corners(rng, n, size), rng.integers(0, n_classes, n)
        if twins and n > 1:
            box[1] = box[0] + rng.normal(0, 0.2, 4)
        hit = rng.random(n) < 0.7
        near = box[hit] + rng.normal(0, 2, (hit.sum(), 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        seen = np.where(rng.random(n) < 0.8, classes, rng.integers(0, n_classes, n))[hit]
        extra = corners(rng, int(rng.integers(0, 5)), size)
        kinds = np.concatenate([seen, rng.integers(0, n_classes, len(extra))])
        found = np.vstack([near, extra])
        if whole:
            box, found = np.round(box), np.round(found)
        probs = rng.beta(5, 0.4, len(found))
        rows = np.column_stack([found, np.round(probs, 1) if ties else probs])
        labels.append({"bboxes": box, "labels": classes})
        per_class = np.empty(n_classes, dtype=object)
        per_class[:] = [rows[kinds == k] for k in range(n_classes)]
        predictions.append(per_class)
    return labels, predictions


CASES = [
    {"n_classes": 1},
    {"n_classes": 2, "size": 30},
    {"n_classes": 3, "twins": True},
    {"n_classes": 10, "size": 1000},
    {"n_classes": 3, "whole": True},
    {"n_classes": 2, "ties": True},
    {"n_classes": 200, "n_images": 3},
]
cases = pytest.mark.parametrize("case", CASES, ids=str)


def assert_lists_equal(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)


@cases
@pytest.mark.parametrize("name", ["overlooked", "badloc", "swap"])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.4, 1.0])
@pytest.mark.parametrize("threshold", [None, 0.3])
def test_box_scores(reference, case, name, alpha, threshold):
    function = f"compute_{name}_box_scores"
    kind = "low" if name == "badloc" else "high"
    options = {"alpha": alpha, f"{kind}_probability_threshold": threshold}
    for seed in range(4):
        labels, predictions = images(seed, **case)
        given = {"labels": labels, "predictions": predictions, **options}
        ours = getattr(our_rank, function)(**given)
        assert_lists_equal(ours, quiet(getattr(reference["rank"], function), **given))


@cases
def test_auxiliary_inputs(reference, case):
    labels, predictions = images(11, **case)
    annotated, predicted, _ = boxes(labels, predictions)
    auxiliary = [
        {
            "lab_bboxes": label["bboxes"],
            "lab_labels": label["labels"],
            "pred_bboxes": np.concatenate(list(prediction))[:, :4],
            "pred_labels": np.repeat(np.arange(len(prediction)), [len(p) for p in prediction]),
            "pred_label_probs": np.concatenate(list(prediction))[:, 4],
            # The reference takes the minimum of one image where this is not given.
            "min_possible_similarity": core.match(annotated, predicted).lowest,
        }
        for label, prediction in zip(labels, predictions, strict=True)
    ]
    for name in ("overlooked", "badloc", "swap"):
        function = f"compute_{name}_box_scores"
        theirs = quiet(getattr(reference["rank"], function), auxiliary_inputs=auxiliary)
        assert_lists_equal(getattr(our_rank, function)(auxiliary_inputs=auxiliary), theirs)
    for name in ("object_counts_per_image", "class_label_distribution"):
        ours = getattr(our_summary, name)(auxiliary_inputs=auxiliary)
        assert ours == quiet(getattr(reference["summary"], name), auxiliary_inputs=auxiliary)


@cases
@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("weights", [None, (1, 0, 0), (0, 0.5, 0.5), (0.2, 0.3, 0.5)])
def test_quality_scores(reference, case, check, weights):
    options = {"overlapping_label_check": check, "verbose": False}
    if weights is not None:
        names = ("overlooked", "swap", "badloc")
        options["aggregation_weights"] = dict(zip(names, weights, strict=True))
    for seed in range(4):
        labels, predictions = images(seed, **case)
        ours = our_rank.get_label_quality_scores(labels, predictions, **options)
        theirs = quiet(reference["rank"].get_label_quality_scores, labels, predictions, **options)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("temperature", [None, 0.01, 0.1, 1.0, 10.0])
def test_pooling(reference, temperature):
    rng = np.random.default_rng(0)
    lists = [rng.random(n) for n in (0, 1, 2, 5, 30)]
    lists[3][::2] = np.nan
    lists[1][:] = np.nan
    ours = our_rank.pool_box_scores_per_image(lists, temperature=temperature)
    theirs = reference["rank"].pool_box_scores_per_image(lists, temperature=temperature)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.5, 1.0])
def test_issues_from_scores(reference, threshold):
    scores = np.round(np.random.default_rng(1).random(14), 1)
    ours = our_rank.issues_from_scores(scores, threshold=threshold)
    theirs = reference["rank"].issues_from_scores(scores, threshold=threshold)
    np.testing.assert_array_equal(scores[ours], scores[theirs])
    assert set(ours.tolist()) == set(theirs.tolist())


@cases
@pytest.mark.parametrize("check", [True, False])
def test_flags_and_ranking(reference, case, check):
    labels, predictions = images(21, **case)
    options = {"overlapping_label_check": check}
    theirs = quiet(reference["filter"].find_label_issues, labels, predictions, **options)
    ours = our_filter.find_label_issues(labels, predictions, **options)
    np.testing.assert_array_equal(ours, theirs)
    options["return_indices_ranked_by_score"] = True
    theirs = quiet(reference["filter"].find_label_issues, labels, predictions, **options)
    ours = our_filter.find_label_issues(labels, predictions, **options)
    assert sorted(ours.tolist()) == sorted(theirs.tolist())
    scores = our_rank.get_label_quality_scores(labels, predictions, verbose=False)
    np.testing.assert_allclose(scores[ours], scores[theirs], atol=1e-9)


def pairs(first, second):
    """Numbers of two dicts of the same keys, in the same order."""
    assert list(first) == list(second)
    return [list(first[key]) for key in first], [list(second[key]) for key in second]


@cases
def test_counts_and_sizes(reference, case):
    theirs = reference["summary"]
    for seed in range(4):
        data = images(seed, **case)
        counts = our_summary.object_counts_per_image(*data)
        assert counts == theirs.object_counts_per_image(*data)
        shares = our_summary.class_label_distribution(*data)
        assert shares == theirs.class_label_distribution(*data)
        assert [list(s) for s in shares] == [
            list(s) for s in theirs.class_label_distribution(*data)
        ]
        ranked = our_summary.get_sorted_bbox_count_idxs(*data)
        assert ranked == theirs.get_sorted_bbox_count_idxs(*data)
        some = {str(k): f"name {k}" for k in range(0, case["n_classes"], 2)}
        for names in (None, some):
            for sort in (False, True):
                options = {"class_names": names, "sort": sort}
                ours = our_summary.bounding_box_size_distribution(*data, **options)
                expected = theirs.bounding_box_size_distribution(*data, **options)
                for one, other in zip(ours, expected, strict=True):
                    for a, b in zip(*pairs(one, other), strict=True):
                        np.testing.assert_allclose(a, b, rtol=1e-9)


@pytest.mark.parametrize("case", CASES[:-1], ids=str)
def test_metrics(reference, case):
    labels, predictions = images(31, **case)
    names = {str(k): f"name {k}" for k in range(case["n_classes"])}
    for function in ("get_average_per_class_confusion_matrix", "calculate_per_class_metrics"):
        theirs = quiet(
            getattr(reference["summary"], function), labels, predictions, class_names=names
        )
        ours = getattr(our_summary, function)(labels, predictions, class_names=names)
        assert list(ours) == list(theirs)
        for key in ours:
            assert list(ours[key]) == list(theirs[key])
            expected = list(theirs[key].values())
            np.testing.assert_allclose(list(ours[key].values()), expected, rtol=0, atol=1e-6)
