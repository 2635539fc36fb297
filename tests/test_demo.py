"""The demo: planted errors are what they are said to be, and the default audit finds them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from datalab.cli import main
from datalab.demo import ANNOTATORS, LOOKS_LIKE, N_COPIES, N_NO_DIGITS, Demo, make_demo
from datalab.lab import Datalab

SEEDS = (0, 11, 12)
KINDS = ["wrong label", "wrong label (annotators)", "no digit", "copy", "annotator's mistake"]


@pytest.fixture(scope="module", params=SEEDS)
def audited(request: pytest.FixtureRequest) -> tuple[Demo, Datalab]:
    demo = make_demo(request.param)
    return demo, demo.audit()


def test_what_is_planted_is_there(audited: tuple[Demo, Datalab]) -> None:
    demo, _ = audited
    planted = demo.truth["planted"].to_numpy()
    given, digit = demo.data["label"].to_numpy(), demo.truth["digit"].to_numpy()
    wrong = planted == "wrong label"
    assert (given[wrong] == LOOKS_LIKE[digit[wrong]]).all()
    assert (given[~wrong] == digit[~wrong]).all()
    copies = np.flatnonzero(planted == "copy")
    originals = demo.truth["copy_of"].to_numpy()[copies]
    assert (planted[originals] == "").all()
    assert len(set(originals)) == N_COPIES
    away = np.abs(demo.features[copies] - demo.features[originals])
    assert away.max() == pytest.approx(1 / 8)  # one of sixteen shades
    assert (away.max(axis=1) > 0).all()
    assert (demo.truth["copy_of"].to_numpy()[planted != "copy"] == -1).all()
    assert (planted == "no digit").sum() == N_NO_DIGITS


def test_annotators_are_as_good_as_they_should_be(audited: tuple[Demo, Datalab]) -> None:
    demo, lab = audited
    table = demo.annotator_qualities(lab)
    assert table["annotator"].tolist() == list(ANNOTATORS) == demo.annotators
    np.testing.assert_allclose(table["true_quality"], list(ANNOTATORS.values()), atol=0.04)
    np.testing.assert_allclose(table["n_answers"], 0.8 * len(demo.data), rtol=0.06)


def test_the_default_audit_finds_what_is_planted(audited: tuple[Demo, Datalab]) -> None:
    demo, lab = audited
    found = demo.compare(lab)
    assert found["planted"].tolist() == KINDS
    assert (found["recall"] >= 0.8).all(), found
    assert (found["precision"] >= 0.7).all(), found
    quality = demo.annotator_qualities(lab)
    estimated = quality.sort_values("estimated_quality")["annotator"].tolist()
    assert estimated == quality.sort_values("true_quality")["annotator"].tolist()
    np.testing.assert_allclose(quality["estimated_quality"], quality["true_quality"], atol=0.02)


def test_figures_are_computed_from_the_findings(audited: tuple[Demo, Datalab]) -> None:
    demo, lab = audited
    found = demo.compare(lab).set_index("planted")
    flags = lab.get_issues("label")["is_label_issue"].to_numpy()
    wrong = demo.truth["planted"].to_numpy() == "wrong label"
    row = found.loc["wrong label"]
    assert row["n_planted"] == wrong.sum()
    assert row["n_flagged"] == flags.sum()
    assert row["n_found"] == (wrong & flags).sum()
    assert row["recall"] == (wrong & flags).sum() / wrong.sum()
    assert row["precision"] == (wrong & flags).sum() / flags.sum()
    # An audit that flags everything finds everything, and says that this is worth nothing.
    lazy = Datalab(demo.data, label_name="label", annotations=demo.annotators, verbosity=0)
    lazy.find_issues(
        {"label": {}, "outlier": {"threshold": 1.0}, "near_duplicate": {}, "multi_annotator": {}},
        pred_probs=demo.pred_probs,
        features=demo.features,
    )
    row = demo.compare(lazy).set_index("planted").loc["no digit"]
    assert row["recall"] == 1.0
    assert row["precision"] < found.loc["no digit", "precision"]


def test_a_seed_decides_everything() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (that it is not touched)
    first, again, other = make_demo(5), make_demo(5), make_demo(6)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    for one in ("features", "pred_probs"):
        np.testing.assert_array_equal(getattr(first, one), getattr(again, one))
    pd.testing.assert_frame_equal(first.truth, again.truth)
    pd.testing.assert_frame_equal(
        first.data.drop(columns="image"), again.data.drop(columns="image")
    )
    assert not first.truth.equals(other.truth)
    assert not np.array_equal(first.features, other.features)


# --- datalab demo ---------------------------------------------------------------------------------


def test_command(tmp_path: Path) -> None:
    report = tmp_path / "demo.html"
    shown = CliRunner().invoke(main, ["demo", "--seed", "3", "-o", str(report)])
    assert shown.exit_code == 0, shown.stderr
    for kind in KINDS:
        assert kind in shown.stdout
    for name in ANNOTATORS:
        assert name in shown.stdout
    assert "seed 3" in shown.stderr
    assert "data:image/" in report.read_text()


def test_command_for_programs() -> None:
    shown = CliRunner().invoke(main, ["demo", "--seed", "4", "--json", "--quiet"])
    assert shown.exit_code == 0
    assert shown.stderr == ""
    document = json.loads(shown.stdout)
    assert document["format"] == "datalab-demo"
    assert document["seed"] == 4
    assert [row["planted"] for row in document["planted"]] == KINDS
    assert all(0 <= row["recall"] <= 1 for row in document["planted"])
    assert [row["annotator"] for row in document["annotators"]] == list(ANNOTATORS)
    assert {check["issue_type"] for check in document["checks"]} >= {
        row["issue_type"] for row in document["planted"]
    }


def test_quiet_command_says_only_what_was_planted_and_found() -> None:
    shown = CliRunner().invoke(main, ["demo", "--quiet"])
    assert shown.exit_code == 0
    assert shown.stderr == ""
    lines = shown.stdout.splitlines()
    assert len(lines) == 1 + len(KINDS) + 1 + 1 + len(ANNOTATORS)
