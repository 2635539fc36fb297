"""Findings without a model of one's own: from raw columns of every kind, through the front door."""

import re
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.compose import make_column_transformer
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from datalab import Datalab
from datalab._models import portfolio, regressors, sets
from datalab._models.classification import cross_val_pred_probs
from datalab.exceptions import InputError, InputTypeError, MissingDependency
from datalab.recipes import from_images

N = 240


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forests of ten trees, small kernels and few patches say enough about small data."""
    for module in (portfolio, regressors, sets):
        monkeypatch.setattr(module, "TREES", 10)
    monkeypatch.setattr(portfolio, "KERNEL_SIZE", 30)
    monkeypatch.setattr(from_images, "WORDS", 30)


@pytest.fixture
def frame() -> pd.DataFrame:
    """Categories, numbers and texts that tell two classes apart; twelve labels are wrong."""
    rng = np.random.default_rng(0)
    true = np.arange(N) % 2
    given = true.copy()
    given[:12] = 1 - given[:12]
    words = np.array([["sun", "beach", "sea", "sand"], ["snow", "ski", "cold", "ice"]])
    return pd.DataFrame(
        {
            "id": np.arange(N),
            "place": np.where(rng.random(N) < 0.8, true, 1 - true).astype(str),
            "degrees": rng.normal(size=N) + 2 * true,
            "story": [" ".join(rng.choice(words[k], 3)) for k in true],
            "label": np.array(["summer", "winter"])[given],
        }
    )


def flagged(lab: Any) -> set[int]:
    return set(np.flatnonzero(lab.issues["is_label_issue"].to_numpy(dtype=bool, na_value=False)))


def note(lab: Any) -> str:
    return " ".join(lab.outcomes["label"].notes)


def test_several_kinds_of_columns_combine(frame: pd.DataFrame) -> None:
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues()
    assert len(flagged(lab) & set(range(12))) >= 11
    assert len(flagged(lab) - set(range(12))) <= 3
    told = note(lab)
    assert "1 category, 1 numeric column, 1 text (place, degrees, story)" in told
    assert "left out: id: looks like an identifier" in told
    assert "from all columns but " in told
    assert "Better: find_issues(embed=SentenceTransformer(…).encode)" in told
    assert lab.outcomes["near_duplicate"].status == "found"


def test_the_same_findings_again(frame: pd.DataFrame) -> None:
    one, two = (
        Datalab(frame, label_name="label", verbosity=0).find_issues(["label"], random_state=5)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(one.issues, two.issues)


def test_images_of_mixed_size_and_mode() -> None:
    rng = np.random.default_rng(0)
    true = np.arange(120) % 2
    given = true.copy()
    given[:6] = 1 - given[:6]
    pictures = []
    for n, kind in enumerate(true):
        wave = np.sin(np.arange(20 + n % 9) / 2 + rng.uniform(0, 6)) * 100 + 128
        grey = np.tile(wave, (len(wave), 1))
        grey = (grey if kind else grey.T).astype(np.uint8)
        pictures.append(Image.fromarray(grey).convert(("L", "RGB", "RGBA")[n % 3]))
    lab = Datalab({"pic": pictures, "y": given}, label_name="y", verbosity=0)
    assert flagged(lab.find_issues(["label"])) == set(range(6))


def test_texts_without_blanks() -> None:
    rng = np.random.default_rng(0)
    words = [list("花草树木山水"), list("股票价格银行")]
    true = np.arange(120) % 2
    given = true.copy()
    given[:5] = 1 - given[:5]
    texts = ["".join(rng.choice(words[k], 8)) for k in true]
    lab = Datalab({"t": texts, "y": given}, label_name="y", text_key="t", verbosity=0)
    assert flagged(lab.find_issues(["label"])) == set(range(5))


def test_groups_time_and_copies_of_the_label_are_no_features(frame: pd.DataFrame) -> None:
    frame["season"] = frame["label"].map({"summer": "S", "winter": "W"})
    frame["patient"] = np.arange(N) // 4
    frame["day"] = pd.date_range("2024", periods=N)
    lab = Datalab(frame, label_name="label", groups="patient", time="day", verbosity=0)
    lab.find_issues(["label"])
    told = note(lab)
    assert "patient" not in told
    assert "day" not in told
    assert "season: repeats the label" in told
    assert "by stretches of time, groups kept together" in told
    assert len(flagged(lab) & set(range(12))) >= 9


def test_time_must_be_one(frame: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="`time` names the column 'story'"):
        Datalab(frame, label_name="label", time="story")


def test_classes_without_others_are_not_judged(frame: pd.DataFrame) -> None:
    frame.loc[20, "label"] = "spring"
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues(["label"])
    assert "classes with a single example, which cannot be judged: 1" in note(lab)
    assert 20 not in flagged(lab)


def test_models_of_ones_own(frame: pd.DataFrame) -> None:
    def nearest_mean(X: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
        means = np.stack([X[y == k].mean(axis=0) for k in (0, 1)])
        near = np.exp(-((new[:, None] - means) ** 2).sum(axis=2))
        return near / near.sum(axis=1, keepdims=True)

    columns = make_column_transformer((OneHotEncoder(), ["place"]), (StandardScaler(), ["degrees"]))
    for model in (
        LogisticRegression(),
        RidgeClassifier(),  # no predict_proba
        make_pipeline(TfidfVectorizer(), LogisticRegression()),  # takes the texts
        make_pipeline(columns, LogisticRegression()),  # takes the table
        nearest_mean,
    ):
        lab = Datalab(frame, label_name="label", verbosity=0).find_issues(["label"], model=model)
        name = "nearest_mean" if model is nearest_mean else type(model).__name__
        assert f"of {name}, " in note(lab)
        assert len(flagged(lab) & set(range(12))) >= 6, name
    with pytest.raises(InputTypeError, match="`model` must be an estimator"):
        Datalab(frame, label_name="label", verbosity=0).find_issues(["label"], model=3)


def test_embeddings(frame: pd.DataFrame) -> None:
    lab = Datalab(frame, label_name="label", text_key="story", verbosity=0)

    def lengths(texts: list[str]) -> np.ndarray:
        return np.array([["s" in text, len(text)] for text in texts], dtype=float)

    lab.find_issues(["null"], embed=lengths)
    assert lab._artefacts.given("features")
    with pytest.raises(MissingDependency, match="sentence_transformers"):
        lab.find_issues(["null"], embed="all-MiniLM-L6-v2")
    with pytest.raises(InputTypeError, match="must be a function of a list"):
        lab.find_issues(["null"], embed=3)
    with pytest.raises(InputError, match="embed= needs texts, images or audio"):
        Datalab({"x": [1, 2, 3]}, verbosity=0).find_issues(["null"], embed=len)


def test_recordings() -> None:
    rng = np.random.default_rng(0)
    true = np.arange(60) % 2
    waves = [
        {"array": np.sin(np.arange(4000) * (0.1, 0.5)[k]) + 0.3 * rng.normal(size=4000),
         "sampling_rate": 8000}
        for k in true
    ]  # fmt: skip
    given = true.copy()
    given[:3] = 1 - given[:3]
    for named in ({"audio_key": "a"}, {}):  # recordings are known by what they are as well
        lab = Datalab({"a": waves, "y": given}, label_name="y", verbosity=0, **named)
        assert flagged(lab.find_issues(["label"])) == {0, 1, 2}
        assert "1 audio column (a)" in note(lab)


def test_numbers_and_sets_of_classes(frame: pd.DataFrame) -> None:
    frame["label"] = 3.0 * frame["degrees"]
    frame.loc[7, "label"] += 50
    lab = Datalab(frame, label_name="label", task="regression", verbosity=0).find_issues(["label"])
    assert 7 in flagged(lab)
    assert lab.model_card().task == "regression"
    both = [[0, 1] if text.count("s") > 2 else [0] for text in frame["story"]]
    table = {"story": frame["story"].tolist(), "y": both}
    lab = Datalab(table, label_name="y", task="multilabel", verbosity=0).find_issues(["label"])
    assert lab.outcomes["label"].status == "found"
    assert "of the memberships agree" in note(lab)


def test_model_card(frame: pd.DataFrame) -> None:
    lab = Datalab(frame, label_name="label", verbosity=0)
    card = lab.model_card()
    assert card.trust == "good"
    predicted = lab._artefacts.current("pred_probs")
    assert predicted is not None
    right = (predicted.value.argmax(axis=1) == lab.labels).mean()
    assert card["accuracy"].value == pytest.approx(right)
    assert card["accuracy"].low < right < card["accuracy"].high
    classes = card.frame("classes")
    assert set(classes["class"]) == {"summer", "winter"}
    assert (classes["recall_low"] <= classes["recall"]).all()
    models = card.frame("models")
    assert models["weight"].is_monotonic_decreasing
    assert re.search(r"accuracy 0\.\d\d on 2 classes", str(card))
    html = card._repr_html_()
    assert "trust its flags" in html
    assert "<script" not in html
    with pytest.raises(LookupError, match="there is no score 'f1'"):
        card["f1"]


def test_a_weak_model_says_so() -> None:
    rng = np.random.default_rng(0)
    true = np.arange(400) % 4
    columns = {f"x{i}": rng.normal(size=400) + 0.35 * (true == i) for i in range(4)}
    lab = Datalab({**columns, "y": true}, label_name="y", verbosity=0).find_issues(["label"])
    if lab.outcomes["label"].status == "found":
        assert lab.model_card().trust == "weak"
        assert "label findings are weak" in lab.model_card().verdict


def test_given_predictions_have_a_card_too() -> None:
    rng = np.random.default_rng(0)
    codes = np.arange(100) % 2
    probs = np.clip(0.5 + (codes - 0.5) * 0.4 + 0.2 * rng.normal(size=100), 0.01, 0.99)
    lab = Datalab({"y": codes}, label_name="y", verbosity=0)
    lab.give(pred_probs=np.column_stack([1 - probs, probs]))
    card = lab.model_card()
    assert card.notes == ("pred_probs were given",)
    assert card.frame("models").empty
    assert card["accuracy by chance"].value == pytest.approx(0.5)


def test_an_interrupted_fit_goes_on(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[str] = []

    def counted(X: Any, codes: Any, model: Any, **options: Any) -> Any:
        fits.append(type(model).__name__)
        if interrupted and len(fits) > 9:
            raise KeyboardInterrupt
        return cross_val_pred_probs(X, codes, model, **options)

    monkeypatch.setattr(portfolio, "cross_val_pred_probs", counted)
    interrupted = False
    whole = Datalab(frame, label_name="label", verbosity=0).find_issues(["label"])
    all_fits, fits = fits, []
    interrupted = True
    lab = Datalab(frame, label_name="label", verbosity=0)
    with pytest.raises(KeyboardInterrupt):
        lab.find_issues(["null", "label"])
    assert lab.outcomes["null"].status == "found"
    done, fits = len(fits) - 1, []
    interrupted = False
    lab.find_issues(["label"])
    # The model at which it stopped is begun anew, no other.
    assert 0 < len(fits) < len(all_fits)
    assert len(all_fits) - done <= len(fits) <= len(all_fits) - done + 4
    pd.testing.assert_frame_equal(lab.get_issues("label"), whole.get_issues("label"))
    # Other options are another call.
    fits.clear()
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues(["label"], random_state=1)
    assert len(fits) == len(all_fits)


def test_large_data_is_fitted_on_some_rows(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portfolio, "MAX_ROWS", 100)
    monkeypatch.setattr(regressors, "MAX_ROWS", 100)
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues(["label"])
    assert "fitted on 50,000 rows drawn by class, every row is predicted" in note(lab)
    assert len(flagged(lab) & set(range(12))) >= 10
    assert lab.get_issues("label")["label_score"].notna().all()
    frame["label"] = frame["degrees"] * 2
    lab = Datalab(frame, label_name="label", task="regression", verbosity=0).find_issues(["label"])
    assert "drawn at random" in note(lab)


def test_sentence_models_by_name(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    class SentenceTransformer:
        def __init__(self, name: str) -> None:
            self.name = name

        def encode(self, texts: list[str]) -> np.ndarray:
            words = ("sun", "beach", "sea", "sand", "snow", "ski", "cold", "ice")
            return np.array([[word in text for word in words] for text in texts], dtype=np.float32)

    fake = SimpleNamespace(SentenceTransformer=SentenceTransformer)
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    lab = Datalab(frame, label_name="label", text_key="story", verbosity=0)
    lab.find_issues(["label"], embed="all-MiniLM-L6-v2")
    assert len(flagged(lab) & set(range(12))) >= 11
    pictures = {"pic": [Image.new("L", (4, 4), n) for n in range(6)], "y": [0, 1] * 3}
    lab = Datalab(pictures, label_name="y", image_key="pic", verbosity=0)
    with pytest.raises(InputError, match="names a model of sentences"):
        lab.find_issues(["label"], embed="all-MiniLM-L6-v2")
    lab.find_issues(["null"], embed=lambda cells: np.array([[c.getpixel((0, 0))] for c in cells]))
    assert lab._artefacts.given("features")


def test_compressed_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    true = np.arange(60) % 2
    files = [b"fLaC" + bytes([k, n]) for n, k in enumerate(true)]

    def read(file: Any, always_2d: bool) -> tuple[np.ndarray, int]:
        kind = file.read()[4]
        wave = np.sin(np.arange(4000) * (0.1, 0.5)[kind]) + 0.3 * rng.normal(size=4000)
        return wave[:, None], 8000

    table = {"a": files, "y": np.where(np.arange(60) < 3, 1 - true, true)}
    lab = Datalab(table, label_name="y", audio_key="a", verbosity=0)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    lab.find_issues(["label"])
    assert 'pip install "datalab-explore[audio]"' in lab.outcomes["label"].reason
    monkeypatch.setitem(sys.modules, "soundfile", SimpleNamespace(read=read))
    lab = Datalab(table, label_name="y", audio_key="a", verbosity=0)
    assert flagged(lab.find_issues(["label"])) == {0, 1, 2}


class Network:
    """What skorch's classifier is like: float32 in, probabilities out, no names of classes."""

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = rate

    def get_params(self, deep: bool = True) -> dict[str, float]:
        return {"rate": self.rate}

    def set_params(self, **params: float) -> "Network":
        self.rate = params["rate"]
        return self

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Network":
        assert X.dtype == np.float32
        assert y.dtype == np.int64
        self.weights = np.zeros((X.shape[1] + 1, int(y.max()) + 1))
        for _ in range(60):
            error = self._probs(X) - np.eye(self.weights.shape[1])[y]
            self.weights -= self.rate * np.column_stack([X, np.ones(len(X))]).T @ error / len(X)
        return self

    def _probs(self, X: np.ndarray) -> np.ndarray:
        odds = np.exp(np.column_stack([X, np.ones(len(X))]) @ self.weights)
        return odds / odds.sum(axis=1, keepdims=True)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self._probs(X).astype(np.float32)


def test_networks_and_functions_with_missing_classes(frame: pd.DataFrame) -> None:
    frame = frame.astype({"label": object})
    frame.loc[[100, 101], "label"] = "autumn"  # each alone in its fold
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues(["label"], model=Network())
    assert "of Network, " in note(lab)
    assert len(flagged(lab) & set(range(12))) >= 8

    def shares(X: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
        present = np.unique(y)  # only the classes it has seen
        means = np.stack([X[y == k].mean(axis=0) for k in present])
        near = np.exp(-((new[:, None] - means) ** 2).sum(axis=2)) + 1e-9
        return near / near.sum(axis=1, keepdims=True)

    frame.loc[101, "label"] = "winter"
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues(["label"], model=shares)
    assert "classes with a single example, which cannot be judged: 1" in note(lab)
    assert 100 not in flagged(lab)


def test_models_of_numbers_and_of_sets(frame: pd.DataFrame) -> None:
    frame["label"] = 3.0 * frame["degrees"]
    frame.loc[7, "label"] += 50

    def least_squares(X: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.c_[new, np.ones(len(new))] @ np.linalg.lstsq(np.c_[X, np.ones(len(X))], y)[0]

    for model in (Ridge(), least_squares):
        lab = Datalab(frame, label_name="label", task="regression", verbosity=0)
        lab.find_issues(["label"], model=model)
        assert 7 in flagged(lab)
        assert "median error" in note(lab)
    both = [[0, 1] if text.count("s") > 2 else [0] for text in frame["story"]]
    table = {"story": frame["story"].tolist(), "y": both}
    lab = Datalab(table, label_name="y", task="multilabel", verbosity=0)
    lab.find_issues(["label"], model=ExtraTreesClassifier(10, random_state=0))
    assert "of ExtraTreesClassifier, " in note(lab)


def test_the_part_that_tells_is_heard() -> None:
    """Colours tell the classes apart; whatever else there is in the images is noise."""
    rng = np.random.default_rng(0)
    true = np.arange(150) % 3
    given = true.copy()
    given[:9] = (given[:9] + 1) % 3
    hues = np.array([[50, 0, 0], [0, 50, 0], [0, 0, 50]])
    scenes = rng.integers(40, 200, (150, 8, 8, 1)) + hues[true][:, None, None]
    pictures = [Image.fromarray(p.astype(np.uint8)).resize((20, 24)) for p in scenes]
    lab = Datalab({"pic": pictures, "y": given}, label_name="y", verbosity=0).find_issues(["label"])
    assert flagged(lab) == set(range(9))
    models = lab.model_card().frame("models").set_index("model")["weight"]
    assert "kernel logistic regression of colours of pic" in models.index


def test_a_classifier_of_single_classes_judges_sets() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2))
    sets = [[name for name, value in zip("ab", row, strict=True) if value > 0] for row in x]
    sets[3] = ["a", "b"] if sets[3] != ["a", "b"] else []
    lab = Datalab({"x": x[:, 0], "z": x[:, 1], "y": sets}, "multilabel", "y", verbosity=0)
    lab.find_issues(["label"], model=LogisticRegression(), on_error="raise")
    assert lab.issues["is_label_issue"][3]
    assert "of LogisticRegression" in " ".join(lab.outcomes["label"].notes)


def test_halves_of_characters() -> None:
    """What no file in UTF-8 holds is read, found, shown and exported all the same."""
    rng = np.random.default_rng(0)
    words = [["sun", "sand", "sea"], ["snow", "ice", "frost"]]
    texts = [" ".join(rng.choice(words[n % 2], 6)) for n in range(60)]
    texts[5], texts[6] = "sun \ud800 sand", "\udcff"
    lab = Datalab({"t": texts, "y": np.arange(60) % 2}, label_name="y", verbosity=0)
    lab.find_issues(on_error="raise")
    assert lab.issues["is_encoding_damage_issue"][[5, 6]].all()
    assert lab.worst(2, "encoding_damage")["reason"].str.contains("ud800|udcff").all()
    assert len(lab.export("frame")) == 60
    assert "⟨U+D800⟩" in str(lab.view.table().content)


@pytest.mark.parametrize("seed", range(3))
def test_few_rows_of_noise_judge_no_labels(seed: int) -> None:
    """The best of many models agrees with the labels of a few rows by chance."""
    rng = np.random.default_rng(seed)
    columns = {f"x{n}": rng.normal(size=40) for n in range(30)}
    lab = Datalab({**columns, "y": rng.integers(2, size=40)}, label_name="y", verbosity=0)
    assert lab.find_issues(["label"]).outcomes["label"].status == "not applicable"


def test_a_class_that_no_model_knows_is_not_judged() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    known, unknown = x > 0, rng.random(200) < 0.5
    wrong = np.argsort(np.abs(x))[100::20]
    known[wrong] = ~known[wrong]
    sets = [["sign"] * int(k) + ["coin"] * int(u) for k, u in zip(known, unknown, strict=True)]
    lab = Datalab({"x": x, "y": sets}, "multilabel", "y", verbosity=0).find_issues(["label"])
    assert "classes that cannot be judged: ['coin']" in " ".join(lab.outcomes["label"].notes)
    assert lab.issues["is_label_issue"].sum() < 15
    assert lab.issues["is_label_issue"][wrong].all()
    card = lab.model_card()
    assert "over 1 class: " in card.verdict
    frame = card.frame("classes").set_index("class")
    assert np.isnan(frame.loc["coin", "area"])
    assert frame.loc["sign", "area"] > 0.9


def test_a_function_is_named_by_its_own_name() -> None:
    def of_one_column(X: Any, labels: Any, X_new: Any) -> Any:
        return np.ones(len(X_new))

    lab = Datalab({"x": np.arange(40.0) % 7, "y": [0, 1] * 20}, label_name="y", verbosity=0)
    with pytest.raises(InputError, match=r"predict_proba of of_one_column returned shape \(8,\)"):
        lab.find_issues(["label"], model=of_one_column, on_error="raise")


def test_texts_as_bytes_are_told() -> None:
    texts = [f"text {n} of several".encode() for n in range(30)]
    x = np.random.default_rng(0).normal(size=30)
    lab = Datalab({"t": texts, "x": x}, verbosity=0)
    notes = " ".join(lab.find_issues(["outlier"]).outcomes["outlier"].notes)
    assert "t: bytes of no image or recording; decode texts" in notes


@pytest.mark.parametrize("n_rows", [5, 12, 30])
def test_few_rows_of_numbers(n_rows: int) -> None:
    x = np.random.default_rng(0).normal(size=n_rows)
    lab = Datalab({"x": x, "y": 3 * x}, "regression", "y", verbosity=0)
    lab.find_issues(["label"], on_error="raise")
    assert "-fold cross-validation" in lab.model_card().notes[-1]


@pytest.mark.parametrize("kind", ["number", "name"])
def test_a_column_that_repeats_the_label_is_left_out(kind: str) -> None:
    """Neither models nor votes of neighbours see it."""
    rng = np.random.default_rng(0)
    truth = np.arange(150) % 3
    given = truth.copy()
    given[:6] = (given[:6] + 1) % 3
    names = np.array(["a", "b", "c"])[given]
    code = given * 10.0 if kind == "number" else names.copy()
    columns = {"x": truth * 4 + rng.normal(size=150), "code": code, "y": names}
    lab = Datalab(columns, label_name="y", verbosity=0).find_issues(["label"])
    assert "left out: code: repeats the label" in " ".join(lab.outcomes["label"].notes)
    assert lab.issues["is_label_issue"][:6].all()
    lab = Datalab({"code": code, "y": names}, label_name="y", verbosity=0).find_issues(["label"])
    assert "(code: repeats the label)" in lab.outcomes["label"].reason
