import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from datalab._data.images import Unreadable
from datalab.views.cells import (
    Cell,
    clean_text,
    number,
    score,
    share,
    show,
    thumbnail,
)


def opened(thumb) -> Image.Image:
    return Image.open(io.BytesIO(thumb.data))


def encoded(image: Image.Image, form: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def photo(height: int = 200, width: int = 300, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


# --- text


def test_control_and_direction_characters_become_visible():
    text = "a\x00b\x1b[31m\u202e\u2066\ud800\x85\x7f"
    assert clean_text(text) == "a␀b␛[31m⟨U+202E⟩⟨U+2066⟩⟨U+D800⟩⟨U+0085⟩␡"


def test_lines_and_tabs_stay_on_one_line():
    assert clean_text("a\r\nb\nc\td") == "a↵ b↵ c⇥d"


def test_long_text_is_cut_and_says_so():
    assert clean_text("x" * 10_000) == "x" * 300 + "…"
    assert clean_text("x" * 300) == "x" * 300


def test_a_value_whose_str_fails_is_shown_as_such():
    class Broken:
        def __str__(self):
            raise RuntimeError("no")

    assert clean_text(Broken()) == "⟨cannot be shown: RuntimeError⟩"


def test_large_values_are_summed_up():
    assert clean_text(np.zeros((64, 64))) == "array 64 × 64"
    assert clean_text(list(range(1000))) == "1,000 values: 0, 1, 2, 3, 4, 5, …"
    assert clean_text(b"\x00" * 4096) == "4,096 bytes"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(st.characters(exclude_categories=()), max_size=400), st.integers(1, 300))
def test_clean_text_is_always_safe_to_write(text, limit):
    cleaned = clean_text(text, limit)
    cleaned.encode("utf-8")
    assert not any(ord(c) < 0x20 or 0x202A <= ord(c) <= 0x202E for c in cleaned)


# --- numbers


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (3, "3"),
        (2019, "2019"),  # a year, or an id: separators are for what is counted
        (2019.0, "2019"),
        (104_729_000_000_123_456, "104729000000123456"),
        (10**20, "1.0000e+20"),
        (10**400, "1.0000e+400"),  # no float holds it
        (0.25, "0.25"),
        (3.14159, "3.142"),
        (33824.7123, "33824.7"),
        (1e-9, "1.000e-09"),
        (float("inf"), "∞"),
        (True, "True"),
        (np.int8(-4), "-4"),
        (np.float32(0.5), "0.5"),
    ],
)
def test_number(value, told):
    assert number(value) == told


def test_scores_and_shares_never_round_something_to_nothing():
    assert (score(0.0), score(0.0001), score(0.01234), score(float("nan"))) == (
        "0.000",
        "<0.001",
        "0.012",
        "–",
    )
    assert [share(part, 1000).replace("\xa0", " ") for part in (0, 1, 500, 1000)] == [
        "0 %",
        "0.1 %",
        "50 %",
        "100 %",
    ]
    assert share(1, 0) == share(0, 5)


@pytest.mark.parametrize("value", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_missing_cells_say_so(value):
    assert show(value) == Cell("missing", "missing")


def test_cells_know_how_they_are_set():
    assert show(np.int64(5)) == Cell("5", "number")
    assert show("5") == Cell("5", "text")
    assert show(False) == Cell("False", "text")
    assert show(np.datetime64("2024-01-02")) == Cell("2024-01-02", "text")
    assert show(np.datetime64("NaT", "s")).kind == "missing"


# --- pictures


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "F", "YCbCr"])
def test_every_mode_becomes_a_small_picture(mode):
    image = photo().convert("L").convert(mode) if mode in ("I;16", "F") else photo(mode=mode)
    thumb = thumbnail(image)
    assert thumb.reason == ""
    assert opened(thumb).size == (thumb.width, thumb.height) == (96, 64)
    assert len(thumb.data) < 12_000


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8),
        np.random.default_rng(0).random((40, 50)),
        np.random.default_rng(0).random((3, 40, 50)),
        np.random.default_rng(0).random((40, 50, 1)) * 16,
        np.random.default_rng(0).normal(size=(40, 50)),
        np.random.default_rng(0).random((40, 50)) > 0.5,
    ],
)
def test_arrays_of_any_layout(array):
    thumb = thumbnail(array)
    assert (thumb.reason, thumb.width, thumb.height) == ("", 50, 40)


def test_tiny_pictures_are_enlarged_by_whole_factors_and_stay_sharp():
    thumb = thumbnail(np.arange(64).reshape(8, 8) / 63)
    large = np.asarray(opened(thumb))
    assert large.shape == (96, 96)
    assert thumb.mime == "image/png"
    assert (large[::12, ::12].repeat(12, axis=0).repeat(12, axis=1) == large).all()


def test_photos_become_jpeg_drawings_and_transparency_png():
    assert thumbnail(photo()).mime == "image/jpeg"
    drawing = Image.new("RGB", (300, 200), "white")
    assert thumbnail(drawing).mime == "image/png"
    glass = Image.new("RGBA", (300, 200), (255, 0, 0, 60))
    assert thumbnail(glass).mime == "image/png"
    assert opened(thumbnail(glass)).mode in ("RGBA", "P", "LA")


def test_bytes_mappings_and_paths(tmp_path):
    data = encoded(photo(), "PNG")
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    pictures = [data, {"bytes": data, "path": None}, {"bytes": None, "path": str(path)}, path]
    assert len({thumbnail(picture).data for picture in pictures}) == 1


def test_nothing_of_the_given_file_travels_on():
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    data = encoded(photo(), "JPEG", exif=exif.tobytes(), comment=b"secret comment")
    assert b"secret" in data
    assert b"secret" not in thumbnail(data).data
    assert b"secret" not in thumbnail(encoded(photo(8, 8), "PNG") + b"secret").data


def test_the_users_picture_is_not_changed():
    image = photo()
    before = image.tobytes(), image.size, image.mode, dict(image.info)
    thumbnail(image)
    assert (image.tobytes(), image.size, image.mode, dict(image.info)) == before


@pytest.mark.parametrize(
    "cell",
    [
        None,
        float("nan"),
        b"not an image",
        b"",
        {"bytes": None, "path": None},
        {"bytes": b"\x89PNG\r\n\x1a\n broken", "path": None},
        "no/such/file.png",
        "https://example.org/tracking.png",
        "data:image/svg+xml,<svg/>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "null\x00byte.png",
        np.zeros(5),
        np.zeros((0, 4)),
        Unreadable("UnidentifiedImageError: cannot identify <_io.BytesIO object at 0x7f00>"),
        object(),
    ],
)
def test_what_cannot_be_read_becomes_a_reason(cell):
    thumb = thumbnail(cell)
    assert thumb.data == b""
    assert thumb.reason
    assert " at 0x" not in thumb.reason


def test_a_cut_off_file_becomes_a_reason():
    assert thumbnail(encoded(photo(), "JPEG")[:500]).reason


def test_equal_pictures_give_equal_bytes():
    assert thumbnail(photo()) == thumbnail(photo())
