"""The health of labels: the tables of the reference, with intervals, as an object to look at."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab
from datalab.dataset import health_summary
from datalab.exceptions import InputError, NotApplicable, NotFound
from datalab.health import Health, label_health

ATTACK = "<img src=x onerror=alert(1)>"


def made(n: int = 600, k: int = 4, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    true = np.where(rng.random(n) < 0.15, (labels + 1) % k, labels)
    probs = rng.dirichlet(np.full(k, 0.3), size=n) * 0.5
    probs[np.arange(n), true] += 0.5
    return labels, probs


def test_the_tables_are_those_of_the_functional_interface() -> None:
    labels, probs = made()
    names = ["ash", "elm", "fir", "oak"]
    health = label_health(labels, probs, names)
    wanted = health_summary(labels, probs, class_names=names, verbose=False)
    assert health.summary.keys() == wanted.keys()
    assert health.score == wanted["overall_label_health_score"]
    np.testing.assert_array_equal(health.joint, wanted["joint"])
    for what, key in (("classes", "classes_by_label_quality"), ("pairs", "overlapping_classes")):
        frame = health.frame(what)
        pd.testing.assert_frame_equal(frame[wanted[key].columns], wanted[key])


def test_intervals_hold_the_estimates() -> None:
    health = label_health(*made())
    low, high = health.interval
    assert low < health.score < high
    assert high - low < 0.1
    for what in ("classes", "pairs", "overall"):
        frame = health.frame(what)
        for name in [name.removesuffix(" Low") for name in frame if name.endswith(" Low")]:
            assert (frame[f"{name} Low"] <= frame[name]).all()
            assert (frame[name] <= frame[f"{name} High"]).all()
    classes = health.frame("classes")
    assert (classes["Label Noise High"] - classes["Label Noise Low"]).between(0.01, 0.3).all()
    assert classes["Examples"].sum() == health.num_examples == 600


def test_the_seed_decides() -> None:
    one, again, other = (label_health(*made(), random_state=seed).interval for seed in (0, 0, 1))
    assert one == again != other


def test_what_is_refused() -> None:
    labels, probs = made()
    with pytest.raises(InputError, match="`n_resamples`"):
        label_health(labels, probs, n_resamples=0)
    with pytest.raises(InputError, match="`level`"):
        label_health(labels, probs, level=95)
    with pytest.raises(InputError, match="`what`"):
        label_health(labels, probs).frame("rows")
    with pytest.raises(InputError, match="2 different classes"):
        label_health(np.zeros(10, dtype=int), np.full((10, 2), 0.5))


# --- how it shows itself


def test_it_shows_itself() -> None:
    health = label_health(*made(), ["ash", "elm", "fir", "oak"])
    told = str(health)
    assert told.startswith(f"Label health {100 * health.score:.1f}")
    assert "Noise of the classes" in told
    assert "Classes mistaken for each other" in told
    bundle = health._repr_mimebundle_()
    assert bundle["text/plain"] == told
    assert "of these wrong" in bundle["text/html"]
    assert repr(health).startswith(f"Health({health.score:.3f} [")


def test_names_are_text_and_nothing_else() -> None:
    health = label_health(*made(), [ATTACK, "x" * 500, "{{ 7 * 7 }}", "a\u202eb"])
    html = health._repr_html_()
    assert ATTACK not in html
    assert "&lt;img src=x" in html
    assert "{{ 7 * 7 }}" in html
    assert "\u202e" not in html
    assert max(map(len, str(health).splitlines())) <= 100


def test_many_classes_stay_short() -> None:
    health = label_health(*made(4000, 200))
    assert len(health._repr_html_()) < 40_000
    assert "the 10 noisiest" in str(health)
    assert len(health.frame("pairs")) == 200 * 199 // 2


def test_classes_of_few_labels_are_named() -> None:
    labels, probs = made(600, 6)
    for rare, number in ((2, 1), (3, 2), (4, 9), (5, 9)):
        labels[np.flatnonzero(labels == rare)[number:]] = 0
    told = " ".join(str(label_health(labels, probs, list("abcdef"), n_resamples=50)).split())
    assert "hardly to be judged by fewer than 10 labels: c, d, e and 1 other class" in told
    assert "hardly to be judged" not in str(label_health(*made(), n_resamples=50))


# --- of a lab


def test_the_health_of_a_lab() -> None:
    labels, probs = made()
    names = np.array(["ash", "elm", "fir", "oak"], dtype=object)[labels]
    names[:5] = None
    lab = Datalab({"tree": names}, label_name="tree", verbosity=0).give(pred_probs=probs)
    health = lab.health(n_resamples=50)
    assert isinstance(health, Health)
    assert (health.num_left_out, health.num_examples) == (5, 595)
    assert health.class_names == ("ash", "elm", "fir", "oak")
    assert "5 rows without a label left out" in str(health)
    wanted = label_health(labels[5:], probs[5:], n_resamples=50)
    assert health.interval == wanted.interval


def test_probabilities_are_made_where_none_are_given() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=300)
    features = rng.normal(size=(300, 2)) + 4 * np.eye(3)[labels][:, :2]
    wrong = np.arange(0, 300, 10)
    given = labels.copy()
    given[wrong] = (given[wrong] + 1) % 3
    lab = Datalab({"y": given}, label_name="y", verbosity=0).give(features=features)
    health = lab.health()
    assert 0.85 < health.score < 0.95
    assert "cross-validation" in health.note
    made_once = lab._artefacts.current("pred_probs")
    lab.find_issues(["label"])
    assert lab._artefacts.current("pred_probs") is made_once


def test_what_a_lab_cannot_tell() -> None:
    with pytest.raises(NotFound, match="give label_name= to Datalab"):
        Datalab({"x": ["a", "b", "c"]}, verbosity=0).health()
    votes = {"a": ["x", "y", "x"], "b": ["x", "y", None]}
    with pytest.raises(NotFound, match="but the data is without labels: give label_name="):
        Datalab(votes, annotations=["a", "b"], verbosity=0).health()
    with pytest.raises(NotFound, match="the task is 'regression'"):
        Datalab({"y": [1.0, 2.0, 3.5]}, "regression", "y", verbosity=0).health()
    with pytest.raises(NotApplicable, match="give"):
        Datalab({"x": ["a", "b", "c"], "y": [0, 1, 0]}, label_name="y", verbosity=0).health()


def test_a_regression_is_told_that_health_is_for_classes() -> None:
    lab = Datalab({"y": np.linspace(0, 1, 40)}, label_name="y", task="regression", verbosity=0)
    with pytest.raises(NotFound, match=r"class labels \(classification\).*'regression'$"):
        lab.health()
    with pytest.raises(NotFound, match="without labels: give label_name="):
        Datalab({"x": [1.0, 2.0]}, verbosity=0).health()
