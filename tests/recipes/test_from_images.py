"""Images of all sizes and modes as a short description."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from datalab.recipes.from_images import encode_images, reduce_columns


def picture(seed: int, *, bars: str = "across", size: tuple[int, int] = (40, 30)) -> Any:
    """Bars across or down, of a random phase and colour."""
    rng = np.random.default_rng(seed)
    wave = 128 + 100 * np.sin(np.arange(64) / 3 + rng.uniform(0, 6))
    grey = np.tile(
        wave[:, None] if bars == "across" else wave, (1, 64) if bars == "across" else (64, 1)
    )
    colour = np.clip(grey[..., None] * rng.uniform(0.7, 1.0, 3), 0, 255)
    return Image.fromarray(colour.astype(np.uint8)).resize(size)


def test_like_images_are_near() -> None:
    images = [picture(n, bars=("across", "down")[n % 2]) for n in range(40)]
    vector, readable = encode_images(images, random_state=0)
    assert readable.all()
    distance = np.linalg.norm(vector[:, None] - vector[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (distance.argmin(axis=1) % 2 == np.arange(40) % 2).all()


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"]
)
def test_every_mode_is_read(mode: str) -> None:
    images = [picture(n, size=(11 + n, 50 - n)) for n in range(12)]
    if mode == "I;16":
        other = Image.fromarray(np.asarray(images[0].convert("L")).astype(np.uint16) * 256)
    else:
        other = images[0].convert(mode)
    before = other.tobytes()
    vector, readable = encode_images([other, *images[1:]], random_state=0)
    assert readable.all()
    assert np.isfinite(vector).all()
    assert other.mode == mode
    assert other.tobytes() == before


def test_what_cannot_be_read_is_left_out() -> None:
    images: list[Any] = [picture(0), None, picture(1), "broken", picture(2)]
    vector, readable = encode_images(images, random_state=0)
    assert readable.tolist() == [True, False, True, False, True]
    assert (vector[~readable] == 0).all()
    vector, readable = encode_images([None, None], random_state=0)
    assert vector.shape == (2, 0)


def test_equal_images_and_transparency() -> None:
    same = [Image.new("RGB", (8, 8), "red")] * 3
    vector, readable = encode_images(same, random_state=0)
    assert vector.shape == (3, 0)
    assert readable.all()
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    white = Image.new("RGB", (8, 8), "white")
    vector, _ = encode_images([clear, white, picture(0), picture(1)], random_state=0)
    np.testing.assert_allclose(vector[0], vector[1], atol=1e-5)


def test_leading_components() -> None:
    rng = np.random.default_rng(0)
    block = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 10))
    block[:, 3] = 7.0
    reduced = reduce_columns(block, 5, random_state=0)
    assert reduced.shape == (50, 5)
    assert reduced[:, :2].var() > 1e6 * reduced[:, 2:].var()
    assert reduce_columns(np.ones((5, 3)), 2, random_state=0).shape == (5, 0)
