"""Labs saved and loaded: the same results, one stroke, and data that must not have changed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from datalab import Datalab, Findings
from datalab.exceptions import DatalabWarning, InputError, NotFound
from datalab.managers import Outlier
from datalab.managers.base import _register, register

N = 80


def columns() -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    truth = np.repeat(["cat", "dog"], N // 2)
    given = truth.copy()
    given[[4, 60]] = ["dog", "cat"]
    return {
        "size": (rng.normal(size=N) + 6 * (truth == "dog")).tolist(),
        "weight": rng.normal(size=N).tolist(),
        "y": given.tolist(),
    }


def frame() -> pd.DataFrame:
    return pd.DataFrame(columns(), index=[f"r{i}" for i in range(N)])


def inputs() -> dict[str, Any]:
    data = columns()
    features = np.column_stack([data["size"], data["weight"]])
    pred = np.clip(features[:, 0] / 6, 0.05, 0.95)
    return {"features": features, "pred_probs": np.column_stack([1 - pred, pred])}


CHECKS = ("label", "outlier", "near_duplicate", "class_imbalance", "null")


def audited(data: Any = None, **options: Any) -> Datalab:
    data = frame() if data is None else data
    lab = Datalab(data, label_name="y", verbosity=0, **{"ledger": False, **options})
    return lab.find_issues(CHECKS, **inputs())


def same_results(one: Datalab, other: Datalab) -> None:
    pd.testing.assert_frame_equal(one.issues, other.issues)
    pd.testing.assert_frame_equal(one.issue_summary, other.issue_summary)
    pd.testing.assert_frame_equal(one.outcomes.frame(), other.outcomes.frame())
    pd.testing.assert_frame_equal(one.history, other.history)
    pd.testing.assert_frame_equal(one.worst(10), other.worst(10))
    assert one._repr_html_() == other._repr_html_()
    for name in one.issue_summary["issue_type"]:
        pd.testing.assert_frame_equal(one.get_issues(name), other.get_issues(name))
        mine, theirs = one.get_info(name), other.get_info(name)
        assert mine.keys() == theirs.keys()
        for key in mine:
            assert repr(mine[key]) == repr(theirs[key]), (name, key)


def test_a_lab_comes_back(tmp_path: Path) -> None:
    lab = audited()
    lab.chain("near_duplicate", ("outlier", {"threshold": 0.2}))
    assert lab.save(tmp_path / "lab") == tmp_path / "lab"
    again = Datalab.load(tmp_path / "lab", frame())
    same_results(lab, again)
    assert again.chains[0].to_dict() == lab.chains[0].to_dict()
    assert again.requirements().equals(lab.requirements())
    # It goes on where it was: nothing that is fresh is made again.
    graph = again._artefacts.current("knn_graph")
    again.find_issues(["outlier"])
    assert again._artefacts.current("knn_graph") is graph
    pd.testing.assert_frame_equal(again.get_issues("outlier"), lab.get_issues("outlier"))


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("regression", np.arange(N) / 7.0),
        ("multilabel", [["a"], ["a", "b"], []] * (N // 3) + [["b"]] * (N % 3)),
        (None, ["x"] * N),
    ],
)
def test_every_task(task: str | None, labels: Any, tmp_path: Path) -> None:
    data = {**columns(), "y": list(labels)}
    lab = Datalab(data, task, "y" if task else None, verbosity=0, ledger=False)
    lab.find_issues(features=inputs()["features"])
    lab.save(tmp_path / "lab")
    same_results(lab, Datalab.load(tmp_path / "lab", data))


def test_annotators(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=N)
    votes = {f"v{i}": np.where(rng.random(N) < 0.8, truth, 1 - truth) for i in range(3)}
    data = pd.DataFrame({"x": rng.normal(size=N), **votes})
    lab = Datalab(data, verbosity=0, annotations=list(votes), ledger=False)
    lab.find_issues(["multi_annotator"])
    lab.save(tmp_path / "lab")
    again = Datalab.load(tmp_path / "lab", data)
    same_results(lab, again)
    assert again.class_names == lab.class_names


CONTAINERS: dict[str, Any] = {
    "pandas": frame,
    "pandas-category": lambda: frame().astype({"y": "category"}),
    "pandas-mixed": lambda: frame().assign(odd=[1, "a"] * (N // 2)),
    "polars": lambda: pl.DataFrame(columns()),
    "arrow": lambda: pa.table(columns()),
    "dict": columns,
    "masked": lambda: {**columns(), "m": np.ma.masked_less(np.arange(N), 5)},
    "arrays": lambda: {name: np.array(values) for name, values in columns().items()},
    "records": lambda: pd.DataFrame(columns()).to_dict("records"),
    "dataset": lambda: datasets.Dataset.from_dict(columns()).cast_column(
        "y", datasets.ClassLabel(names=["cat", "dog"])
    ),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_data_can_be_saved_as_well(kind: str, tmp_path: Path) -> None:
    data = CONTAINERS[kind]()
    lab = audited(data)
    lab.save(tmp_path / "lab", include_data=True)
    again = Datalab.load(tmp_path / "lab")
    assert type(again.data) is type(data)
    assert again._source.fingerprint() == lab._source.fingerprint()
    same_results(lab, again)
    if isinstance(data, pd.DataFrame):
        pd.testing.assert_frame_equal(again.data, data)
    if isinstance(data, datasets.Dataset):
        assert again.data.features == data.features


def test_a_file_is_read_again(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "animals.csv", index=False)
    lab = audited(str(tmp_path / "animals.csv"))
    lab.save(tmp_path / "lab")
    same_results(lab, Datalab.load(tmp_path / "lab"))


def test_without_data_it_is_asked_for(tmp_path: Path) -> None:
    audited().save(tmp_path / "lab")
    with pytest.raises(InputError, match="`data` is missing"):
        Datalab.load(tmp_path / "lab")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.iloc[:-1], "79 rows, not 80"),
        (lambda f: f.drop(columns="weight"), "lacks the columns ..weight"),
        (lambda f: f.assign(more=1), "new columns ..more"),
        (lambda f: f.assign(weight=f["weight"] + 1e-9), "other values.* in ..weight"),
        (lambda f: f.iloc[::-1], "another order of rows"),
        (lambda f: f[["y", "size", "weight"]], "columns stand in another order"),
    ],
)
def test_changed_data_is_refused_with_what_changed(change: Any, told: str, tmp_path: Path) -> None:
    audited().save(tmp_path / "lab")
    with pytest.raises(InputError, match=told):
        Datalab.load(tmp_path / "lab", change(frame()))


def test_a_narrowed_lab_with_its_decisions(tmp_path: Path) -> None:
    lab = audited()
    lab.review.relabel(["r4"]).exclude(["r7"]).undo()
    part = lab.keep(frame()["y"] == "dog")
    part.save(tmp_path / "lab", include_data=True)
    again = Datalab.load(tmp_path / "lab")
    assert again.class_names == ["cat", "dog"]
    assert again.rows.tolist() == part.rows.tolist()
    same_results(part, again)
    assert again.review.verdicts().tolist() == part.review.verdicts().tolist()
    again.review.redo()
    assert again.review.can_undo


def test_decisions_in_a_file_stay_in_that_file(tmp_path: Path) -> None:
    lab = audited(ledger=tmp_path / "mine.jsonl")
    lab.review.keep(["r4"])
    lab.save(tmp_path / "lab")
    lab.review.exclude(["r5"])
    again = Datalab.load(tmp_path / "lab", frame())
    assert again.review.path == tmp_path / "mine.jsonl"
    assert again.review.verdicts()[[4, 5]].tolist() == ["keep", "exclude"]
    (tmp_path / "mine.jsonl").unlink()
    again = Datalab.load(tmp_path / "lab", frame())
    assert again.review.verdicts()[[4, 5]].tolist() == ["keep", None]


# --- custom managers -----------------------------------------------------------------------------


class Small:
    """Animals of small size."""

    name: ClassVar[str] = "small"
    title: ClassVar[str] = "Small animals"
    advice: ClassVar[str] = "Feed them."
    default: ClassVar[bool] = False
    produces: ClassVar[dict[str, str]] = {"like": "row"}

    def __init__(self, limit: float = 0.0) -> None:
        self.limit = limit

    def find_issues(self, table: Any) -> Findings:
        size = table.column("size")
        return Findings(
            self.name,
            is_issue=size < self.limit,
            score=1 / (1 + np.exp(-size)),
            columns={"like": np.zeros(len(size), dtype=np.intp)},
            info={"limit": self.limit, "deep": {"nested": (1, [2.5])}},
        )

    def explain(self, row: Any) -> str:
        return f"smaller than {self.limit}"


@pytest.fixture
def small() -> Iterator[None]:
    before = list(_register)
    register(Small)
    yield
    _register[:] = before


def test_findings_of_custom_managers_are_kept(small: None, tmp_path: Path) -> None:
    lab = Datalab(frame(), label_name="y", verbosity=0).find_issues({"small": {"limit": 0.5}})
    lab.save(tmp_path / "lab")
    again = Datalab.load(tmp_path / "lab", frame())
    same_results(lab, again)
    assert again.outcomes["small"].manager.limit == 0.5  # type: ignore[attr-defined]


def test_findings_are_shown_when_the_class_is_not_there(tmp_path: Path) -> None:
    before = list(_register)
    register(Small)
    lab = Datalab(frame(), label_name="y", verbosity=0).find_issues({"small": {"limit": 0.5}})
    lab.save(tmp_path / "lab")
    _register[:] = before
    again = Datalab.load(tmp_path / "lab", frame())
    pd.testing.assert_frame_equal(again.issues, lab.issues)
    assert again.get_info("small") == lab.get_info("small")
    assert "Small animals" in again._repr_html_()
    assert again.outcomes["small"].spec.advice == "Feed them."


def test_what_is_no_data_is_refused(small: None, tmp_path: Path) -> None:
    lab = Datalab(frame(), label_name="y", verbosity=0).find_issues({"small": {"limit": 0.5}})
    lab._outcomes["small"].findings.info["model"] = object()  # type: ignore[union-attr, index]
    with pytest.raises(InputError, match=r"cannot save small: info\['model'\]"):
        lab.save(tmp_path / "lab")
    assert list((tmp_path / "lab").iterdir()) == []


def euclid(a: Any, b: Any) -> float:
    return float(np.sqrt(((a - b) ** 2).sum()))


def test_functions_are_asked_for(tmp_path: Path) -> None:
    lab = Datalab(frame(), label_name="y", verbosity=0, ledger=False)
    lab.find_issues([Outlier(metric=euclid)], features=inputs()["features"])
    lab.chain(Outlier(metric=euclid))
    with pytest.warns(DatalabWarning, match="a chain was not saved"):
        lab.save(tmp_path / "lab")
    with pytest.raises(NotFound, match=r"give callables="):
        Datalab.load(tmp_path / "lab", frame())
    name = f"{euclid.__module__}.euclid"
    again = Datalab.load(tmp_path / "lab", frame(), callables={name: euclid})
    same_results(lab, again)


# --- the folder ----------------------------------------------------------------------------------


def test_targets_that_are_refused(tmp_path: Path) -> None:
    lab = audited()
    lab.save(tmp_path / "lab")
    with pytest.raises(InputError, match="force=True"):
        lab.save(tmp_path / "lab")
    lab.save(tmp_path / "lab", force=True)
    assert len(list((tmp_path / "lab").iterdir())) == 2
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="thesis.txt"):
        lab.save(tmp_path / "other", force=True)
    with pytest.raises(InputError, match="is a file"):
        lab.save(tmp_path / "other" / "thesis.txt")
    assert (tmp_path / "other" / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        (None, NotFound, "no saved lab"),
        ("{", InputError, "no manifest"),
        ("[]", InputError, "no manifest"),
        ('{"format": 99, "packages": {"datalab-explore": "9.9"}}', InputError, "9.9.*newer"),
    ],
)
def test_folders_that_are_no_lab(
    content: str | None, error: type[Exception], told: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(error, match=told):
        Datalab.load(tmp_path, frame())


def test_the_manifest_tells_versions_and_holds_nothing_that_runs(tmp_path: Path) -> None:
    audited().save(tmp_path / "lab")
    manifest = json.loads((tmp_path / "lab" / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert manifest["packages"]["numpy"] == np.__version__
    for file in (tmp_path / "lab").glob("arrays-*/*.npy"):
        np.load(file, allow_pickle=False)


def test_killed_in_the_middle_of_save(tmp_path: Path) -> None:
    """Whenever a process is killed, the old lab or the new one is there."""
    folder = tmp_path / "lab"
    script = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_store import audited
        lab = audited()
        number = 0
        while True:
            number += 1
            lab._history = [{{"step": str(number), "rows_in": 80, "flagged": number,
                             "rows_out": 80, "relabelled": 0}}]
            lab.save({str(folder)!r}, force=True)
            print(number, flush=True)
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for wait in (0.0, 0.03, 0.11):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)],
            stdout=subprocess.PIPE,
            env=environment,
        )
        with process:
            assert process.stdout is not None
            last = int(process.stdout.readline())
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            last = max([last, *(int(line) for line in process.stdout.read().split())])
        again = Datalab.load(folder, frame())
        assert again.history["flagged"].iloc[0] in (last, last + 1)
        assert again.issues["is_label_issue"].sum() == 2
    audited().save(folder, force=True)
    assert len(list(folder.glob("arrays-*"))) == 1  # what killed saves left is gone


def test_a_damaged_lab_is_refused_in_words(tmp_path: Path) -> None:
    data = {"x": list(range(40)), "y": ["a", "b"] * 20}
    features = np.random.default_rng(0).normal(size=(40, 3))
    lab = Datalab(data, label_name="y", verbosity=0, ledger=False).give(features=features)
    folder = lab.find_issues(["outlier"]).save(tmp_path / "lab")
    file = next(folder.glob("arrays-*/*.npy"))
    whole = file.read_bytes()
    for content in (whole[:40], whole[:-8], b""):
        file.write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            Datalab.load(folder, data=data)
    file.unlink()
    with pytest.raises(InputError, match="damaged"):
        Datalab.load(folder, data=data)
    file.write_bytes(whole)
    manifest = json.loads((folder / "manifest.json").read_text())
    for change in ({"outcomes": [{}]}, {"rows": None}, {"options": {"nothing": 1}}, {"made": 3}):
        (folder / "manifest.json").write_text(json.dumps({**manifest, **change}))
        with pytest.raises(InputError, match="damaged"):
            Datalab.load(folder, data=data)


@pytest.mark.parametrize(
    "odd",
    [
        {(1, "a"): 1.5, 7: 2},  # names that Parquet would turn into texts
        {"big": 2**80, "wide": np.longdouble(1)},
        {"set": {1, 2}, "cost": Decimal("0.50")},  # which Parquet would make lists and .5
        {"nested": pd.Series([{"a": 1}] * N, dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())])))},
    ],
)
def test_odd_tables_can_be_saved_as_well(odd: dict[Any, Any], tmp_path: Path) -> None:
    data = frame().reset_index(drop=True)
    for name, values in odd.items():
        data[name] = values if isinstance(values, pd.Series) else [values] * N
    lab = Datalab(data, label_name="y", verbosity=0, ledger=False).find_issues(["null"])
    lab.save(tmp_path / "lab", include_data=True)
    again = Datalab.load(tmp_path / "lab")
    assert list(again.data.columns) == list(data.columns)
    pd.testing.assert_frame_equal(again.issues, lab.issues)


def test_what_cannot_be_saved_names_the_column(tmp_path: Path) -> None:
    data = frame().assign(slice=[slice(0, 1)] * N)
    lab = Datalab(data, label_name="y", verbosity=0, ledger=False).find_issues(["class_imbalance"])
    with pytest.raises(InputError, match="cannot save the data, column 'slice': slice is neither"):
        lab.save(tmp_path / "lab", include_data=True)


def test_a_data_set_is_saved_without_a_bar(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lab = Datalab(CONTAINERS["dataset"](), label_name="y", verbosity=0, ledger=False)
    lab.find_issues(["null"])
    capfd.readouterr()
    lab.save(tmp_path / "lab", include_data=True)
    assert capfd.readouterr().err == ""
    assert not datasets.are_progress_bars_disabled()


def test_images_that_were_paths_are_saved_with_the_data(tmp_path: Path) -> None:
    from PIL import Image

    for n in range(12):
        Image.new("RGB", (8, 8), (20 * n, 0, 0)).save(tmp_path / f"{n}.png")
    data = datasets.Dataset.from_dict(
        {"image": [str(tmp_path / f"{n}.png") for n in range(12)], "y": [0, 1] * 6}
    ).cast_column("image", datasets.Image())
    lab = Datalab(data, label_name="y", verbosity=0, ledger=False).find_issues(["null"])
    lab.save(tmp_path / "lab", include_data=True)
    for n in range(12):
        (tmp_path / f"{n}.png").unlink()
    again = Datalab.load(tmp_path / "lab")
    pd.testing.assert_frame_equal(again.issues, lab.issues)
    assert again._source.images("image", [11])[0].getpixel((0, 0)) == (220, 0, 0)


def test_pictures_in_memory_and_splits_are_saved_with_the_data(tmp_path: Path) -> None:
    from PIL import Image

    modes = ["RGB", "L", "P", "CMYK", "I", "RGBA"] * 4
    pictures = [Image.new(mode, (8, 8), n) for n, mode in enumerate(modes)]
    data = pd.DataFrame({"image": pictures, "y": [0, 1] * 12})
    splits = {"train": data[:20], "test": data[20:]}
    lab = Datalab(splits, label_name="y", verbosity=0, ledger=False).find_issues(["null"])
    lab.save(tmp_path / "lab", include_data=True)
    again = Datalab.load(tmp_path / "lab")
    pd.testing.assert_frame_equal(again.issues, lab.issues)
    assert [len(part) for part in again.data.values()] == [20, 4]
    stored = [*again.data["train"]["image"], *again.data["test"]["image"]]
    assert [one.mode for one in stored] == modes
    colours = [
        [one.convert("RGBA").getpixel((0, 0)) for one in each] for each in (stored, pictures)
    ]
    assert colours[0] == colours[1]
