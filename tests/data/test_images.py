import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datalab._data.images import Unreadable, decode, highest_value, plain, value_range


def test_every_form_of_an_image(png: Callable[..., bytes], tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png())
    picture = Image.open(io.BytesIO(png()))
    forms: list[Any] = [
        png(),
        file,
        str(file),
        {"bytes": png(), "path": None},
        {"bytes": None, "path": str(file)},
        picture,
        np.asarray(picture),
        np.moveaxis(np.asarray(picture), 2, 0),
    ]
    for form in forms:
        shown = decode(form)
        assert isinstance(shown, Image.Image)
        assert shown.size == (6, 4)
        assert shown.getpixel((0, 0)) == (100, 0, 155)


def test_missing_and_unreadable() -> None:
    assert decode(None) is None
    assert decode(float("nan")) is None
    for value in (
        b"no image",
        "no/such/file.png",
        {"bytes": b"\x89PNGcut"},
        np.zeros((2, 2, 7)),
        3,
    ):
        shown = decode(value)
        assert isinstance(shown, Unreadable)
        assert shown.reason
    assert "FileNotFoundError" in decode("no/such/file.png").reason


def test_a_truncated_image_is_unreadable(png: Callable[..., bytes]) -> None:
    assert isinstance(decode(png(size=(64, 64))[:80]), Unreadable)


@pytest.mark.parametrize(
    ("arrays", "limits"),
    [
        ([np.zeros((2, 2), np.uint8)], (0, 255)),
        ([np.array([[0.0, 0.5]])], (0, 1)),
        ([np.array([[0.0, 3.0]]), np.array([[16.0]])], (0, 16)),
        ([np.array([[-1.0, 1.0]])], (-1, 1)),
        ([np.array([[np.nan, 2.0]])], (0, 2)),
        ([np.array([[False, True]])], (0, 1)),
        (["path"], None),
        ([], None),
    ],
)
def test_black_and_white_of_a_column(arrays: Any, limits: Any) -> None:
    assert value_range(arrays) == limits


def test_one_scale_for_the_column() -> None:
    limits = value_range([np.array([[0.0, 16.0]]), np.array([[0.0, 4.0]])])
    pixels = np.asarray(decode(np.array([[0.0, 8.0, np.nan, 20.0]]), limits))
    assert pixels.tolist() == [[0, 128, 0, 255]]


def test_an_image_turned_by_the_camera_is_upright() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 4)).save(buffer, format="JPEG", exif=exif)
    assert decode(buffer.getvalue()).size == (4, 6)


def test_an_array_is_not_changed() -> None:
    array = np.array([[0.0, np.nan]])
    decode(array)
    np.testing.assert_array_equal(array, [[0.0, np.nan]])


def test_only_plain_pictures_from_regular_files_are_decoded(tmp_path: Path) -> None:
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n"
    assert isinstance(decode(script), Unreadable)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = decode(str(pipe))
    assert isinstance(found, Unreadable)
    assert "not a regular file" in found.reason
    assert decode({"bytes": None, "path": None}) is None


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "PA", "RGBa"]
)
def test_plain_pictures_are_grey_or_colour(mode: str) -> None:
    shown = plain(Image.new(mode, (4, 3)))
    assert shown.mode == ("L" if mode in ("1", "L", "LA") else "RGB")
    assert shown.size == (4, 3)


def test_plain_pictures_stand_on_white() -> None:
    half = Image.new("LA", (2, 1), (0, 128))
    half.putpixel((1, 0), (0, 0))
    assert [plain(half).getpixel((x, 0)) for x in (0, 1)] == [127, 255]
    palette = Image.new("P", (1, 1))
    palette.putpalette([10, 20, 30])
    assert plain(palette).getpixel((0, 0)) == (10, 20, 30)
    palette.info["transparency"] = 0
    assert plain(palette).getpixel((0, 0)) == (255, 255, 255)


def test_deep_pictures_take_their_white_from_the_bits_in_use() -> None:
    deep = Image.fromarray(np.array([[0, 2048, 4000]], np.uint16))
    assert highest_value([deep, Image.new("L", (1, 1))]) == 4095
    assert np.asarray(plain(deep, 4095.0)).tolist() == [[0, 128, 249]]
    assert highest_value([Image.new("L", (1, 1))]) is None
    assert highest_value([Image.fromarray(np.array([[0.25]], np.float32))]) == 1.0
    assert highest_value([Image.fromarray(np.array([[70_000.0]], np.float32))]) == 2**31 - 1


def test_arrays_of_grey_and_alpha() -> None:
    assert decode(np.zeros((4, 6, 2), np.uint8)).mode == "LA"


def test_arrays_with_gaps_and_infinities() -> None:
    arrays = [np.full((2, 2), np.nan), np.array([[0.0, 1.0], [np.inf, -np.inf]])]
    limits = value_range(arrays)
    assert limits == (0.0, 1.0)
    assert np.asarray(decode(arrays[1], limits)).tolist() == [[0, 255], [255, 0]]
    assert np.asarray(decode(arrays[0], limits)).tolist() == [[0, 0], [0, 0]]
    assert highest_value([Image.fromarray(np.full((2, 2), np.nan, dtype=np.float32))]) == 1.0
