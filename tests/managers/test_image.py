"""Images that are too dark, too bright, blurred, …: planted damage, and what is no issue."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from sklearn.datasets import load_digits, load_sample_images

from datalab import Datalab
from datalab.exceptions import InputError
from datalab.managers import Dark, NearDuplicateImage
from datalab.managers.base import spec_of
from datalab.views.collect import overview

TYPES = [
    "dark", "light", "low_information", "odd_aspect_ratio", "odd_size", "grayscale", "blurry",
]  # fmt: skip
COPIES = ["exact_duplicate_image", "near_duplicate_image"]


def crops(n: int, side: int = 64, seed: int = 0) -> list[Image.Image]:
    """Pieces of the photograph of a temple, without those of the sky alone."""
    rng = np.random.default_rng(seed)
    photo = load_sample_images().images[0]
    pieces: list[Image.Image] = []
    while len(pieces) < n:
        top = rng.integers(0, photo.shape[0] - side)
        left = rng.integers(0, photo.shape[1] - side)
        piece = photo[top : top + side, left : left + side]
        if piece.std() > 25:
            pieces.append(Image.fromarray(piece))
    return pieces


def scaled(image: Image.Image, factor: float, shift: float = 0.0) -> Image.Image:
    values = np.asarray(image.convert("RGB"), dtype=float) * factor + shift
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


DAMAGE: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "dark": lambda image, u: scaled(image, 0.02 + 0.18 * u),
    "light": lambda image, u: scaled(image, 0.01 + 0.03 * u, 255 - 255 * (0.01 + 0.03 * u)),
    "low_information": lambda image, u: Image.new("RGB", image.size, (90, int(200 * u), 30)),
    "odd_aspect_ratio": lambda image, u: image.resize((64, int(8 + 10 * u))),
    "odd_size": lambda image, u: image.resize((int(100 + 300 * u),) * 2),
    "grayscale": lambda image, u: (
        image.convert("L") if u < 0.5 else image.convert("L").convert("RGB")
    ),
    "blurry": lambda image, u: image.filter(ImageFilter.GaussianBlur(2 + 4 * u)),
}


def flagged(lab: Datalab, name: str) -> set[int]:
    return set(np.flatnonzero(lab.issues[f"is_{name}_issue"].fillna(value=False)).tolist())


@pytest.mark.parametrize("name", TYPES)
def test_planted_damage_is_found_and_nothing_else(name: str) -> None:
    images = crops(300)
    planted = set(range(0, 300, 20))
    for place, row in enumerate(sorted(planted)):
        images[row] = DAMAGE[name](images[row], place / len(planted))
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues([name])
    found = flagged(lab, name)
    assert len(found & planted) >= 0.9 * len(planted)
    assert len(found - planted) <= 0.01 * (300 - len(planted))


@pytest.mark.parametrize("sigma", [2, 3, 5, 8])
def test_blur_of_any_width(sigma: float) -> None:
    images = crops(60, side=96, seed=1)
    images[::10] = [image.filter(ImageFilter.GaussianBlur(sigma)) for image in images[::10]]
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues(["blurry"])
    assert flagged(lab, "blurry") == set(range(0, 60, 10))


def test_clean_photographs_have_no_issue() -> None:
    lab = Datalab({"image": crops(200, seed=2)}, task=None, verbosity=0).find_issues(TYPES)
    assert lab.issue_summary["num_issues"].max() <= 2


def test_pixel_art_is_as_it_is() -> None:
    digits = load_digits()
    lab = Datalab({"image": digits.images[:400]}, task=None, verbosity=0)
    lab.find_issues([*TYPES, *COPIES])
    assert lab.issue_summary["num_issues"].max() <= 2
    # All of them are grey: that is no issue, and does not make the data set bad.
    assert lab.get_issue_summary("grayscale")["score"].item() == 1.0
    assert lab.get_info("grayscale")["prevalence"] == 1.0
    assert all(section.table is None for section in overview(lab).sections)


def test_a_dark_data_set_is_told_where_no_image_stands_out() -> None:
    images = [scaled(image, 0.3) for image in crops(30)]
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues(["dark", "light"])
    sections = {section.name: section for section in overview(lab).sections}
    assert sections["dark"].state == "clean"
    assert sections["dark"].table is not None
    assert sections["dark"].table.rows[0][1].text.startswith("100")
    assert sections["light"].table is None


def test_a_dark_data_set_has_only_its_darkest_images_flagged() -> None:
    images = [scaled(image, 0.3) for image in crops(60)]
    images[7] = scaled(images[7], 0.1)
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues(["dark"])
    assert flagged(lab, "dark") == {7}
    assert lab.get_info("dark")["issue_threshold"] < 0.32
    (section,) = overview(lab).sections
    assert section.table is not None
    assert [row[1].text for row in section.table.rows][1] == "0.320"
    lab = Datalab({"image": images}, task=None, verbosity=0)
    lab.find_issues({"dark": {"max_prevalence": 1.0}})
    assert len(flagged(lab, "dark")) > 30


def test_copies_are_found_in_whatever_form() -> None:
    images = crops(120, side=96, seed=4)
    jpeg, file = io.BytesIO(), io.BytesIO()
    images[0].save(jpeg, "JPEG", quality=60)
    images[1].save(file, "PNG")
    twins = {
        120: images[2].copy(),
        121: Image.open(file),  # the same pixels, from a file
        122: Image.open(jpeg),
        123: images[3].resize((48, 48), Image.Resampling.LANCZOS),
        124: ImageEnhance.Brightness(images[4]).enhance(1.2),
        125: images[5].filter(ImageFilter.GaussianBlur(1)),
        126: images[6].convert("L"),
        127: images[2].resize((144, 144)),
    }
    lab = Datalab({"image": [*images, *twins.values()]}, task=None, verbosity=0).find_issues(COPIES)
    exact, near = lab.get_issues(COPIES[0]), lab.get_issues(COPIES[1])
    assert flagged(lab, COPIES[0]) == {2, 120, 1, 121}
    assert exact["near_duplicate_sets"][2].tolist() == [120]
    assert not exact["is_kept"][120]
    assert exact["is_kept"][2]
    wanted = {0, 122, 3, 123, 4, 124, 5, 125, 6, 126, 2, 127, 120}
    assert flagged(lab, COPIES[1]) == wanted
    # Sets are connected: the enlarged copy belongs to both exact ones.
    assert len(set(near.loc[[2, 120, 127], "near_duplicate_set"])) == 1
    assert sorted(near["near_duplicate_sets"][120]) == [2, 127]
    assert near["near_duplicate_image_score"][0] < 0.25
    assert near["near_duplicate_image_score"][10] == 1.0
    reasons = lab.worst(20)["reason"]
    assert "looks like row 0 (" in reasons[122]
    assert "the same pixels as row 1" in reasons[121]


def test_empty_images_are_equal_only_where_they_are() -> None:
    images = [Image.new("RGB", (32, 32), (i, 40, 40)) for i in (10, 20, 30, 10)]
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues(COPIES)
    assert flagged(lab, COPIES[0]) == {0, 3}
    assert flagged(lab, COPIES[1]) == set()


def test_arrays_are_equal_only_where_all_of_their_numbers_are() -> None:
    rng = np.random.default_rng(0)
    images = rng.random((12, 16, 16))
    images[3], images[7] = images[4], images[8]
    images[7, 0, 0] += 1e-6
    images[0] = 1e6  # as bright as this the others are all black
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues(COPIES)
    assert flagged(lab, COPIES[0]) == {3, 4}


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def forms(images: list[Image.Image], folder: Path) -> dict[str, Any]:
    paths = []
    for row, image in enumerate(images):
        paths.append(str(folder / f"{row}.png"))
        image.save(paths[-1])
    hub = datasets.Dataset.from_dict({"image": images}).cast_column("image", datasets.Image())
    arrays = np.stack([np.asarray(image) for image in images])
    return {
        "hub": hub,
        "pictures": {"image": images},
        "bytes": {"image": [encoded(image) for image in images]},
        "file names": pd.DataFrame({"image": paths}),
        "paths": {"image": [Path(path) for path in paths]},
        "records": [{"image": {"bytes": encoded(image), "path": None}} for image in images],
        "stack": {"image": arrays},
        "channels first": {"image": np.moveaxis(arrays, 3, 1)},
        "float": {"image": arrays / 255},
        "uint16": {"image": arrays.astype(np.uint16) * 257},
        "list of arrays": {"image": list(arrays)},
    }


def test_every_form_gives_the_same(tmp_path: Path) -> None:
    images = crops(12)
    images[3], images[5] = scaled(images[3], 0.05), DAMAGE["blurry"](images[5], 0.5)
    images[7] = images[8].copy()
    found = {}
    for form, data in forms(images, tmp_path).items():
        lab = Datalab(data, task=None, verbosity=0).find_issues([*TYPES, *COPIES])
        found[form] = lab.issues
    for form, issues in found.items():
        pd.testing.assert_frame_equal(issues, found["pictures"], atol=0.01, obj=form)
    assert found["hub"]["is_dark_issue"].to_numpy().nonzero()[0].tolist() == [3]


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"]
)
def test_every_colour_space(mode: str) -> None:
    images = crops(11)
    shown = [image.convert(mode) if mode not in ("HSV", "LAB") else image for image in images]
    if mode == "LAB":
        pytest.importorskip("PIL.ImageCms")
    shown[4] = scaled(images[4], 0.02).convert(mode if mode not in ("HSV", "LAB") else "RGB")
    lab = Datalab({"image": shown}, task=None, verbosity=0).find_issues([*TYPES, *COPIES])
    assert flagged(lab, "dark") == {4}
    assert not lab.issues["light_score"].isna().any()


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_deep_pictures_are_as_bright_as_their_column_says(mode: str) -> None:
    grey = [np.asarray(image.convert("L")) for image in crops(11)]
    grey[4] = grey[4] // 30
    deep = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    images = [Image.fromarray((values * 16.0).astype(deep)) for values in grey]  # of 12 bits
    assert {image.mode for image in images} == {mode}
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues(["dark", "light"])
    plain = Datalab({"image": grey}, task=None, verbosity=0).find_issues(["dark", "light"])
    assert flagged(lab, "dark") == {4}
    pd.testing.assert_frame_equal(lab.issues, plain.issues, atol=0.01)


def test_transparent_pictures_lie_on_white() -> None:
    clear = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    lab = Datalab({"image": [*crops(11), clear]}, task=None, verbosity=0)
    lab.find_issues(["dark", "light"])
    assert flagged(lab, "light") == {11}
    assert flagged(lab, "dark") == set()


def test_mixed_sizes_and_kinds_of_arrays() -> None:
    images = [np.asarray(image) for image in crops(12)]
    images[2] = images[2][:, :, 0]
    images[5] = images[5][:50, :60]
    images[6] = np.asarray(Image.fromarray(images[6]).convert("RGBA"))
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues(TYPES)
    assert flagged(lab, "grayscale") == {2}


def test_what_cannot_be_read_is_left_out_and_said(tmp_path: Path) -> None:
    images: list[Any] = [encoded(image) for image in crops(12)]
    images[3], images[4], images[5] = b"\x89PNG no picture", None, images[5][:300]
    images[7] = encoded(scaled(crops(1)[0], 0.02))
    lab = Datalab({"image": images}, task=None, image_key="image", verbosity=0)
    lab.find_issues([*TYPES, *COPIES])
    assert flagged(lab, "dark") == {7}
    assert lab.issues["is_dark_issue"].isna().to_numpy().nonzero()[0].tolist() == [3, 4, 5]
    told = " ".join(lab.outcomes["dark"].notes)
    assert "3 could not be read and are left out (row 3: " in told
    lab = Datalab({"image": [b"no", b"picture"]}, task=None, image_key="image", verbosity=0)
    outcome = lab.find_issues(["dark"]).outcomes["dark"]
    assert outcome.status == "not applicable"
    assert "none of the 2 images can be read" in outcome.reason


def test_part_of_the_audit_where_there_are_images() -> None:
    pictures = {"image": crops(12), "y": [0, 1] * 6}
    with_images = Datalab(pictures, label_name="y", verbosity=0)
    assert set(TYPES) | set(COPIES) <= set(with_images.list_default_issue_types())
    without = Datalab({"x": np.arange(12) % 5, "y": [0, 1] * 6}, label_name="y", verbosity=0)
    assert not set(TYPES) & set(without.list_possible_issue_types())
    assert not set(TYPES) & {outcome.name for outcome in without.find_issues().outcomes}
    told = without.find_issues(["dark"]).outcomes["dark"]
    assert told.status == "not applicable"
    assert "image_key=" in told.reason


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel", None])
def test_every_task(task: str | None) -> None:
    labels = {"multilabel": [[0], [1]] * 6, "regression": np.linspace(0, 1, 12)}
    data = {"image": crops(12), "y": labels.get(task or "", [0, 1] * 6)}
    data["image"][1] = scaled(data["image"][1], 0.02)
    lab = Datalab(data, task=task, label_name=None if task is None else "y", verbosity=0)
    assert flagged(lab.find_issues(TYPES), "dark") == {1}


def test_the_form_of_the_reference() -> None:
    data = {"image": crops(12), "y": [0, 1] * 6}
    data["image"][1] = scaled(data["image"][1], 0.02)
    lab = Datalab(data, label_name="y", verbosity=0)
    lab.find_issues({"image_issue_types": {"dark": {"threshold": 0.2}, "light": {}}})
    assert [outcome.name for outcome in lab.outcomes] == ["dark", "light"]
    assert lab.get_info("dark")["threshold"] == 0.2
    with pytest.raises(InputError, match="more than once"):
        lab.find_issues({"image_issue_types": {"dark": {}}, "dark": {}})
    lab = Datalab(data, label_name="y", verbosity=0).find_issues(TYPES, rules="reference")
    for name in TYPES:
        assert list(lab.get_issues(name)) == [f"is_{name}_issue", f"{name}_score"] + (
            ["color_space"] if name == "grayscale" else []
        )
        assert lab.worst(1, issue=name)["reason"].size <= 1
    assert len(lab.get_info("dark")["brightness_perc_99"]) == 12
    assert len(lab.get_info("blurry")["blurriness_grayscale_std"]) == 12


def test_reasons_in_words() -> None:
    images = crops(40)
    for row, name in enumerate(TYPES):
        images[row] = DAMAGE[name](images[row], 0.4)
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues(TYPES)
    words = {
        "dark": "brightness 0.07 where it is brightest",
        "light": "where it is darkest",
        "low_information": "all pixels are equal",
        "odd_aspect_ratio": "one side is 5.3 times as long as the other (64 × 12 pixels)",
        "odd_size": "3.4 times as large as usual (220 × 220 pixels)",
        "grayscale": "no colour (stored as L)",
        "blurry": "pixels wide",
    }
    for row, name in enumerate(TYPES):
        assert words[name] in lab.worst(20, issue=name).loc[row, "reason"]


def test_options_are_checked() -> None:
    for wrong in (
        {"dark": {"threshold": 2}},
        {"dark": {"max_prevalence": -1}},
        {"odd_size": {"iqr_factor": 0}},
        {"near_duplicate_image": {"threshold": 3}},
        {"low_information": {"normalizing_factor": float("nan")}},
    ):
        with pytest.raises(InputError):
            Datalab({"image": crops(2)}, task=None, verbosity=0).find_issues(wrong)
    assert spec_of(Dark).parameters() == {"threshold": 0.32, "max_prevalence": 0.1}
    assert NearDuplicateImage().threshold == 0.125


def test_the_order_of_rows_does_not_matter() -> None:
    images = crops(40)
    images[3], images[9], images[11] = scaled(images[3], 0.02), images[8].copy(), images[8]
    order = np.random.default_rng(0).permutation(40)
    one = Datalab({"image": images}, task=None, verbosity=0).find_issues([*TYPES, *COPIES]).issues
    other = Datalab({"image": [images[i] for i in order]}, task=None, verbosity=0)
    moved = other.find_issues([*TYPES, *COPIES]).issues
    pd.testing.assert_frame_equal(moved, one.iloc[order].reset_index(drop=True))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows whose images are decoded."""
    from datalab._data.base import Source

    seen: list[int] = []
    read = Source.images
    monkeypatch.setattr(
        Source, "images", lambda self, name, rows: seen.extend(rows) or read(self, name, rows)
    )
    return seen


def test_nothing_of_the_user_is_changed_and_images_are_read_once(reads: list[int]) -> None:
    images = crops(6)
    before = [(image.mode, image.size, image.tobytes(), dict(image.info)) for image in images]
    lab = Datalab({"image": images}, task=None, verbosity=0)
    lab.find_issues(TYPES).find_issues(COPIES)
    assert sorted(reads) == list(range(6))
    after = [(image.mode, image.size, image.tobytes(), dict(image.info)) for image in images]
    assert before == after


def test_rows_that_stay_are_not_measured_again(reads: list[int]) -> None:
    images: list[Any] = [encoded(image) for image in crops(12)]
    images[2], images[4], images[5] = None, encoded(scaled(crops(1)[0], 0.02)), images[6]
    data = pd.DataFrame({"image": images})
    lab = Datalab(data, task=None, image_key="image", verbosity=0)
    lab.find_issues(["exact_duplicate_image"])
    kept = lab.drop("exact_duplicate_image")
    reads.clear()
    issues = kept.find_issues([*TYPES, *COPIES]).issues
    assert reads == []
    assert len(issues) == 11
    fresh = Datalab(data.drop(index=6), task=None, image_key="image", verbosity=0)
    pd.testing.assert_frame_equal(issues, fresh.find_issues([*TYPES, *COPIES]).issues)


def test_only_new_rows_are_measured(reads: list[int]) -> None:
    images = [np.asarray(image).astype(float) for image in crops(12)]
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues([*TYPES, *COPIES])
    reads.clear()
    # By itself the dark one would be as bright as its brightest pixel.
    more = lab.append({"image": [images[3] * 0.02, images[5], images[7]]})
    assert sorted(reads) == [0, 1, 2]
    pd.testing.assert_frame_equal(more.issues[:12], lab.issues)
    assert flagged(more, "dark") == {12}
    assert flagged(more, "exact_duplicate_image") == {13, 14}


def test_what_was_measured_is_saved(tmp_path: Path, reads: list[int]) -> None:
    data = {"image": crops(40)}
    lab = Datalab(data, task=None, verbosity=0).find_issues(["dark"])
    lab.save(tmp_path / "lab")
    reads.clear()
    loaded = Datalab.load(tmp_path / "lab", data=data)
    pd.testing.assert_frame_equal(loaded.issues, lab.issues)
    loaded.find_issues(["blurry"])
    assert reads == []


def test_the_report_shows_the_pictures() -> None:
    images = crops(20)
    images[3], images[9] = scaled(images[3], 0.02), images[8].copy()
    images[10] = images[11].resize((50, 50))
    lab = Datalab({"image": images}, task=None, verbosity=0).find_issues([*TYPES, *COPIES])
    sections = {section.name: section for section in overview(lab).sections}
    assert sections["dark"].examples[0].image is not None
    (pair,) = sections["exact_duplicate_image"].groups
    assert [example.position for example in pair.examples] == [8, 9]
    (pair,) = sections["near_duplicate_image"].groups
    assert {example.position for example in pair.examples} == {10, 11}
