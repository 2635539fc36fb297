"""Images of all sizes and modes as a short description."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from datalab.recipes import from_images
from datalab.recipes.from_images import encode_images, reduce_columns


@pytest.fixture(autouse=True)
def few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty typical patches say enough about small data."""
    monkeypatch.setattr(from_images, "WORDS", 40)


def picture(seed: int, *, bars: str = "across", size: tuple[int, int] = (40, 30)) -> Any:
    """Bars across or down, of a random phase and colour."""
    rng = np.random.default_rng(seed)
    wave = 128 + 100 * np.sin(np.arange(64) / 3 + rng.uniform(0, 6))
    grey = np.tile(
        wave[:, None] if bars == "across" else wave, (1, 64) if bars == "across" else (64, 1)
    )
    colour = np.clip(grey[..., None] * rng.uniform(0.7, 1.0, 3), 0, 255)
    return Image.fromarray(colour.astype(np.uint8)).resize(size)


def beside(blocks: dict[str, np.ndarray]) -> np.ndarray:
    return np.hstack(list(blocks.values()))


def test_every_part_tells_what_it_is_named_for() -> None:
    rng = np.random.default_rng(0)
    hue = np.arange(40) % 2
    noise = rng.integers(100, 156, (40, 20, 20, 1)) + rng.integers(-40, 40, (40, 1, 1, 1))
    red, blue = np.array([40, 0, -40]), np.array([-40, 0, 40])
    pixels = np.clip(noise + np.where(hue[:, None], red, blue)[:, None, None], 0, 255)
    blocks, _ = encode_images([Image.fromarray(p.astype(np.uint8)) for p in pixels], 0)
    assert list(blocks) == ["brightness", "coarse edges", "fine edges", "textures", "colours"]
    first = blocks["colours"][:, 0]
    assert (first[hue == 0].max() < first[hue == 1].min()) or (
        first[hue == 1].max() < first[hue == 0].min()
    )
    for block in blocks.values():
        assert block.var(axis=0).sum() == pytest.approx(1, rel=1e-3)
    grey = [Image.fromarray(p[..., 0].astype(np.uint8)) for p in noise]
    assert "colours" not in encode_images(grey, 0)[0]


def test_textures_are_told_wherever_they_are() -> None:
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    kinds = [np.sin(columns * 1.3), np.sin(rows * 1.3), np.sin((rows + columns) * 0.9)]
    images = []
    for n in range(90):
        shift = rng.integers(0, 32, 2)
        wave = np.roll(kinds[n % 3], shift, (0, 1)) * 60 + 128 + rng.normal(size=(32, 32)) * 10
        images.append(Image.fromarray(np.clip(wave, 0, 255).astype(np.uint8)))
    textures = encode_images(images, 0)[0]["textures"]
    again = encode_images(images, 0)[0]["textures"]
    np.testing.assert_array_equal(textures, again)
    distance = np.linalg.norm(textures[:, None] - textures, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (distance.argmin(axis=1) % 3 == np.arange(90) % 3).mean() > 0.95


def test_like_images_are_near() -> None:
    images = [picture(n, bars=("across", "down")[n % 2]) for n in range(40)]
    blocks, readable = encode_images(images, random_state=0)
    assert readable.all()
    vector = beside(blocks)
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
    blocks, readable = encode_images([other, *images[1:]], random_state=0)
    assert readable.all()
    assert np.isfinite(beside(blocks)).all()
    assert other.mode == mode
    assert other.tobytes() == before


def test_what_cannot_be_read_is_left_out() -> None:
    images: list[Any] = [picture(0), None, picture(1), "broken", picture(2)]
    blocks, readable = encode_images(images, random_state=0)
    assert readable.tolist() == [True, False, True, False, True]
    assert (beside(blocks)[~readable] == 0).all()
    blocks, readable = encode_images([None, None], random_state=0)
    assert blocks == {}
    assert not readable.any()


def test_equal_images_and_transparency() -> None:
    same = [Image.new("RGB", (8, 8), "red")] * 3
    blocks, readable = encode_images(same, random_state=0)
    assert blocks == {}
    assert readable.all()
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    white = Image.new("RGB", (8, 8), "white")
    blocks, _ = encode_images([clear, white, picture(0), picture(1)], random_state=0)
    vector = beside(blocks)
    np.testing.assert_allclose(vector[0], vector[1], atol=1e-4)


def test_leading_components() -> None:
    rng = np.random.default_rng(0)
    block = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 10))
    block[:, 3] = 7.0
    reduced = reduce_columns(block, 5, random_state=0)
    assert reduced.shape == (50, 5)
    assert reduced[:, :2].var() > 1e6 * reduced[:, 2:].var()
    assert reduce_columns(np.ones((5, 3)), 2, random_state=0).shape == (5, 0)
