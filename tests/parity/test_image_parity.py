"""Image checks side by side with cleanvision, through the reference's Datalab."""

import contextlib
import io
import warnings
from typing import Any

import datasets
import numpy as np
import pytest
from cleanlab import Datalab as Reference
from PIL import Image

from datalab import Datalab

TYPES = [
    "dark", "light", "low_information", "odd_aspect_ratio", "odd_size", "grayscale", "blurry",
]  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Any:
    """Coloured noise of several contrasts; a dark, a light, a flat, a long and a grey one."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(60):
        low, high = np.sort(rng.integers(0, 256, 2))
        shape = (rng.integers(40, 60), 48, 3)
        images.append(rng.integers(min(low, 60), max(high, 180), shape, dtype=np.uint8))
    images[3], images[4] = images[3] // 20, 255 - images[4] // 30
    images[5] = images[5][:8]
    pictures = [Image.fromarray(image) for image in images]
    pictures[6] = pictures[6].convert("L")
    pictures[7] = pictures[7].resize((400, 400))
    labels = np.arange(60) % 2
    made = datasets.Dataset.from_dict({"image": pictures, "y": labels})
    return made.cast_column("image", datasets.Image())


@pytest.fixture(scope="module")
def both(data: Any) -> tuple[Datalab, Reference]:
    mine = Datalab(data, label_name="y", verbosity=0)
    mine.find_issues([*TYPES, "spurious_correlations"], rules="reference")
    theirs = Reference(data, label_name="y", image_key="image", verbosity=0)
    state = np.random.get_state()  # noqa: NPY002 (the reference changes it)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        theirs.find_issues(
            issue_types={"image_issue_types": {t: {} for t in TYPES}, "spurious_correlations": {}}
        )
    np.random.set_state(state)  # noqa: NPY002
    return mine, theirs


@pytest.mark.parametrize("name", ["dark", "light", "odd_aspect_ratio", "grayscale"])
def test_scores_and_flags_are_those_of_the_reference(
    both: tuple[Datalab, Reference], name: str
) -> None:
    mine, theirs = (lab.issues for lab in both)
    np.testing.assert_allclose(mine[f"{name}_score"], theirs[f"{name}_score"], atol=1e-6)
    np.testing.assert_array_equal(mine[f"is_{name}_issue"], theirs[f"is_{name}_issue"])
    assert mine[f"is_{name}_issue"].any()
    assert mine[f"is_{name}_issue"].dtype == theirs[f"is_{name}_issue"].dtype


@pytest.mark.parametrize("name", ["odd_size", "low_information", "blurry"])
def test_what_is_measured_anew_finds_what_the_reference_finds(
    both: tuple[Datalab, Reference], name: str
) -> None:
    mine, theirs = (lab.issues[f"is_{name}_issue"].to_numpy() for lab in both)
    assert not (theirs & ~mine).any()


@pytest.mark.parametrize("name", TYPES)
def test_columns_and_info_are_contained(both: tuple[Datalab, Reference], name: str) -> None:
    mine, theirs = both
    assert set(theirs.get_issues(name)) <= set(mine.get_issues(name))
    assert set(theirs.get_info(name)) <= set(mine.get_info(name))


def test_the_brightness_is_that_of_the_reference(both: tuple[Datalab, Reference]) -> None:
    mine, theirs = (lab.get_info("dark") for lab in both)
    for name in theirs:
        # The mean is ours: of the brightness of pixels, not the brightness of the mean colour.
        atol = 0.05 if name == "brightness" else 1e-6
        np.testing.assert_allclose(mine[name], theirs[name], atol=atol)
    mine, theirs = (lab.get_info("blurry")["blurriness_grayscale_std"] for lab in both)
    assert np.corrcoef(mine, theirs)[0, 1] > 0.95


def test_spurious_correlations_have_the_same_table(both: tuple[Datalab, Reference]) -> None:
    mine, theirs = (lab.get_info("spurious_correlations") for lab in both)
    assert mine.keys() == theirs.keys()
    assert mine["threshold"] == theirs["threshold"]
    mine, theirs = mine["correlations_df"], theirs["correlations_df"]
    assert mine.dtypes.tolist() == theirs.dtypes.tolist()
    assert mine.columns.tolist() == theirs.columns.tolist()
    assert set(theirs["property"]) <= set(mine["property"])


def test_the_order_of_types(data: Any) -> None:
    mine = Datalab(data, label_name="y", verbosity=0)
    theirs = Reference(data, label_name="y", image_key="image", verbosity=0)
    expected = theirs.list_default_issue_types()
    assert [t for t in mine.list_default_issue_types() if t in expected] == expected
