import gzip
import json
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest

from datalab._data.files import read_file
from datalab._data.source import open_source
from datalab.exceptions import UnsupportedData

FRAME = pd.DataFrame({"text": ["one, two", "drei\nvier", "“fünf”"], "y": [0.1, None, 3.0]})
RECORDS = [{"text": t, "y": None if y != y else y} for t, y in FRAME.itertuples(index=False)]

WRITERS: dict[str, Callable[[Path], object]] = {
    "a.csv": lambda p: FRAME.to_csv(p, index=False),
    "a.CSV": lambda p: FRAME.to_csv(p, index=False),
    "a.csv.gz": lambda p: FRAME.to_csv(p, index=False),
    "a.tsv": lambda p: FRAME.to_csv(p, index=False, sep="\t"),
    "a.tsv.xz": lambda p: FRAME.to_csv(p, index=False, sep="\t"),
    "records.json": lambda p: p.write_text(json.dumps(RECORDS)),
    "columns.json": lambda p: p.write_text(
        json.dumps({k: [r[k] for r in RECORDS] for k in ("text", "y")})
    ),
    "pandas.json": lambda p: FRAME.to_json(p),
    "lines.json": lambda p: p.write_text("\n".join(map(json.dumps, RECORDS))),
    "a.jsonl": lambda p: p.write_text("\n".join(map(json.dumps, RECORDS))),
    "a.jsonl.gz": lambda p: p.write_bytes(
        gzip.compress("\n".join(map(json.dumps, RECORDS)).encode())
    ),
    "a.parquet": lambda p: FRAME.to_parquet(p),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("kind", [str, Path])
def test_files_of_every_kind(name: str, kind: type, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    source = open_source(kind(path))
    assert source.columns == ("text", "y")
    assert source.column("text").tolist() == FRAME["text"].tolist()
    np.testing.assert_array_equal(source.column("y"), FRAME["y"])
    assert isinstance(source.native([0]), pd.DataFrame)


def test_values_are_kept_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"code": "007", "date": "2020-01-02"}, {"code": "1", "date": "x"}]')
    assert open_source(path).take([0]) == [{"code": "007", "date": "2020-01-02"}]


@pytest.mark.parametrize("packed", [False, True])
def test_a_text_file_is_one_text_per_line(packed: bool, tmp_path: Path) -> None:
    lines = ['first, "line\t', "", "NA", "  third ünï", "1"]
    content = ("\n".join(lines) + "\n").encode()
    path = tmp_path / ("a.txt.gz" if packed else "a.txt")
    path.write_bytes(gzip.compress(content) if packed else content)
    source = open_source(path)
    assert source.columns == ("text",)
    assert source.column("text").tolist() == lines


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a\n1\n")
    with pytest.raises(UnsupportedData, match=r"file not found .*did you mean 'train.csv'\?"):
        open_source(tmp_path / "trian.csv")
    with pytest.raises(UnsupportedData, match=r"file not found.*check the path"):
        open_source("no/such/folder/data.csv")


@pytest.mark.parametrize("name", ["imdb", "stanfordnlp/imdb"])
def test_a_hub_name_is_told_how_to_load_it(name: str) -> None:
    with pytest.raises(UnsupportedData, match=rf"file not found.*datasets.load_dataset\('{name}'"):
        open_source(name)


def test_addresses_and_long_texts() -> None:
    with pytest.raises(UnsupportedData, match=r"address.*download"):
        open_source("https://example.org/a.csv")
    with pytest.raises(UnsupportedData, match="file not found"):
        open_source("a text that is no path " * 400)


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedData, match=r"is the folder.*imagefolder"):
        open_source(tmp_path)
    datasets.Dataset.from_dict({"a": [1]}).save_to_disk(tmp_path / "saved")
    with pytest.raises(UnsupportedData, match="load_from_disk"):
        open_source(tmp_path / "saved")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.xlsx", b"x", r"ending '\.xlsx' is not one that is read"),
        ("a", b"x", "ending '' is not one"),
        ("a.csv", b"", "cannot be read as .csv"),
        ("a.csv", b"a\n\xff\xfe\n", "cannot be read as .csv"),
        ("a.csv", b"a,b\n1,2\n1,2,3,4\n", "cannot be read as .csv"),
        ("a.csv.gz", b"not packed", "cannot be read as .csv"),
        ("a.json", b"{", "cannot be read as .json"),
        ("a.json", b'{"a": 1}', "cannot be read as .json"),
        ("a.parquet", b"x", "cannot be read as .parquet"),
        ("a.csv", b"a,b\n", "no rows"),
    ],
)
def test_files_that_cannot_be_read(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnsupportedData, match=told):
        open_source(path)


def test_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    file = tmp_path / "preise.csv"
    file.write_text("\ufeffname;preis;text\nApfel;1,50;rot, rund\nBirne;2;gelb\n", encoding="utf-8")
    frame = read_file(file)
    assert frame.columns.tolist() == ["name", "preis", "text"]
    assert frame["preis"].tolist() == [1.5, 2.0]
    assert frame["text"].tolist() == ["rot, rund", "gelb"]
    file.write_text("a\tb\n1.5\tx, y\n", encoding="utf-8")
    assert read_file(file).to_dict("list") == {"a": [1.5], "b": ["x, y"]}
    file.write_text("only\na;b\n", encoding="utf-8")
    assert read_file(file)["only"].tolist() == ["a;b"]
