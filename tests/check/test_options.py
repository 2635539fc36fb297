"""Choices, numbers in a range, keyword arguments, random streams."""

import numpy as np
import pytest

from datalab._check import (
    choice,
    finite_number,
    jobs,
    keywords,
    random_stream,
    seed,
    unit_number,
    whole_number,
)
from datalab.exceptions import InputError, InputTypeError, OptionError


def test_choice():
    assert choice("b", iter("abc"), name="letter") == "b"
    for wrong in ("bb", None, 1, ["a"]):
        with pytest.raises(InputError, match="`letter` is"):
            choice(wrong, "abc", name="letter")
    with pytest.raises(OptionError):
        choice("x", "abc", name="letter", error=OptionError)


def test_keywords():
    given = {"a": 1}
    taken = keywords(given, ["a", "b"], name="options")
    assert taken == given
    assert taken is not given
    assert keywords(None, ["a"], name="options") == {}
    with pytest.raises(InputTypeError, match="`options` must be a dict, got list"):
        keywords([("a", 1)], ["a"], name="options")
    with pytest.raises(InputTypeError, match="`options` has 'alpha'; did you mean 'alpah'"):
        keywords({"alpha": 1}, ["alpah"], name="options")


@pytest.mark.parametrize("wrong", [True, 0, -1, 1.0, "1", None, np.float64(2)])
def test_whole_numbers_that_are_none(wrong):
    with pytest.raises(InputError, match="`k` must be an integer >= 1"):
        whole_number(wrong, name="k", least=1)


def test_numbers():
    assert whole_number(np.int32(3), name="k", least=3) == 3
    assert unit_number(np.float32(1), name="t") == 1.0
    assert finite_number(3, name="t") == 3.0
    for wrong in (-0.1, 1.1, np.nan, "0.5", None, [0.5, 0.2]):
        with pytest.raises(InputError, match=r"`t` must be a number in \[0, 1\]"):
            unit_number(wrong, name="t")
    for wrong in (np.inf, np.nan, "1", None, [1]):
        with pytest.raises(InputError, match="`t` must be a finite number"):
            finite_number(wrong, name="t")


def test_jobs():
    for fine in (None, 1, 4):
        jobs(fine)
    with pytest.raises(OptionError, match="`n_jobs` is 0"):
        jobs(0)
    with pytest.raises(OptionError, match="`n_jobs` is 'all'"):
        jobs("all")


def test_random_streams():
    assert random_stream(3).random() == np.random.RandomState(3).random()
    for stream in (np.random.RandomState(0), np.random.default_rng(0)):
        assert random_stream(stream) is stream
    with pytest.raises(InputTypeError, match="`random_state`"):
        random_stream("seed")
    with pytest.raises(InputError, match="`random_state` must be an integer from 0"):
        random_stream(2**32)


def test_seeds():
    assert (seed(0), seed(np.int64(3)), seed(2**32 - 1)) == (0, 3, 2**32 - 1)
    for wrong in (-1, 2**32, 1.5, True, None, "a"):
        with pytest.raises(
            InputError, match=r"`random_state` must be an integer from 0 to 2\*\*32"
        ):
            seed(wrong)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"can be repeated: int\(rng.integers\(2\*\*32\)\)"):
        seed(rng)
    assert seed(int(rng.integers(2**32))) > 0  # as the message says
    stream = np.random.RandomState(0)
    with pytest.raises(InputError, match=r"can be repeated: int\(rng.randint\(2\*\*31\)\)"):
        seed(stream)
    assert seed(int(stream.randint(2**31))) > 0
