"""Examples of one split that stand in another one too."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datalab import Datalab
from datalab.exceptions import InputError, NotApplicable
from datalab.managers import SplitLeakage
from datalab.neighbors import knn_graph

TRAIN, TEST = np.arange(80), np.arange(80, 100)


def names(n_train: int = 80, n_test: int = 20) -> Any:
    return np.array(["train"] * n_train + ["test"] * n_test, dtype=object)


@pytest.fixture
def features() -> Any:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 4))
    features[85] = features[3]  # a test row that stands in train
    features[90] = features[91] = features[40] + 1e-3  # near ones
    features[10] = features[11]  # within train: no leak
    return features


def audited(data: Any, **options: Any) -> Datalab:
    inputs = {name: options.pop(name) for name in ("features",) if name in options}
    lab = Datalab(data, verbosity=0, **({"split": "split"} | options))
    return lab.find_issues(["split_leakage"], **inputs)


def test_planted_leaks(features: Any) -> None:
    found = SplitLeakage().find_issues(names(), knn_graph(features, k=10))
    assert np.flatnonzero(found.is_issue).tolist() == [3, 40, 85, 90, 91]
    columns = found.columns
    assert columns["leak_partner"][[3, 40, 85, 90, 91, 10]].tolist() == [85, 90, 3, 40, 40, -1]
    assert columns["partner_split"][[3, 85, 10]].tolist() == ["test", "train", None]
    assert columns["is_exact"][[3, 40, 85, 90, 10]].tolist() == [True, False, True, False, False]
    assert np.flatnonzero(~columns["is_kept"]).tolist() == [3, 40]
    assert columns["partner_distance"][[3, 40]] == pytest.approx([0, 2e-3], rel=1e-2)
    assert np.isnan(columns["partner_distance"][10])
    assert found.score[3] == found.score[85] == 0 < found.score[40] < 0.01 < found.score[10]
    assert found.info["split_pairs"].to_dict("records") == [
        {
            "drop_from": "train",
            "keep": "test",
            "rows_to_drop": 2,
            "leaked_rows": 3,
            "leaked_share": 0.15,
            "exact_rows": 1,
        }
    ]
    assert found.summary == 0.85
    assert found.info["split_sizes"] == {"train": 80, "test": 20}
    assert found.info["num_rows_to_drop"] == 2


def test_a_clean_split_is_clean() -> None:
    features = np.random.default_rng(1).normal(size=(500, 5))
    found = SplitLeakage().find_issues(names(400, 100), knn_graph(features, k=10))
    assert not found.flagged
    assert found.summary == 1.0
    assert len(found.info["split_pairs"]) == 0


def test_a_test_split_that_is_a_noisy_copy_of_train_is_found_whole() -> None:
    rng = np.random.default_rng(0)
    train = rng.normal(size=(100, 6))
    test = train[:50] + 1e-3 * rng.normal(size=(50, 6))
    graph = knn_graph(np.r_[train, test], k=10)
    found = SplitLeakage().find_issues(names(100, 50), graph)
    assert np.flatnonzero(found.is_issue).tolist() == [*range(50), *range(100, 150)]
    assert found.info["split_pairs"]["leaked_share"].tolist() == [1.0]
    assert found.summary == 0.0


def test_row_order_does_not_matter(features: Any) -> None:
    order = np.random.default_rng(1).permutation(100)
    found = SplitLeakage().find_issues(names(), knn_graph(features, k=10))
    moved = SplitLeakage().find_issues(names()[order], knn_graph(features[order], k=10))
    assert np.array_equal(moved.is_issue, found.is_issue[order])
    assert np.array_equal(moved.columns["is_kept"], found.columns["is_kept"][order])
    np.testing.assert_allclose(moved.score, found.score[order], rtol=1e-6)


def test_more_copies_than_neighbours() -> None:
    features = np.r_[np.random.default_rng(0).normal(size=(60, 3)), np.ones((40, 3))]
    split = names(99, 1)  # of forty copies only the last one is a test row
    found = SplitLeakage(k=3).find_issues(split, knn_graph(features, k=3))
    assert np.flatnonzero(found.is_issue).tolist() == list(range(60, 100))
    assert set(found.columns["leak_partner"][60:99].tolist()) == {99}


def test_absolute_threshold(features: Any) -> None:
    graph = knn_graph(features, k=10, metric="euclidean")
    found = SplitLeakage(absolute_threshold=1e-3).find_issues(names(), graph)
    assert np.flatnonzero(found.is_issue).tolist() == [3, 85]
    everything = SplitLeakage(absolute_threshold=100).find_issues(names(), graph)
    assert everything.is_issue[80:].all()
    for bad in ({"absolute_threshold": -1}, {"threshold": -1}, {"k": 0}):
        with pytest.raises(InputError):
            SplitLeakage(**bad)


# --- which part gives way


@pytest.mark.parametrize(
    ("first", "second", "dropped"),
    [
        ("train", "test", "train"),
        ("Training set", "holdout_2024", "Training set"),
        ("validation", "train", "train"),
        ("dev", "test", "dev"),
        ("part-b", "test", "part-b"),
        ("train_1", "other", "train_1"),
    ],
)
def test_what_is_tested_on_stays(first: str, second: str, dropped: str) -> None:
    features = np.random.default_rng(0).normal(size=(40, 3))
    features[30] = features[5]
    split = np.array([first] * 20 + [second] * 20, dtype=object)
    found = SplitLeakage().find_issues(split, knn_graph(features, k=5))
    table = found.info["split_pairs"]
    assert table["drop_from"].tolist() == [dropped]
    row = 5 if dropped == first else 30
    assert np.flatnonzero(~found.columns["is_kept"]).tolist() == [row]


@pytest.mark.parametrize(("column", "dropped"), [("is_test", "not is_test"), ("train", "train")])
def test_columns_that_say_yes_and_no(features: Any, column: str, dropped: str) -> None:
    data = {column: (names() == column.removeprefix("is_")).tolist(), "y": np.arange(100) % 7}
    lab = audited(data, task=None, split=column, features=features)
    assert lab.get_info("split_leakage")["split_pairs"]["drop_from"].tolist() == [dropped]
    kept = lab.get_issues("split_leakage")["is_kept"]
    assert np.flatnonzero(~kept).tolist() == [3, 40]


def test_of_parts_without_a_name_the_larger_gives_way() -> None:
    features = np.random.default_rng(0).normal(size=(40, 3))
    features[35] = features[5]
    for big, small in (("a", "b"), ("b", "a")):
        split = np.array([big] * 30 + [small] * 10, dtype=object)
        found = SplitLeakage().find_issues(split, knn_graph(features, k=5))
        assert found.info["split_pairs"]["drop_from"].tolist() == [big]


def test_three_splits() -> None:
    features = np.random.default_rng(0).normal(size=(60, 3))
    features[[25, 45]] = features[5]  # in all three
    features[46] = features[26]  # in val and test
    split = np.repeat(np.array(["train", "val", "test"], dtype=object), 20)
    found = SplitLeakage().find_issues(split, knn_graph(features, k=5))
    table = found.info["split_pairs"].set_index(["drop_from", "keep"])
    assert table["rows_to_drop"].to_dict() == {
        ("val", "test"): 2,
        ("train", "val"): 1,
        ("train", "test"): 1,
    }
    assert np.flatnonzero(~found.columns["is_kept"]).tolist() == [5, 25, 26]


# --- where the rows come from


def test_equal_rows_of_a_table_without_features() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": np.arange(60),
            "city": rng.choice(["Graz", "Wien", "Linz"], size=60),
            "street": [f"{a} street {b}" for a, b in rng.integers(1000, size=(60, 2))],
            "split": names(40, 20),
            "y": rng.integers(2, size=60),
        }
    )
    frame.loc[45, ["city", "street"]] = frame.loc[7, ["city", "street"]].tolist()
    frame.loc[46, "street"] = frame.loc[8, "street"]
    frame.loc[46, "city"], frame.loc[8, "city"] = "Graz", "Wien"
    lab = Datalab(frame, label_name="y", split="split", text_key=None, verbosity=0)
    lab._artefacts.withdraw("text")
    found = lab.find_issues(["split_leakage"]).get_issues("split_leakage")
    assert np.flatnonzero(found["is_split_leakage_issue"]).tolist() == [7, 45]
    assert "equality of city, street" in lab.get_info("split_leakage")["compared"]
    assert "equal to row 45 of 'test'; drop this one" in lab.worst(2)["reason"].tolist()


def test_columns_that_repeat_everywhere_say_nothing() -> None:
    colours = np.array(["red", "blue"], dtype=object)[np.arange(100) % 2]
    frame = pd.DataFrame({"colour": colours, "split": names()})
    lab = audited(frame, task=None)
    assert lab.outcomes["split_leakage"].status == "not applicable"
    assert "most rows have many equals in colour: give features=" in (
        lab.outcomes["split_leakage"].reason
    )


def test_texts_that_say_the_same_or_nearly_so() -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefghijklmnop"), size=6)) for _ in range(400)]
    text = [" ".join(rng.choice(words, size=12)) for _ in range(60)]
    text[50] = f"  {text[4].upper()}! \n"
    text[51] = text[5][:-1] + "z"
    text[7] = text[6]  # within train: no leak
    lab = audited({"text": text, "split": names(40, 20)}, task=None, text_key="text")
    found = lab.get_issues("split_leakage")
    assert np.flatnonzero(found["is_split_leakage_issue"]).tolist() == [4, 5, 50, 51]
    assert found.loc[[4, 5], "is_exact"].tolist() == [True, False]
    assert found.loc[4, "split_leakage_score"] == 0 < found.loc[5, "split_leakage_score"] < 0.3
    assert lab.get_info("split_leakage")["compared"] == ["texts", "equality of text"]
    told = lab.outcomes["split_leakage"].notes
    assert told == ("rows are compared by texts and by equality of text",)


def test_features_that_were_given_count_beside_texts(features: Any) -> None:
    text = [f"text number {i} is about {i * i} things, all of them different" for i in range(100)]
    data = {"text": text, "split": names()}
    lab = audited(data, task=None, text_key="text", features=features)
    assert {3, 40, 85, 90, 91} <= set(np.flatnonzero(lab.issues["is_split_leakage_issue"]).tolist())


def test_images_that_look_alike() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, size=(40, 8, 8), dtype=np.uint8)
    images = [Image.fromarray(one).resize((64, 64), Image.Resampling.BICUBIC) for one in coarse]
    images[35] = images[3].copy()
    images[36] = images[4].resize((80, 80)).point(lambda shade: int(0.9 * shade))
    data = {"image": images, "split": names(30, 10)}
    lab = audited(data, task=None, image_key="image")
    found = lab.get_issues("split_leakage")
    assert np.flatnonzero(found["is_split_leakage_issue"]).tolist() == [3, 4, 35, 36]
    assert found.loc[[3, 4], "is_exact"].tolist() == [True, False]
    assert np.flatnonzero(~found["is_kept"]).tolist() == [3, 4]


def test_a_dict_of_splits(features: Any) -> None:
    data = {
        "train": pd.DataFrame({"x": features[:80, 0], "y": np.arange(80) % 2}),
        "test": pd.DataFrame({"x": features[80:, 0], "y": np.arange(20) % 2}),
    }
    lab = Datalab(data, label_name="y", verbosity=0).find_issues(features=features)
    assert lab.issues["is_split_leakage_issue"].sum() == 5
    assert "split_leakage" in lab.list_default_issue_types()


def test_rows_without_features_or_split_are_left_alone(features: Any) -> None:
    features[0, 1] = np.nan
    split = names()
    split[91] = None
    lab = audited({"split": split, "y": np.arange(100) % 7}, task=None, features=features)
    flagged = np.flatnonzero(lab.issues["is_split_leakage_issue"])
    assert flagged.tolist() == [3, 40, 85, 90]
    assert lab.get_info("split_leakage")["rows_without_split"] == 1
    assert lab.issues["split_leakage_score"].notna().all()


def test_groups_that_stand_in_two_splits(features: Any) -> None:
    data = {"split": names(), "who": np.arange(100) % 90, "y": np.arange(100) % 7}
    lab = audited(data, task=None, groups="who", features=features)
    assert lab.get_info("split_leakage")["num_shared_groups"] == 10  # rows 0..9 and 90..99
    assert "groups with rows in several splits: 10" in lab.outcomes["split_leakage"].notes[-1]


def test_what_is_no_split_is_told(features: Any) -> None:
    graph = knn_graph(features, k=5)
    with pytest.raises(NotApplicable, match="at least two splits to compare, found .'train'"):
        SplitLeakage().find_issues(names(100, 0), graph)
    many = np.array([f"row {i}" for i in range(100)], dtype=object)
    with pytest.raises(NotApplicable, match="has 100 different values"):
        SplitLeakage().find_issues(many, graph)
    lab = Datalab({"x": [1.0, 2.0, 4.0]}, task=None, verbosity=0)
    assert "split_leakage" not in lab.list_default_issue_types()
    lab.find_issues(["split_leakage"])
    assert "needs split: give split=" in lab.outcomes["split_leakage"].reason


def test_it_is_no_check_of_the_reference(features: Any) -> None:
    frame = pd.DataFrame({"split": names(), "y": np.arange(100) % 2})
    lab = Datalab(frame, label_name="y", split="split", verbosity=0)
    lab.find_issues(features=features, rules="reference")
    assert "split_leakage" not in {outcome.name for outcome in lab.outcomes}
