"""Properties of images that give labels away."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB

from datalab import Datalab
from datalab._core.image import IMAGE_PROPERTIES, IMAGE_SCORES
from datalab.exceptions import NotApplicable
from datalab.managers import SpuriousCorrelations


def properties(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    made = np.zeros(n, IMAGE_PROPERTIES)
    made["width"], made["height"] = rng.integers(50, 100, (2, n))
    made["brightness"] = rng.uniform(0.3, 0.7, n)
    for percent in (1, 5, 10, 15, 90, 95, 99):
        made[f"brightness_perc_{percent}"] = made["brightness"] + (percent - 50) / 200
    made["entropy"], made["sharpness"] = rng.uniform(5, 8, n), rng.uniform(0.5, 1, n)
    return made


def noise(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (n, 16, 16, 3)).astype(np.uint8)


def test_the_table_of_the_reference() -> None:
    images, labels = properties(200), np.arange(200) % 2
    found = SpuriousCorrelations().find_issues(images, labels)
    table = found.info["correlations_df"]
    assert table.columns.tolist() == ["property", "score"]
    assert table["property"].tolist() == [f"{name}_score" for name in IMAGE_SCORES]
    assert found.info["threshold"] == 0.3
    for name, score in IMAGE_SCORES.items():
        values = score(images)[:, None]
        if np.ptp(values) > 0:
            accuracy = cross_val_score(GaussianNB(), values, labels, cv=5).mean()
            expected = min((1 - accuracy) / 0.5, 1)
            assert table.set_index("property")["score"][f"{name}_score"] == pytest.approx(expected)


def test_one_dark_class_is_told() -> None:
    rng = np.random.default_rng(0)
    images, labels = noise(120, rng), rng.integers(0, 3, 120)
    images[labels == 2] //= 8
    lab = Datalab({"image": images, "y": labels}, label_name="y", verbosity=0)
    lab.find_issues(["spurious_correlations"])
    info = lab.get_info("spurious_correlations")
    reported = info["properties"].query("is_reported")["property"].tolist()
    scores = info["correlations_df"].set_index("property")["score"]
    # Two of three classes cannot be told apart: the error is about half of the baseline's.
    assert 0.3 < scores["dark_score"] < 0.7
    assert reported == []
    lab = Datalab({"image": images, "y": labels}, label_name="y", verbosity=0)
    lab.find_issues({"spurious_correlations": {"threshold": 0.7}})
    assert lab.outcomes["spurious_correlations"].findings.flagged


def test_a_property_that_gives_the_label_away() -> None:
    rng = np.random.default_rng(0)
    images, labels = noise(60, rng), np.arange(60) % 2
    images[labels == 1] //= 3
    lab = Datalab({"image": images, "y": labels}, label_name="y", verbosity=0)
    found = lab.find_issues().outcomes["spurious_correlations"].findings
    assert found.flagged
    assert found.num_issues == 0
    assert found.summary == 0.0
    properties = found.info["properties"].set_index("property")
    assert properties.loc["dark_score", "is_reported"]
    assert properties.loc["brightness", "p_value"] < 1e-9
    assert not properties.loc["odd_size_score", "is_reported"]
    from datalab.views.collect import overview

    (section,) = [s for s in overview(lab).sections if s.name == "spurious_correlations"]
    assert section.state == "flagged"
    assert section.table is not None


def test_large_and_small_images_are_told_apart() -> None:
    images, labels = properties(60), np.arange(60) % 2
    images["width"] = images["height"] = np.where(labels == 1, 100, 50)
    found = SpuriousCorrelations().find_issues(images, labels)
    scores = found.info["properties"].set_index("property")["score"]
    assert scores["size"] == 0  # although both are equally far from the middle
    assert found.flagged


@pytest.mark.parametrize("n", [10, 12, 40, 300])
def test_clean_data_is_not_flagged(n: int) -> None:
    flagged = 0
    for seed in range(12):
        labels = np.random.default_rng(seed + 1000).integers(0, 2, n)
        labels[:5], labels[5:10] = 0, 1
        flagged += SpuriousCorrelations().find_issues(properties(n, seed), labels).flagged
    assert flagged == 0


def test_digits_have_none() -> None:
    digits = load_digits()
    lab = Datalab(
        {"image": digits.images[:500], "y": digits.target[:500]}, label_name="y", verbosity=0
    )
    assert not lab.find_issues(["spurious_correlations"]).outcomes[0].findings.flagged


def test_rare_classes_and_missing_labels() -> None:
    rng = np.random.default_rng(0)
    labels = [["a", "b"][i % 2] for i in range(40)] + ["rare", None]
    images = noise(42, rng)
    lab = Datalab({"image": images, "y": labels}, label_name="y", verbosity=0)
    lab.find_issues(["spurious_correlations"])
    assert lab.outcomes["spurious_correlations"].status == "found"


def test_where_there_is_nothing_to_say() -> None:
    with pytest.raises(NotApplicable, match="needs two classes"):
        SpuriousCorrelations().find_issues(properties(20), np.zeros(20, dtype=np.int64))
    with pytest.raises(NotApplicable, match="5 images"):
        SpuriousCorrelations().find_issues(properties(4), np.array([0, 0, 1, 1]))
    rng = np.random.default_rng(0)
    lab = Datalab({"image": noise(6, rng)}, task=None, verbosity=0)
    assert "spurious_correlations" not in lab.list_possible_issue_types()
