import io
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datalab import Datalab, Findings
from datalab.audit import Outcome
from datalab.exceptions import InputError, NotFound
from datalab.health import label_health
from datalab.managers.base import spec_of
from datalab.plots import Plot, _draw, classes, confusion, embedding, issues, scores

ATTACKS = ["$\\frac{1}{$", "<img src=x>", "x" * 5_000, "日本語 مرحبا", "a\x00\u202e\ud800b"]


def texts(plot: Plot) -> list[str]:
    from matplotlib.text import Text

    return [t.get_text() for t in plot.figure.findobj(Text) if t.get_text() and t.get_visible()]


def labels(k: int, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    given = rng.integers(k, size=n)
    moved = rng.random(n) < 0.15
    return given, np.where(moved, (given + 1) % k, given)


def drawn(plot: Plot) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(plot._repr_png_())).convert("RGB"))


# --- confusion


def test_counts_of_the_confusion():
    plot = confusion([0, 0, 1, 1, 1, -1], [0, 1, 1, 0, 0, 1], ["cat", "dog"])
    assert plot.frame().values.tolist() == [
        ["cat", "cat", 1],
        ["dog", "dog", 1],
        ["cat", "dog", 1],
        ["dog", "cat", 2],
    ]
    assert "most confused: dog → cat (2)" in repr(plot)
    assert {"1", "2", "cat", "dog", "given", "suggested"} <= set(texts(plot))


@pytest.mark.parametrize(("k", "numbered", "named"), [(2, 4, 2), (10, 20, 10), (60, 0, 30)])
def test_classes_from_two_to_many(k, numbered, named):
    names = [f"class-{i}" for i in range(k)]
    plot = confusion(*labels(k, 40 * k), names)
    axes = plot.figure.axes[0]
    assert len(axes.texts) == numbered
    assert len(axes.get_xticks()) == named
    assert max(plot.figure.get_size_inches()) < 12
    assert len(plot.frame()) == 2 * k


def test_a_hundred_classes_can_be_cut_to_those_most_confused():
    given, suggested = labels(100, 5_000)
    suggested[given == 70] = 30
    plot = confusion(given, suggested, [f"c{i}" for i in range(100)], top=5)
    shown = [t.get_text() for t in plot.figure.axes[0].get_yticklabels()]
    assert len(shown) == 5
    assert {"c70", "c30"} <= set(shown)
    assert "the 5 most confused of 100 classes" in plot.figure.axes[0].get_title(loc="left")
    assert len(plot.frame()) > 100  # the frame holds everything


def test_confusion_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="`labels` has 3 values but `suggested` has 2"):
        confusion([0, 1, 1], [0, 1], ["a", "b"])
    with pytest.raises(InputError, match="`top` must be at least 1, got 0"):
        confusion([0, 1, 1], [0, 1, 0], ["a", "b", "c"], top=0)


def test_perfect_agreement_and_no_rows():
    assert "most confused" not in repr(confusion([0, 1], [0, 1], ["a", "b"]))
    assert "0 rows in 2 classes" in repr(confusion([-1], [0], ["a", "b"]))
    drawn(confusion([-1], [0], ["a", "b"]))


# --- classes


def class_table(k: int, names: list[str] | None = None) -> pd.DataFrame:
    given, true = labels(k, 60 * k)
    probs = np.full((len(given), k), 0.3 / k)
    probs[np.arange(len(given)), true] += 0.7
    return label_health(given, probs, names, n_resamples=50).frame("classes")


@pytest.mark.parametrize(("k", "shown"), [(2, 2), (10, 10), (100, 40)])
def test_noise_of_few_and_many_classes(k, shown):
    table = class_table(k, [f"class-{i}" for i in range(k)])
    plot = classes(table)
    assert len(plot.figure.axes[0].get_yticks()) == shown
    assert plot.figure.get_size_inches()[1] < 13
    frame = plot.frame()
    assert len(frame) == k
    assert frame["noise"].equals(table["Label Noise"].rename("noise"))
    assert (frame["noise_low"] <= frame["noise"]).all()
    assert (frame["inverse_noise"] <= frame["inverse_noise_high"]).all()
    assert repr(plot).startswith(f"Plot(classes: label noise of {k} classes; noisiest: class-")
    told = texts(plot)
    assert {"labelled so, but wrong", "is so, but labelled otherwise", "labels"} <= set(told)
    assert len(classes(table, top=1).figure.axes[0].get_yticks()) == 1


def test_what_is_no_table_of_classes_is_refused():
    with pytest.raises(InputError, match=r"no column 'Class Name'; give lab.health\(\)"):
        classes({"a": [1]})
    with pytest.raises(InputError, match="`top` must be at least 1, got 0"):
        classes(class_table(2), top=0)


# --- long names


def test_long_names_that_begin_alike_stay_apart():
    names = [f"complaint about the delivery of parcels, kind {i}" for i in range(12)]
    shown = [
        t.get_text() for t in confusion(*labels(12, 200), names).figure.axes[0].get_yticklabels()
    ]
    assert len(set(shown)) == 12
    assert shown[3] == "complaint ab…els, kind 3"
    same = ["x" * 40 + str(i) + "y" * 40 for i in range(3)]  # alike at both ends
    alike = [t.get_text() for t in confusion(*labels(3, 60), same).figure.axes[0].get_yticklabels()]
    assert len(set(alike)) == 3
    assert max(map(len, alike)) < 32


# --- scores


def test_bars_of_the_scores():
    score = np.array([0.05, 0.15, 0.55, 1.0, np.nan])
    plot = scores(score, [True, True, False, False, False], threshold=0.3, bins=10, name="near_dup")
    frame = plot.frame()
    assert frame["rows"].tolist() == [1, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert frame["flagged"].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert repr(plot) == "Plot(scores: near dup, 2 of 4 rows flagged, median score 0.350)"
    assert "threshold 0.3" in texts(plot)


@pytest.mark.parametrize("n", [0, 1, 100_000])
def test_scores_of_any_number_of_rows(n):
    plot = scores(np.linspace(0, 1, n), np.zeros(n, dtype=bool))
    assert plot.frame()["rows"].sum() == n
    drawn(plot)


def test_scores_refuse_what_does_not_fit():
    with pytest.raises(InputError, match="`score` has 2 values but `is_issue` has 1"):
        scores([0.1, 0.2], [True])


# --- issues


def test_bars_of_the_issues():
    summary = pd.DataFrame({"issue_type": ["label", "near_duplicate"], "num_issues": [1797, 0]})
    plot = issues(summary)
    assert plot.frame().equals(summary)
    assert {"label", "near duplicate", "1,797", "0"} <= set(texts(plot))


def test_no_issue_types():
    plot = issues({"issue_type": [], "num_issues": []})
    assert "none has run" in repr(plot)
    drawn(plot)


# --- embedding


def test_the_map_finds_the_directions_of_largest_spread():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(500, 2)) * [10, 3]
    turned, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    features = hidden @ turned[:2] + 5 + rng.normal(size=(500, 8)) * 0.01
    frame = embedding(features).frame()
    for axis, column in enumerate("xy"):
        assert abs(np.corrcoef(frame[column], hidden[:, axis])[0, 1]) > 0.99


def test_two_columns_are_drawn_as_they_are():
    features = np.random.default_rng(0).normal(size=(30, 2))
    assert (embedding(features).frame()[["x", "y"]].to_numpy() == features).all()


@pytest.mark.parametrize("shape", [(10, 1), (1, 5), (3, 200), (2, 2)])
def test_maps_of_odd_shapes(shape):
    plot = embedding(np.random.default_rng(0).normal(size=shape))
    assert len(plot.frame()) == shape[0]
    drawn(plot)


def test_large_data_is_sampled_and_says_so():
    features = np.random.default_rng(0).normal(size=(3_000, 4))
    flagged = (np.arange(3_000) % 600 == 0).astype(int)
    plot = embedding(features, flagged, emphasis=True, sample=100)
    assert len(plot.frame()) == 100
    assert (plot.frame()["group"] == "flagged").sum() == 5
    assert "a sample of 100 of 3,000 rows" in repr(plot)
    again = embedding(features, flagged, emphasis=True, sample=100)
    assert again.frame().equals(plot.frame())
    assert not embedding(features, sample=100, random_state=1).frame().equals(plot.frame())


def test_rows_with_missing_features_are_left_out_and_counted():
    features = np.random.default_rng(0).normal(size=(50, 3))
    features[7, 1] = np.nan
    plot = embedding(features)
    assert 7 not in set(plot.frame()["row"])
    assert "1 rows with missing values left out" in repr(plot)


def test_more_classes_than_colours_are_gathered():
    codes = np.repeat(np.arange(-1, 13), np.arange(14) + 5)
    features = np.random.default_rng(0).normal(size=(len(codes), 3))
    plot = embedding(features, codes, [f"c{i}" for i in range(13)])
    groups = set(plot.frame()["group"])
    assert groups == {"no label", "3 other classes", *(f"c{i}" for i in range(3, 13))}


def test_the_colours_of_the_classes_are_kept():
    codes = np.arange(300) % 10
    plot = embedding(np.random.default_rng(0).normal(size=(300, 2)), codes, list("abcdefghij"))
    from datalab.plots._draw import CLASSES

    pixels = drawn(plot).reshape(-1, 3).astype(int)
    for colour in CLASSES:
        rgb = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert np.abs(pixels - rgb).max(axis=1).min() <= 10


def test_embedding_refuses_what_does_not_fit():
    with pytest.raises(InputError, match=r"`features` must have shape \(N, M\), got \(3,\)"):
        embedding(np.zeros(3))
    with pytest.raises(InputError, match="`codes` has shape"):
        embedding(np.zeros((3, 2)), [0, 1])


# --- what holds for all


def every_plot() -> list[Plot]:
    rng = np.random.default_rng(0)
    return [
        confusion(*labels(5, 200), ATTACKS),
        classes(class_table(5, [*ATTACKS[:4], "a\x00\u202eb"])),
        scores(rng.random(50), rng.random(50) < 0.2, name=ATTACKS[0]),
        issues({"issue_type": ATTACKS, "num_issues": [1, 2, 3, 4, 5]}),
        embedding(rng.normal(size=(60, 4)), rng.integers(5, size=60), ATTACKS, title=ATTACKS[0]),
    ]


@pytest.mark.parametrize("plot", every_plot(), ids=lambda plot: plot.name)
def test_names_are_text_and_nothing_else(plot):
    told = texts(plot)
    assert any("$\\frac{1}{$" in text for text in told)
    assert not any(c in text for text in told for c in "\x00\u202e\ud800")
    assert max(map(len, told)) < 120
    drawn(plot)


@pytest.mark.parametrize("plot", every_plot(), ids=lambda plot: plot.name)
def test_pictures_are_opaque_and_the_same_every_time(plot):
    data, metadata = plot._repr_mimebundle_()
    assert data["text/plain"] == repr(plot)
    assert data["image/png"] == plot._repr_png_() == plot._repr_png_()
    image = Image.open(io.BytesIO(data["image/png"]))
    assert np.asarray(image.convert("RGBA"))[..., 3].min() == 255
    assert drawn(plot)[0, 0].tolist() == [255, 255, 255]
    assert abs(metadata["image/png"]["width"] - image.width / 2) <= 1


def test_pictures_do_not_touch_the_edge():
    for plot in every_plot():
        pixels = drawn(plot)
        edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
        assert all((edge == 255).all() for edge in edges), plot.name


def test_nothing_global_is_touched():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    every_plot()
    assert dict(mpl.rcParams) == before
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_drawing_into_given_axes():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert issues({"issue_type": ["a"], "num_issues": [1]}, ax=left).figure is figure
    assert scores([0.5], [True], ax=right).figure is figure


def test_saving(tmp_path):
    plot = issues({"issue_type": ["a"], "num_issues": [1]})
    for name in ("plot.png", "plot.svg"):
        plot.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 500


# --- lab.plot


@pytest.fixture(scope="module")
def lab() -> Datalab:
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=150)
    probs = rng.dirichlet(np.ones(3), size=150) * 0.5
    probs[np.arange(150), codes] += 0.5
    probs[:10] = np.roll(probs[:10], 1, axis=1)
    features = rng.normal(size=(150, 4)) + 3 * codes[:, None]
    lab = Datalab({"y": np.array(["a", "b", "c"])[codes]}, label_name="y")
    return lab.find_issues(["label", "class_imbalance"], pred_probs=probs, features=features)


def test_plots_of_a_lab(lab):
    assert lab.plot.confusion().frame()["rows"].sum() == 150
    flagged = lab.plot.scores("label").frame()["flagged"].sum()
    assert flagged == lab.outcomes["label"].findings.num_issues
    assert lab.plot.issues().frame()["issue_type"].tolist() == ["label", "class_imbalance"]
    assert set(lab.plot.embedding().frame()["group"]) == {"a", "b", "c"}
    groups = lab.plot.embedding("label").frame()["group"]
    assert (groups == "flagged").sum() == flagged
    assert lab.plot.classes().frame()["labels"].sum() == 150
    assert "lab.plot" in repr(lab.plot)


def test_what_a_lab_cannot_draw_is_told_with_the_remedy(lab):
    bare = Datalab({"x": ["a", "b", "c"]}, task=None)
    with pytest.raises(NotFound, match="give features= to find_issues"):
        bare.plot.embedding()
    with pytest.raises(NotFound, match="label"):
        lab.plot.scores("lable")
    with pytest.raises(NotFound, match="label"):
        bare.plot.confusion()
    targets = Datalab({"x": [1.0, 2.0, 3.0]}, task="regression", label_name="x", verbosity=0)
    for draw in (
        targets.plot.confusion,
        targets.view.confusion,
        lambda: targets.explore("confusion"),
    ):
        with pytest.raises(NotFound, match=r"needs one class per row.*'regression'.*scores"):
            draw()


def test_the_class_of_unlabelled_rows_is_told_with_the_remedy():
    bare = Datalab({"x": [1.0, 2.0, 3.0]}, task=None).give(features=np.eye(3))
    assert len(bare.plot.embedding().frame()) == 3
    with pytest.raises(NotFound, match="give label_name= to Datalab"):
        bare.plot.embedding("class")


def test_a_threshold_is_drawn_only_where_scores_are_divided_by_one():
    def plotted(flags):
        lab = Datalab({"x": [1.0, 2.0, 3.0]}, task=None)
        rule = type("Rule", (), {"__doc__": "A rule.", "name": "rule"})
        rule.find_issues = lambda self, table: None
        found = Findings("rule", flags, [0.1, 0.3, 0.9])
        lab._outcomes["rule"] = Outcome("rule", "found", spec_of(rule), rule(), findings=found)
        return any(text.startswith("threshold") for text in texts(lab.plot.scores("rule")))

    assert plotted([True, True, False])
    assert not plotted([True, False, True])
    assert not plotted([False, False, False])


def test_findings_about_the_whole_have_no_scores_to_draw():
    lab = Datalab({"x": [1.0, 2.0, 3.0]}, task=None)
    rule = type("Rule", (), {"__doc__": "A rule.", "name": "rule"})
    rule.find_issues = lambda self, table: None
    found = Findings("rule", [], [], rows=[], flagged=True, summary=0.2)
    lab._outcomes["rule"] = Outcome("rule", "found", spec_of(rule), rule(), findings=found)
    with pytest.raises(NotFound, match="about the data set as a whole"):
        lab.plot.scores("rule")


def test_other_fonts_draw_what_our_own_cannot():
    own, other = (
        _draw._characters(_draw._installed()[name]) for name in (_draw.OWN_FONT, "STIXGeneral")
    )
    foreign = chr(min(other - own - set(range(0xE000, 0xF900))))
    ax = _draw.axes(2, 2)
    ax.set_title(f"a {foreign}")
    plain = ax.text(0, 0, "a")
    assert _draw.text(foreign, 5) == foreign
    _draw.give_fonts(_draw.figure_of(ax))
    found = ax.title.get_fontfamily()
    assert any(ord(foreign) in _draw._characters(_draw._installed()[f]) for f in found[1:])
    assert plain.get_fontfamily() == found[:1]
    assert _draw.text("\U000e0041", 5) == "\N{WHITE VERTICAL RECTANGLE}"
