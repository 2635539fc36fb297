import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from datalab._data.arrow import arrow_array
from datalab._data.images import Unreadable
from datalab._data.source import open_source


@pytest.mark.parametrize(
    ("array", "expected", "dtype"),
    [
        (pa.array([1, None], pa.int8()), [1.0, None], "float64"),
        (pa.array([1, 2], pa.int8()), [1, 2], "int8"),
        (pa.array([2**60, None]), [2**60, None], "object"),
        (pa.array([None, None], pa.int64()), [None, None], "float64"),
        (pa.array([1.5, None], pa.float32()), [1.5, None], "float32"),
        (pa.array([True, None]), [True, None], "object"),
        (pa.array([True, False]), [True, False], "bool"),
        (pa.array(["a", None]), ["a", None], "object"),
        (pa.array(["a", None], pa.large_string()), ["a", None], "object"),
        (pa.array(["a", None], pa.string_view()), ["a", None], "object"),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"], "object"),
        (pa.array([None, None]), [None, None], "object"),
        (pa.array([b"a", None]), [b"a", None], "object"),
        (pa.array([{"x": 1}, None]), [{"x": 1}, None], "object"),
        (pa.array([[1], [2, 3], None]), [[1], [2, 3], None], "object"),
        (pa.array([["a"], []]), [["a"], []], "object"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_arrays_of_every_type(array: Any, expected: Any, dtype: str, chunked: bool) -> None:
    column = pa.chunked_array([array.slice(0, 1), array.slice(1)]) if chunked else array
    values = arrow_array(column)
    assert values.dtype == dtype
    assert [None if v is None or v != v else v for v in values.tolist()] == expected


def test_lists_of_one_length_are_rows_of_one_array() -> None:
    for kind in (pa.list_(pa.float32()), pa.list_(pa.float32(), 2), pa.large_list(pa.float32())):
        values = arrow_array(pa.array([[1, 2], [3, 4]], kind))
        assert values.shape == (2,)
        assert values[1].dtype == np.float32
        assert values[1].tolist() == [3, 4]


def test_decimals_are_numbers() -> None:
    assert arrow_array(pa.array([1, 2], pa.decimal128(5, 2))).tolist() == [1.0, 2.0]


def test_tensors_are_arrays() -> None:
    tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(8).reshape(2, 2, 2))
    source = open_source(pa.table({"x": tensors}))
    assert source.column("x")[1].tolist() == [[4, 5], [6, 7]]


def test_ordered_dictionaries_and_enums_declare_their_classes() -> None:
    codes, names = pa.array([1, 0, 1]), pa.array(["low", "high"])
    ordered = pa.DictionaryArray.from_arrays(codes, names, ordered=True)
    source = open_source(pa.table({"o": ordered, "d": pa.array(list("bab")).dictionary_encode()}))
    assert source.class_names("o") == ("low", "high")
    assert source.class_names("d") is None
    assert source.kind("d") == "category"
    frame = pl.DataFrame(
        {
            "e": pl.Series(["low", "high", None], dtype=pl.Enum(["low", "mid", "high"])),
            "c": pl.Series(["b", "a", "b"], dtype=pl.Categorical),
        }
    )
    source = open_source(frame)
    assert source.class_names("e") == ("low", "mid", "high")
    assert source.column("e").tolist() == ["low", "high", None]
    assert source.class_names("c") is None
    assert source.kind("e") == source.kind("c") == "category"


def test_polars_objects() -> None:
    source = open_source(pl.DataFrame({"o": pl.Series([{1}, None, {2}], dtype=pl.Object)}))
    assert source.column("o").tolist() == [{1}, None, {2}]
    assert source.column("o", [2]).tolist() == [{2}]


@pytest.fixture
def pictures(png: Callable[..., bytes]) -> datasets.Dataset:
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["zebra", "ant", "cat"]),
            "tags": datasets.Sequence(datasets.ClassLabel(names=["b", "a"])),
            "grid": datasets.Array2D(shape=(2, 2), dtype="int32"),
        }
    )
    files = [{"bytes": png(10 * i), "path": None} for i in range(4)]
    files[2] = {"bytes": b"not an image", "path": None}
    return datasets.Dataset.from_dict(
        {
            "image": [*files, None],
            "label": [0, 2, -1, None, 0],
            "tags": [[0], [1, 0], [], None, [1]],
            "grid": [[[i, 0], [0, i]] for i in range(5)],
        },
        features=features,
    )


def test_dataset_features(pictures: datasets.Dataset) -> None:
    source = open_source(pictures)
    assert source.kind("image") == "image"
    assert source.kind("label") == "category"
    assert source.class_names("label") == ("zebra", "ant", "cat")
    assert source.column("label").tolist() == ["zebra", "cat", None, None, "zebra"]
    assert source.class_names("tags") == ("b", "a")
    assert source.column("tags").tolist() == [["b"], ["a", "b"], [], None, ["a"]]
    assert source.column("grid")[3].tolist() == [[3, 0], [0, 3]]


def test_images_are_decoded_only_when_looked_at(
    pictures: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_source(pictures)
    decoded = []
    real = datasets.Image.decode_example

    def counting(self: Any, value: Any, *args: Any) -> Any:
        decoded.append(value)
        return real(self, value, *args)

    monkeypatch.setattr(datasets.Image, "decode_example", counting)
    assert source.column("image")[0]["bytes"].startswith(b"\x89PNG")
    source.native([0, 1])
    source.fingerprint()
    assert not decoded
    shown = source.take([1, 2, 4])
    assert len(decoded) == 2
    assert isinstance(shown[0]["image"], Image.Image)
    assert shown[0]["image"].getpixel((0, 0)) == (10, 0, 245)
    assert isinstance(shown[1]["image"], Unreadable)
    assert shown[2]["image"] is None
    assert [row["label"] for row in shown] == ["cat", None, "zebra"]


def test_a_colour_mode_of_the_feature_is_kept(png: Callable[..., bytes]) -> None:
    data = datasets.Dataset.from_dict({"x": [{"bytes": png(), "path": None}]})
    data = data.cast_column("x", datasets.Image(mode="L"))
    assert open_source(data).take([0])[0]["x"].mode == "L"


def test_audio_stays_encoded() -> None:
    wave = b"RIFF\x24\0\0\0WAVEfmt "
    data = datasets.Dataset.from_dict({"clip": [{"bytes": wave, "path": None}]})
    data = data.cast_column("clip", datasets.Audio())
    source = open_source(data)
    assert source.kind("clip") == "audio"
    assert source.take([0])[0]["clip"]["bytes"] == wave


def test_encoded_images_in_tables(png: Callable[..., bytes], tmp_path: Path) -> None:
    for data in (
        pa.table({"x": [png(), png(50)]}),
        pl.DataFrame({"x": [{"bytes": png(), "path": "a"}, {"bytes": png(50), "path": "b"}]}),
    ):
        source = open_source(data)
        assert source.kind("x") == "image"
        assert source.take([1])[0]["x"].getpixel((0, 0)) == (50, 0, 205)


def test_a_transform_of_the_user_is_not_run() -> None:
    def fail(batch: Any) -> Any:
        raise AssertionError("the transform ran")

    source = open_source(datasets.Dataset.from_dict({"a": [1, 2]}).with_transform(fail))
    assert source.column("a").tolist() == [1, 2]
    assert source.take([1]) == [{"a": 2}]


def test_splits_of_a_hub_dataset_keep_their_type(pictures: datasets.Dataset) -> None:
    data = datasets.DatasetDict({"train": pictures.select([0, 1]), "test": pictures.select([3, 4])})
    source = open_source(data)
    assert source.n_rows == 4
    assert source.split_column == "split"
    assert source.column("split").tolist() == ["train", "train", "test", "test"]
    assert source.class_names("label") == ("zebra", "ant", "cat")
    assert source.column("label").tolist() == ["zebra", "cat", None, "zebra"]
    assert source.take([3, 0])[1]["image"].getpixel((0, 0)) == (0, 0, 255)
    part = source.native([3, 0])
    assert isinstance(part, datasets.DatasetDict)
    assert part["train"][0]["label"] == 0
    assert len(part["test"]) == 1


def test_the_bytes_of_an_image_decide_the_fingerprint(png: Callable[..., bytes]) -> None:
    def of(shade: int, path: str | None) -> str:
        file = {"bytes": png(shade), "path": path}
        data = datasets.Dataset.from_dict({"x": [file]}).cast_column("x", datasets.Image())
        return open_source(data).fingerprint()

    assert of(1, None) == of(1, "elsewhere.png")
    assert of(1, None) != of(2, None)
    assert io.BytesIO(png(1)).getvalue() == png(1)


def test_rows_of_views_of_texts() -> None:
    table = pa.table({"t": pa.array(["a", "b", None]).cast(pa.string_view()), "n": [1, 2, 3]})
    source = open_source(table)
    assert source.column("t", [2, 0]).tolist() == [None, "a"]
    assert source.native([1]).to_pylist() == [{"t": "b", "n": 2}]


def test_rows_are_joined_without_a_bar(capfd: pytest.CaptureFixture[str]) -> None:
    source = open_source(datasets.Dataset.from_dict({"x": [1, 2], "y": ["a", "b"]}))
    more = open_source(datasets.Dataset.from_dict({"y": ["c"], "x": [3.0]}))
    capfd.readouterr()
    assert source.joined(more)[:] == {"x": [1, 2, 3], "y": ["a", "b", "c"]}
    assert capfd.readouterr().err == ""
    assert not datasets.are_progress_bars_disabled()
