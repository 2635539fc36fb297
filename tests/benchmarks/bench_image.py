"""Time of the image checks; what they find of planted blur and copies, beside cleanvision.

Run with ``pytest -m bench tests/benchmarks/bench_image.py -s``.
"""

import contextlib
import io
import sys
import time
import warnings
from collections.abc import Callable

import datasets
import numpy as np
import pytest
from cleanvision import Imagelab
from PIL import Image, ImageEnhance, ImageFilter
from sklearn.datasets import load_sample_images

from datalab import Datalab

pytestmark = pytest.mark.bench


def pieces(n: int, side: int, seed: int = 0) -> list[Image.Image]:
    """Pieces of a photograph that show something, at least 8 pixels apart."""
    rng = np.random.default_rng(seed)
    photo = load_sample_images().images[0]
    corners = [
        (top, left)
        for top in range(0, photo.shape[0] - side, 8)
        for left in range(0, photo.shape[1] - side, 8)
        if photo[top : top + side, left : left + side].std() > 25
    ]
    chosen = rng.choice(len(corners), n, replace=n > len(corners))
    return [
        Image.fromarray(photo[t : t + side, x : x + side]) for t, x in (corners[i] for i in chosen)
    ]


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=50)
    return Image.open(file).convert("RGB")


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg 50": jpeg,
    "half": lambda image: image.resize((image.width // 2, image.height // 2)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "cut by 2 %": lambda image: image.crop((1, 1, image.width - 1, image.height - 1)),
}


def flags(images: list[Image.Image], name: str, theirs: str) -> tuple[np.ndarray, np.ndarray]:
    """What we flag, and what cleanvision does."""
    mine = Datalab({"image": images}, task=None, verbosity=0).find_issues([name])
    data = datasets.Dataset.from_dict({"image": images}).cast_column("image", datasets.Image())
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        other = Imagelab(hf_dataset=data, image_key="image")
        other.find_issues({theirs: {}}, n_jobs=1, verbose=False)
    return (
        mine.issues[f"is_{name}_issue"].to_numpy(dtype=bool),
        other.issues[f"is_{theirs}_issue"].to_numpy(dtype=bool),
    )


@pytest.mark.parametrize("side", [64, 128])
@pytest.mark.parametrize("sigma", [1.5, 2, 3, 5])
def test_blur(side: int, sigma: float) -> None:
    images = pieces(200, side)
    planted = np.arange(200) % 20 == 0
    images = [
        image.filter(ImageFilter.GaussianBlur(sigma)) if blurred else image
        for image, blurred in zip(images, planted, strict=True)
    ]
    for who, found in zip(
        ("datalab", "cleanvision"), flags(images, "blurry", "blurry"), strict=True
    ):
        tell(
            f"{who:12} {side} px, sigma {sigma}: {found[planted].mean():4.0%} found, "
            f"{found[~planted].mean():.1%} of the others flagged"
        )
        if who == "datalab" and sigma >= 2:
            assert found[planted].mean() >= 0.9
            assert found[~planted].mean() <= 0.02


@pytest.mark.parametrize("name", COPIES)
def test_copies(name: str) -> None:
    images = pieces(200, 96)
    twins = images + [COPIES[name](image) for image in images[:20]]
    planted = np.isin(np.arange(220), [*range(20), *range(200, 220)])
    both = flags(twins, "near_duplicate_image", "near_duplicates")
    for who, found in zip(("datalab", "cleanvision"), both, strict=True):
        tell(
            f"{who:12} {name:10}: {found[planted].mean():4.0%} found, "
            f"{found[~planted].mean():.1%} of the others flagged"
        )


@pytest.mark.parametrize(("n", "side"), [(2_000, 64), (500, 224)])
def test_time(n: int, side: int) -> None:
    images = pieces(n, side)
    lab = Datalab({"image": images}, task=None, verbosity=0)
    started = time.perf_counter(), time.process_time()
    lab.find_issues(["dark", "blurry", "near_duplicate_image"])
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    tell(f"{n} images of {side} px: {wall:.1f} s, {1000 * cpu / n:.2f} ms of CPU for each")
