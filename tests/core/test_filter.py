"""The rules that turn counts into flags: by hand, ties, and what must never change them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core import blocks, count
from datalab._core import filter as core
from datalab.exceptions import InputError, InputWarning, OptionError

KNOWN = settings(max_examples=60, deadline=None, derandomize=True)


def sample(seed, n_rows=300, n_classes=5, decimals=None):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, n_classes, n_rows)
    labels = np.where(rng.random(n_rows) < 0.25, rng.integers(0, n_classes, n_rows), true)
    probs = 0.7 * rng.dirichlet(np.ones(n_classes), n_rows)
    probs[np.arange(n_rows), true] += 0.3
    return labels, probs if decimals is None else probs.round(decimals)


def pair_margins(labels, probs):
    return probs - probs[np.arange(len(labels)), labels][:, None]


def by_definition(labels, probs, pairs):
    """Prune by noise rate, straight from its definition."""
    flags = np.zeros(len(labels), dtype=bool)
    margins = pair_margins(labels, probs)
    for given_, other in zip(*np.nonzero(pairs), strict=True):
        if given_ == other:
            continue
        rows = np.flatnonzero(labels == given_)
        number = min(pairs[given_, other], len(rows))
        cut = np.sort(margins[rows, other])[::-1][number - 1]
        flags[rows[margins[rows, other] >= cut]] = True
    return flags & (margins.max(axis=1) > 1e-6)


def test_removals_by_hand():
    joint = np.array([[60, 20, 20], [10, 70, 20], [5, 5, 90]])
    np.testing.assert_array_equal(core.removals(joint, 1, 1.0), joint)
    np.testing.assert_array_equal(
        core.removals(joint, 1, 0.5), [[80, 10, 10], [5, 85, 10], [2, 2, 95]]
    )
    # 80 of class 0 must stay: 10 less for each of the others.
    np.testing.assert_array_equal(
        core.removals(joint, 80, 1.0), [[80, 10, 10], [5, 80, 15], [5, 5, 90]]
    )
    np.testing.assert_array_equal(core.removals(joint, 1, 0.0).sum(axis=1), joint.sum(axis=1))


def test_lowest():
    values = np.array([0.3, 0.1, 0.2, 0.2, 0.2, 0.9])
    for n, rows in ((0, []), (1, [1]), (2, [1, 2, 3, 4]), (4, [1, 2, 3, 4]), (9, range(6))):
        np.testing.assert_array_equal(np.flatnonzero(core.lowest(values, n)), list(rows))
    for n, rows in ((0, []), (1, [1]), (2, [1, 2]), (4, [1, 2, 3, 4]), (9, range(6))):
        np.testing.assert_array_equal(np.flatnonzero(core.lowest(values, n, True)), list(rows))


@pytest.mark.parametrize("large", [0, 10, 10**9], ids=["tables", "both", "together"])
@KNOWN
@given(seed=st.integers(0, 10**6), coarse=st.booleans(), narrow=st.sampled_from([0, 32]))
def test_prune_by_noise_rate_is_its_definition(large, seed, coarse, narrow):
    labels, probs = sample(seed, decimals=1 if coarse else None)
    pairs = np.random.default_rng(seed).integers(0, 30, (5, 5))
    suspects = ~count.label_is_argmax(labels, probs)
    nobody = np.zeros(5, dtype=bool)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "LARGE", large)
        patch.setattr(core, "NARROW", narrow)
        got = core._prune_by_noise_rate(labels, probs, suspects, pairs, nobody, None)
    np.testing.assert_array_equal(got, by_definition(labels, probs, pairs))


@pytest.mark.parametrize("filter_by", core.PRUNING)
@pytest.mark.parametrize("large", [0, 10**9], ids=["tables", "together"])
def test_fixed_numbers_are_taken_by_row(monkeypatch, filter_by, large):
    monkeypatch.setattr(core, "LARGE", large)
    labels = np.array([0] * 6 + [1] * 6)
    probs = np.array([[0.2, 0.8]] * 6 + [[0.1, 0.9]] * 6)  # the first six rows are tied
    joint = np.array([[3, 3], [0, 6]])
    numbers = np.array([2, 2])
    flags = core.label_issues(
        labels, probs, filter_by=filter_by, joint=joint, num_to_remove_per_class=numbers
    )
    np.testing.assert_array_equal(np.flatnonzero(flags), [0, 1])
    # Without a fixed number all that are tied at the cut are alike.
    flags = core.label_issues(labels, probs, filter_by=filter_by, joint=joint)
    np.testing.assert_array_equal(np.flatnonzero(flags), range(6))


@pytest.mark.parametrize("filter_by", [*core.PRUNING, *core.COUNTING])
@pytest.mark.parametrize("decimals", [None, 2, 1])
def test_blocks_threads_memory_order_and_rows(monkeypatch, filter_by, decimals):
    labels, probs = sample(3, decimals=decimals)
    expected = core.label_issues(labels, probs, filter_by=filter_by)
    assert expected.any()
    fortran = np.asfortranarray(probs)
    np.testing.assert_array_equal(core.label_issues(labels, fortran, filter_by=filter_by), expected)
    order = np.random.default_rng(0).permutation(len(labels))
    if decimals is None or not filter_by.startswith("low_"):
        np.testing.assert_array_equal(
            core.label_issues(labels[order], probs[order], filter_by=filter_by), expected[order]
        )
    monkeypatch.setattr(blocks, "_cores", lambda: 3)
    monkeypatch.setattr(
        count, "row_blocks", lambda n_rows, *_, **__: blocks.row_blocks(n_rows, 1, block_bytes=7)
    )
    monkeypatch.setattr(core, "PART", 5)
    np.testing.assert_array_equal(core.label_issues(labels, probs, filter_by=filter_by), expected)


@pytest.mark.parametrize("filter_by", [*core.PRUNING, *core.COUNTING])
def test_what_is_known_is_not_computed_again(monkeypatch, filter_by):
    labels, probs = sample(4)
    expected = core.label_issues(labels, probs, filter_by=filter_by)
    guesses = count.confident_guesses(probs, count.confident_thresholds(labels, probs))
    joint = count.calibrate(
        count.confident_joint(labels, probs, guesses=guesses), count.label_counts(labels, 5)
    )

    def never(*_):
        raise AssertionError("computed again")

    for name in ("confident_thresholds", "guesses_and_agreement"):
        monkeypatch.setattr(count, name, never)
    monkeypatch.setattr(core, "guesses_and_agreement", never)
    np.testing.assert_array_equal(
        core.label_issues(labels, probs, filter_by=filter_by, guesses=guesses), expected
    )
    np.testing.assert_array_equal(
        core.label_issues(labels, probs, filter_by=filter_by, guesses=guesses, joint=joint),
        expected,
    )


@KNOWN
@given(st.integers(0, 10**6), st.sampled_from([*core.PRUNING, *list(core.COUNTING)[:2]]))
def test_a_most_probable_label_is_never_flagged(seed, filter_by):
    labels, probs = sample(seed, n_rows=80)
    flags = core.label_issues(labels, probs, filter_by=filter_by)
    assert not (flags & (probs.argmax(axis=1) == labels)).any()
    if filter_by in core.PRUNING:
        half = core.label_issues(labels, probs, filter_by=filter_by, frac_noise=0.5)
        assert not (half & ~flags).any()


def test_both_is_the_intersection():
    labels, probs = sample(5)
    rate, by_class, both = (
        core.label_issues(labels, probs, filter_by=rule) for rule in core.PRUNING
    )
    np.testing.assert_array_equal(both, rate & by_class)


def test_small_classes_are_left_alone():
    labels, probs = sample(6)
    labels[labels == 4] = 0
    labels[:3] = 4
    probs[:3] = [0.9, 0.025, 0.025, 0.025, 0.025]
    for minimum, flagged in ((0, True), (3, False)):
        for rule in core.PRUNING:
            flags = core.label_issues(labels, probs, filter_by=rule, min_examples_per_class=minimum)
            assert flags[:3].any() == flagged


def test_options_that_do_not_go_together():
    with pytest.raises(InputError, match="num_to_remove_per_class.*low_self_confidence"):
        core.rule_options(3, filter_by="low_self_confidence", num_to_remove_per_class=1)
    with pytest.raises(InputError, match="frac_noise.*-1"):
        core.rule_options(3, filter_by="both", frac_noise=-1)
    with pytest.raises(InputError, match="min_examples_per_class.*-2"):
        core.rule_options(3, min_examples_per_class=-2)
    with pytest.raises(OptionError, match="did you mean 'both'"):
        core.rule_options(3, filter_by="bothe")
    with pytest.warns(InputWarning, match="frac_noise"):
        core.rule_options(3, filter_by="confident_learning", frac_noise=0.5)
    with pytest.warns(InputWarning, match="confident_joint"):
        core.rule_options(3, filter_by="confident_learning", joint=np.eye(3))
    with pytest.warns(InputWarning, match=r"\[1, 3\]"):
        core.warn_of_small(np.array([0, 1, 9, 2]), 2)


@KNOWN
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_lowest_of_each_row(seed, fixed, coarse):
    rng = np.random.default_rng(seed)
    values = rng.random((4, 9)).round(1 if coarse else 9)
    number = rng.integers(1, 9, 4)
    expected = [core.lowest(row, n, fixed) for row, n in zip(values, number, strict=True)]
    np.testing.assert_array_equal(core._lowest_of_each(values, number, fixed), expected)
