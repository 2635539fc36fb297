"""The door of label issues: kinds of input, options, errors that say what to do."""

import logging
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from datalab import filter as door
from datalab.exceptions import InputError, InputTypeError, InputWarning, OptionError

RULES = [
    "prune_by_noise_rate",
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_normalized_margin",
    "low_self_confidence",
]
SCORES = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 120)
    probs = 0.5 * rng.dirichlet(np.ones(3), 120)
    probs[np.arange(120), true] += 0.5
    labels = true.copy()
    labels[:12] = (true[:12] + 1) % 3
    return labels, probs


class Tensor:
    """What torch and JAX look like: a sequence with ``__array__``."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)

    def __len__(self):
        return len(self.values)


def test_planted_errors_are_found(data):
    labels, probs = data
    for rule in RULES:
        flags = door.find_label_issues(labels, probs, filter_by=rule)
        assert flags.dtype == bool
        assert flags[:12].mean() > 0.5  # not all are confident
        assert not flags[12:].any()
    rows = door.find_label_issues(labels, probs, return_indices_ranked_by="self_confidence")
    given = probs[np.arange(120), labels]
    assert (np.diff(given[rows]) >= 0).all()


@pytest.mark.parametrize("rule", RULES)
def test_every_kind_of_array(tmp_path, data, rule):
    labels, probs = data
    expected = door.find_label_issues(labels, probs, filter_by=rule)
    np.save(tmp_path / "p.npy", probs)
    kinds = {
        "lists": (labels.tolist(), probs.tolist()),
        "tuples": (tuple(labels), tuple(map(tuple, probs))),
        "pandas": (pd.Series(labels, index=labels[::-1]), pd.DataFrame(probs)),
        "one column": (pd.DataFrame({"y": labels}), probs),
        "whole floats": (labels.astype(float), probs),
        "small integers": (labels.astype(np.uint8), probs),
        "tensors": (Tensor(labels), Tensor(probs)),
        "Fortran order": (labels, np.asfortranarray(probs)),
        "memory map": (labels, np.load(tmp_path / "p.npy", mmap_mode="r")),
        "iterators": (iter(labels), iter([probs[:50], probs[50:]])),
        "blocks": ([labels[:70], labels[70:]], [probs[:50], probs[50:]]),
        "blocks on disk": (labels, [np.load(tmp_path / "p.npy", mmap_mode="r")]),
        "single rows": (labels, (row[np.newaxis] for row in probs)),
    }
    for kind, (given_labels, given_probs) in kinds.items():
        got = door.find_label_issues(given_labels, given_probs, filter_by=rule)
        np.testing.assert_array_equal(got, expected, err_msg=kind)


@pytest.mark.parametrize("rank_by", SCORES)
def test_blocks_are_ranked_like_one_array(data, rank_by):
    labels, probs = data
    options = {"return_indices_ranked_by": rank_by, "filter_by": "predicted_neq_given"}
    expected = door.find_label_issues(labels, probs, **options)
    blocks = [probs[start : start + 7] for start in range(0, 120, 7)]
    for given in (blocks, iter(blocks)):
        np.testing.assert_array_equal(door.find_label_issues(labels, given, **options), expected)


def test_blocks_that_do_not_fit(data):
    labels, probs = data
    for blocks in ([probs[:50], probs[50:, :2]], iter([probs[:50], probs[50:, :2]])):
        with pytest.raises(InputError, match=r"blocks of `pred_probs` have \[2, 3\] columns"):
            door.find_label_issues(labels, blocks)
    broken = probs[50:].copy()
    broken[3, 1] = 7.0
    with pytest.raises(InputError, match="`block 1 of pred_probs` must be probabilities.*row 3"):
        door.find_label_issues(labels, [probs[:50], broken])
    with pytest.raises(InputError, match="no columns"):
        door.find_label_issues(labels, iter([]))
    with pytest.raises(InputError, match="block 0 of pred_probs.*shape"):
        door.find_label_issues(labels, iter(probs))


@pytest.mark.parametrize("rule", RULES)
def test_memory_is_bounded_by_blocks(rule):
    n_rows, n_classes = 60_000, 40

    def blocks():
        rng = np.random.default_rng(0)
        for start in range(0, n_rows, 1000):
            block = 0.5 * rng.dirichlet(np.ones(n_classes), 1000)
            block[np.arange(1000), np.arange(start, start + 1000) % n_classes] += 0.5
            yield block

    labels = np.arange(n_rows) % n_classes
    labels[::10] = 0
    options = {"filter_by": rule, "return_indices_ranked_by": "self_confidence"}
    tracemalloc.start()
    found = door.find_label_issues(labels, blocks(), **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole = np.concatenate(list(blocks()))
    assert peak < 0.35 * whole.nbytes
    np.testing.assert_array_equal(found, door.find_label_issues(labels, whole, **options))


@pytest.mark.parametrize("rule", RULES)
def test_inputs_are_not_changed(data, rule):
    labels, probs = data
    joint = np.diag([40.0, 40.0, 40.0])
    before = labels.tobytes(), probs.tobytes(), joint.tobytes()
    for array in (labels, probs, joint):
        array.setflags(write=False)
    options = {"confident_joint": joint} if rule in RULES[:3] else {}
    door.find_label_issues(labels, probs, filter_by=rule, **options)
    assert before == (labels.tobytes(), probs.tobytes(), joint.tobytes())


def test_a_number_for_every_class(data):
    labels, probs = data
    for numbers in (2, [2, 2, 2], np.array([2.0, 2.0, 2.0])):
        flags = door.find_label_issues(
            labels, probs, filter_by="prune_by_class", num_to_remove_per_class=numbers
        )
        np.testing.assert_array_equal(np.bincount(labels[flags]), [2, 2, 2])


def test_missing_and_single_classes(data):
    labels, probs = data
    wide = np.hstack([probs, np.zeros((120, 2))])
    np.testing.assert_array_equal(
        door.find_label_issues(labels, wide), door.find_label_issues(labels, probs)
    )
    zeros = np.zeros(120, dtype=int)
    for rule in RULES:
        assert door.find_label_issues(zeros, probs, filter_by=rule).shape == (120,)
    assert not door.find_label_issues(zeros, probs).any()
    with pytest.raises(InputError, match="at least 2 different classes.*all are 1"):
        door.find_label_issues(zeros + 1, probs)
    with pytest.raises(InputError, match="at least 2"):
        door.find_predicted_neq_given(zeros, probs)
    with pytest.raises(InputError, match="at least 2"):
        door.find_label_issues_using_argmax_confusion_matrix(zeros, probs)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": ["a", "b"] * 60}, InputError, r"`labels`.*'a'.*np\.unique"),
        ({"labels": np.arange(120) % 3 - 1}, InputError, r"`labels`.*-1 in row 0"),
        ({"labels": np.arange(120) % 3 + 0.5}, InputError, r"`labels`.*0\.5 in row 0"),
        ({"labels": np.arange(120) % 4}, InputError, r"3 columns.*goes up to 3"),
        ({"labels": None}, InputTypeError, r"`labels`.*NoneType"),
        ({"labels": 5}, InputTypeError, r"`labels`.*int"),
        ({"labels": np.zeros((120, 2), int)}, InputError, r"one-dimensional.*\(120, 2\)"),
        ({"labels": np.zeros(100, int)}, InputError, r"100 rows.*120 rows"),
        ({"labels": [], "pred_probs": np.zeros((0, 3))}, InputError, "empty"),
        ({"pred_probs": "text"}, InputTypeError, r"`pred_probs`.*str"),
        ({"pred_probs": np.zeros(120)}, InputError, r"shape \(N, K\).*\(120,\)"),
        ({"pred_probs": np.full((120, 3), 1.5)}, InputError, r"1\.5 in row 0.*softmax"),
        ({"pred_probs": np.full((120, 3), np.nan)}, InputError, r"nan in row 0"),
        ({"pred_probs": np.full((120, 3), np.inf)}, InputError, r"inf in row 0"),
        ({"filter_by": "prune"}, OptionError, r"`filter_by` is 'prune'.*prune_by_"),
        ({"n_jobs": 0}, OptionError, r"`n_jobs` is 0"),
        ({"return_indices_ranked_by": "margin"}, InputError, r"normalized_margin"),
        ({"rank_by_kwargs": {"adjust": True}}, InputTypeError, r"adjust_pred_probs"),
        ({"frac_noise": -0.5}, InputError, r"`frac_noise` is -0\.5"),
        ({"frac_noise": "all"}, InputError, "`frac_noise` must be a finite number, got 'all'"),
        ({"num_to_remove_per_class": [1, 2]}, InputError, r"\[1, 2\].*3 classes"),
        ({"num_to_remove_per_class": [1, 2, -3]}, InputError, r"-3"),
        ({"confident_joint": np.eye(4)}, InputError, r"\(3, 3\).*\(4, 4\)"),
        ({"confident_joint": -np.eye(3)}, InputError, r"not negative"),
        (
            {"num_to_remove_per_class": 3, "filter_by": "confident_learning"},
            InputError,
            r"`num_to_remove_per_class` cannot be used.*prune_by_class",
        ),
        (
            {
                "return_indices_ranked_by": "confidence_weighted_entropy",
                "rank_by_kwargs": {"adjust_pred_probs": True},
            },
            InputError,
            r"`adjust_pred_probs`.*confidence_weighted_entropy",
        ),
    ],
)
def test_errors_say_what_to_do(data, change, error, message):
    labels, probs = data
    arguments = {"labels": labels, "pred_probs": probs, **change}
    with pytest.raises(error, match=message):
        door.find_label_issues(**arguments)


def test_errors_are_those_of_the_contract(data):
    labels, probs = data
    for options in ({"filter_by": "x"}, {"n_jobs": 0}):
        with pytest.raises(AssertionError):
            door.find_label_issues(labels, probs, **options)
    with pytest.raises(ValueError, match="num_to_remove"):
        door.find_label_issues(
            labels, probs, filter_by="low_self_confidence", num_to_remove_per_class=1
        )


def test_warnings(data):
    labels, probs = data
    with pytest.warns(InputWarning, match="frac_noise"):
        door.find_label_issues(labels, probs, filter_by="confident_learning", frac_noise=0.5)
    with pytest.warns(InputWarning, match="confident_joint"):
        door.find_label_issues(
            labels, probs, filter_by="confident_learning", confident_joint=np.eye(3)
        )
    labels[labels == 2] = 0
    labels[5] = 2
    with pytest.warns(InputWarning, match=r"\[2\].*min_examples_per_class=1"):
        door.find_label_issues(labels, probs)
    wrong = probs.copy()
    wrong[0, 0] = 1.0005
    with pytest.warns(InputWarning, match="clipped"):
        door.find_predicted_neq_given(labels, wrong)


def test_n_jobs_changes_nothing(data):
    labels, probs = data
    expected = door.find_label_issues(labels, probs)
    for n_jobs in (1, 2, 7):
        np.testing.assert_array_equal(
            door.find_label_issues(labels, probs, n_jobs=n_jobs), expected
        )


def test_verbose_is_logged_not_printed(data, caplog, capsys):
    with caplog.at_level(logging.INFO, logger="datalab"):
        flags = door.find_label_issues(*data, verbose=True)
    assert str(flags.sum()) in caplog.text
    assert capsys.readouterr().out == ""


def test_predicted_neq_given(data):
    labels, probs = data
    np.testing.assert_array_equal(
        door.find_predicted_neq_given(labels, probs), probs.argmax(axis=1) != labels
    )
    np.testing.assert_array_equal(
        door.find_predicted_neq_given([[0], [0, 1]], [[0.9, 0.6], [0.8, 0.7]], multi_label=True),
        [True, False],
    )


def test_import_is_light():
    import subprocess
    import sys

    code = (
        "import sys; from datalab.filter import find_label_issues; "
        "print([m for m in ('pandas', 'sklearn', 'matplotlib', 'datasets', 'ipywidgets', 'scipy')"
        " if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_adaptive_rule() -> None:
    p = np.array([0.9, 0.8, 0.1, 0.2, 0.1, 0.3])
    probs = np.column_stack([p, 1 - p])
    flags = door.find_label_issues([0, 0, 0, 1, 1, 1], probs, filter_by="adaptive")
    assert np.flatnonzero(flags).tolist() == [2]
    ranked = door.find_label_issues(
        [0, 0, 0, 1, 1, 1], probs, filter_by="adaptive", return_indices_ranked_by="log_odds"
    )
    assert ranked.tolist() == [2]
