"""Images that are too dark, too bright, blurred, empty, oddly shaped, grey, or copies of others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import finite_number, unit_number
from datalab._core.duplicate import Pairs, kept_rows, set_ids
from datalab._core.image import (
    IMAGE_SCORES,
    PERCENTILES,
    edge_widths,
    equal_pairs,
    flag_below,
    image_sizes,
    information_scores,
    members_of,
    sharpness_scores,
    similar_pairs,
    size_scores,
)
from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.exceptions import InputError
from datalab.findings import Findings
from datalab.managers.base import Kind, percent

__all__ = [
    "Blurry",
    "Dark",
    "ExactDuplicateImage",
    "Grayscale",
    "Light",
    "LowInformation",
    "NearDuplicateImage",
    "OddAspectRatio",
    "OddSize",
]

Properties = NDArray[np.void]

EXTRAS = ("issue_threshold", "prevalence")
BRIGHTNESS = ("brightness", *(f"brightness_perc_{p}" for p in PERCENTILES))


@dataclass(frozen=True)
class _ImageCheck:
    """One score per image, flagged below a threshold.

    Parameters
    ----------
    threshold : float
        Images with a lower score are flagged.
    max_prevalence : float
        When more than this share of the images is below the threshold, that is how the images of
        this data set look, and only those far below the typical one are flagged; 1 for the
        threshold alone.
    """

    threshold: float = 0.5
    max_prevalence: float = 0.1

    name: ClassVar[str]
    modality: ClassVar[str] = "images"

    def __post_init__(self) -> None:
        """Check the options."""
        unit_number(self.threshold, name="threshold")
        unit_number(self.max_prevalence, name="max_prevalence")

    def scores(self, properties: Properties) -> FloatArray:
        """The score of each image."""
        return IMAGE_SCORES[self.name](properties)

    def columns(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """What was measured, for people."""
        raise NotImplementedError

    def info(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """What was measured, under the names of cleanvision."""
        return self.columns(properties)

    def find_issues(self, image_properties: Properties) -> Findings:
        """Find images with a low score."""
        score = self.scores(image_properties)
        flags, cut = flag_below(score, self.threshold, self.max_prevalence)
        return Findings(
            self.name,
            is_issue=flags,
            score=score,
            # Where most images are like that, the mean would call the data set bad.
            summary=float(1.0 - flags.mean()) if cut < self.threshold else None,
            columns=self.columns(image_properties),
            info={
                **self.info(image_properties),
                "threshold": self.threshold,
                "issue_threshold": cut,
                "prevalence": float((score < self.threshold).mean()),
            },
        )


@dataclass(frozen=True)
class Dark(_ImageCheck):
    """Images that are dark even where they are brightest.

    The score is the brightness that a hundredth of the pixels exceeds, from 0 (black) to 1 (white).

    Parameters
    ----------
    threshold, max_prevalence : float
        Images with a score below `threshold` are flagged; when these are more than the share
        `max_prevalence`, only those with less than 0.6 times the typical (median) score.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(3, IMAGE_PROPERTIES)
    >>> images["brightness_perc_99"] = [0.9, 0.1, 0.8]
    >>> Dark().find_issues(images).is_issue.tolist()
    [False, True, False]
    """

    threshold: float = 0.32

    name: ClassVar[str] = "dark"
    title: ClassVar[str] = "dark image"
    description: ClassVar[str] = "Images that are dark even where they are brightest."
    advice: ClassVar[str] = "Brighten them if they still show what they should, else drop them."
    produces: ClassVar[dict[str, Kind]] = {"highest_brightness": "number"}
    extras: ClassVar[tuple[str, ...]] = ("highest_brightness", *EXTRAS)

    def columns(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """Brightness."""
        return {"highest_brightness": properties["brightness_perc_99"]}

    def info(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """Brightness, mean and percentiles."""
        return {name: properties[name] for name in BRIGHTNESS}

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        return f"brightness {row['score']:.2f} where it is brightest (0 black, 1 white)"


@dataclass(frozen=True)
class Light(_ImageCheck):
    """Images that are bright even where they are darkest.

    The score is one minus the brightness that a twentieth of the pixels stays below.

    Parameters
    ----------
    threshold, max_prevalence : float
        As for `Dark`.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(3, IMAGE_PROPERTIES)
    >>> images["brightness_perc_5"] = [0.1, 0.99, 0.3]
    >>> Light().find_issues(images).is_issue.tolist()
    [False, True, False]
    """

    threshold: float = 0.05

    name: ClassVar[str] = "light"
    title: ClassVar[str] = "light image"
    description: ClassVar[str] = "Images that are bright even where they are darkest."
    advice: ClassVar[str] = "Look whether they still show what they should; else drop them."
    produces: ClassVar[dict[str, Kind]] = {"lowest_brightness": "number"}
    extras: ClassVar[tuple[str, ...]] = ("lowest_brightness", *EXTRAS)

    def columns(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """Brightness."""
        return {"lowest_brightness": properties["brightness_perc_5"]}

    def info(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """Brightness, mean and percentiles."""
        return {name: properties[name] for name in BRIGHTNESS}

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        return f"brightness {1 - row['score']:.2f} where it is darkest (0 black, 1 white)"


@dataclass(frozen=True)
class LowInformation(_ImageCheck):
    """Images with hardly any content: few different values of pixels.

    The score is the entropy of the most varied colour channel, times a factor.

    Parameters
    ----------
    threshold, max_prevalence : float
        As for `Dark`.
    normalizing_factor : float
        What the entropy in bits per pixel (0 to 8) is multiplied with.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(3, IMAGE_PROPERTIES)
    >>> images["entropy"] = [7.1, 0.2, 6.4]
    >>> LowInformation().find_issues(images).is_issue.tolist()
    [False, True, False]
    """

    threshold: float = 0.15
    normalizing_factor: float = 0.1

    name: ClassVar[str] = "low_information"
    title: ClassVar[str] = "low-information image"
    description: ClassVar[str] = "Images with hardly any content: nearly all pixels are equal."
    advice: ClassVar[str] = "Drop them, or find out where their content was lost."
    produces: ClassVar[dict[str, Kind]] = {"bits_per_pixel": "number"}
    extras: ClassVar[tuple[str, ...]] = ("bits_per_pixel", *EXTRAS)

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        _positive(self.normalizing_factor, "normalizing_factor")

    def scores(self, properties: Properties) -> FloatArray:
        """The entropy, times a factor."""
        return information_scores(properties, self.normalizing_factor)

    def columns(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """Entropy."""
        return {"bits_per_pixel": properties["entropy"]}

    def info(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """Entropy."""
        return {"entropy": properties["entropy"]}

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        bits = row["score"] / self.normalizing_factor
        return "all pixels are equal" if bits == 0 else f"only {bits:.1f} of 8 bits per pixel"


@dataclass(frozen=True)
class OddAspectRatio(_ImageCheck):
    """Images that are much wider than high, or higher than wide.

    The score is the shorter side divided by the longer one.

    Parameters
    ----------
    threshold, max_prevalence : float
        As for `Dark`.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(3, IMAGE_PROPERTIES)
    >>> images["width"], images["height"] = [64, 640, 60], 64
    >>> OddAspectRatio().find_issues(images).is_issue.tolist()
    [False, True, False]
    """

    threshold: float = 0.35

    name: ClassVar[str] = "odd_aspect_ratio"
    description: ClassVar[str] = "Images that are much wider than high, or higher than wide."
    advice: ClassVar[str] = "Crop them, or look whether they are images of something else."
    produces: ClassVar[dict[str, Kind]] = {"width": "number", "height": "number"}
    extras: ClassVar[tuple[str, ...]] = ("width", "height", *EXTRAS)

    def columns(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """The sides in pixels."""
        return {"width": properties["width"], "height": properties["height"]}

    def info(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """The shorter side divided by the longer one."""
        return {"aspect_ratio": self.scores(properties)}

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        return f"one side is {_times(1 / max(row['score'], 1e-6))} as long as the other" + _size(
            row
        )


@dataclass(frozen=True)
class OddSize(_ImageCheck):
    """Images much larger or smaller than the others.

    The size is the square root of the area; sizes are compared by their ratio. The score is 1 for
    the typical size, 0.5 at the fences (see `iqr_factor`) and 0 at twice their distance.

    Parameters
    ----------
    threshold, max_prevalence : float
        As for `Dark`.
    iqr_factor : float
        The fences lie so many times the distance of the quartiles beyond the quartiles, and never
        closer to the typical size than a factor of 1.2.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(5, IMAGE_PROPERTIES)
    >>> images["width"] = images["height"] = [64, 64, 640, 64, 60]
    >>> OddSize().find_issues(images).is_issue.tolist()
    [False, False, True, False, False]
    """

    iqr_factor: float = 3.0

    name: ClassVar[str] = "odd_size"
    description: ClassVar[str] = "Images much larger or smaller than the others."
    advice: ClassVar[str] = "Look where they come from; enlarged ones lack detail."
    produces: ClassVar[dict[str, Kind]] = {
        "width": "number",
        "height": "number",
        "times_typical_size": "number",
    }
    extras: ClassVar[tuple[str, ...]] = (*produces, *EXTRAS)

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        _positive(self.iqr_factor, "iqr_factor")

    def scores(self, properties: Properties) -> FloatArray:
        """How near the size is to those of the others."""
        return size_scores(properties, self.iqr_factor)

    def columns(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """The sides in pixels, and the size as a multiple of the typical (median) one."""
        size = image_sizes(properties)
        return {
            "width": properties["width"],
            "height": properties["height"],
            "times_typical_size": size / np.median(size),
        }

    def info(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """The square root of the area."""
        return {"size": image_sizes(properties)}

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        times = row.get("times_typical_size")
        if times is None:
            return "its size is far from that of the others"
        told = f"{_times(times)} as large" if times > 1 else f"{_times(1 / times)} smaller"
        return f"{told} as usual{_size(row)}" if times > 1 else f"{told} than usual{_size(row)}"


@dataclass(frozen=True)
class Grayscale(_ImageCheck):
    """Images without colour among images with colour.

    Stored in grey, or in colour with equal channels. The score is 0 for these and 1 for others.

    Parameters
    ----------
    threshold, max_prevalence : float
        As for `Dark`; where most images are grey, none is flagged.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(3, IMAGE_PROPERTIES)
    >>> images["mode"], images["is_grey"] = ["RGB", "L", "RGB"], [False, True, False]
    >>> Grayscale().find_issues(images).is_issue.tolist()
    [False, True, False]
    """

    name: ClassVar[str] = "grayscale"
    title: ClassVar[str] = "grayscale image"
    description: ClassVar[str] = "Images without colour among images with colour."
    advice: ClassVar[str] = "Look whether colour matters here; if so, replace them."
    produces: ClassVar[dict[str, Kind]] = {"color_space": "text"}
    extras: ClassVar[tuple[str, ...]] = EXTRAS

    def columns(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """Pillow's name of the colour space."""
        return {"color_space": properties["mode"].astype(object)}

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        mode = row.get("color_space")
        return "no colour" if mode is None else f"no colour (stored as {mode})"


@dataclass(frozen=True)
class Blurry(_ImageCheck):
    """Images whose sharpest edges are blurred.

    The score is ``1 - exp(-normalizing_factor * s)`` of the sharpness s in percent: how much of
    their contrast the sharpest edges cross from one pixel to the next. At the default threshold
    edges are three pixels wide. A smooth background and low contrast do not count; images without
    any edge have score 1 (see ``low_information`` for these).

    Parameters
    ----------
    threshold, max_prevalence : float
        As for `Dark`.
    normalizing_factor : float
        What the sharpness is multiplied with.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(3, IMAGE_PROPERTIES)
    >>> images["sharpness"] = [0.9, 0.1, 0.7]
    >>> Blurry().find_issues(images).is_issue.tolist()
    [False, True, False]
    """

    threshold: float = 0.29
    normalizing_factor: float = 0.01

    name: ClassVar[str] = "blurry"
    title: ClassVar[str] = "blurry image"
    description: ClassVar[str] = "Images whose sharpest edges are blurred."
    advice: ClassVar[str] = "Drop them if the blur hides what they should show."
    produces: ClassVar[dict[str, Kind]] = {"edge_width": "number"}
    extras: ClassVar[tuple[str, ...]] = ("edge_width", *EXTRAS)

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        _positive(self.normalizing_factor, "normalizing_factor")

    def scores(self, properties: Properties) -> FloatArray:
        """How sharp the sharpest edges are."""
        return sharpness_scores(properties, self.normalizing_factor)

    def columns(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """The width of the sharpest edges in pixels; NaN without any edge."""
        return {"edge_width": edge_widths(properties)}

    def info(self, properties: Properties) -> dict[str, NDArray[Any]]:
        """The width of the sharpest edges, and how even the use of grey levels is."""
        return {
            "blurriness": edge_widths(properties),
            "blurriness_grayscale_std": properties["grey_std"],
        }

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        width = row.get("edge_width")
        return (
            "its edges are not sharp" if width is None else f"its edges are {width:.1f} pixels wide"
        )


# --- copies ---------------------------------------------------------------------------------------


_SET_COLUMNS: dict[str, Kind] = {
    "near_duplicate_sets": "rows",
    "near_duplicate_set": "number",
    "is_kept": "bool",
}


@dataclass(frozen=True)
class ExactDuplicateImage:
    """Images with exactly the same pixels as another one, whatever file they came from.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(3, IMAGE_PROPERTIES)
    >>> images["pixels"] = [[1, 2], [3, 4], [1, 2]]
    >>> found = ExactDuplicateImage().find_issues(images)
    >>> found.is_issue.tolist(), found.columns["is_kept"].tolist()
    ([True, False, True], [True, True, False])
    """

    name: ClassVar[str] = "exact_duplicate_image"
    title: ClassVar[str] = "exact duplicate image"
    modality: ClassVar[str] = "images"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = "Images with exactly the same pixels as another one."
    advice: ClassVar[str] = "Keep one of each set; between training and test data keep none."
    produces: ClassVar[dict[str, Kind]] = _SET_COLUMNS

    def find_issues(self, image_properties: Properties) -> Findings:
        """Find the sets of equal images."""
        pairs = equal_pairs(image_properties)
        ids = set_ids(pairs, len(image_properties))
        return _sets_found(self.name, pairs, ids, np.where(ids >= 0, 0.0, 1.0))

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        return f"the same pixels as {_rows(row['near_duplicate_sets'])}"


@dataclass(frozen=True)
class NearDuplicateImage:
    """Images that look nearly the same: resized, compressed, brightened or slightly cut copies.

    Two images are near duplicates when their perceptual hashes (of the lowest frequencies of the
    image in grey) differ in few bits, and the same places are bright. The score is the share of
    different bits of the finer hash to the most similar image, times two: 1 for unrelated images.

    Parameters
    ----------
    threshold : float
        The share of bits that may differ, of a coarse hash of 64 bits and of a fine one of 256;
        unrelated images differ in about half. At 1/8, resized, compressed (JPEG quality 50),
        brightened and slightly blurred copies are found, and most of those cut by 2 %.

    Notes
    -----
    Sets are connected components, with the exact copies of their members; sets of exact copies
    only are left to ``exact_duplicate_image``. Plain images are compared with none.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(3, IMAGE_PROPERTIES)
    >>> images["brightness_perc_99"], images["pixels"][:, 0] = 1.0, [1, 2, 3]
    >>> images["coarse_hash"], images["fine_hash"][:, 0] = [0, 2**40 - 1, 1], [0, 2**40 - 1, 3]
    >>> found = NearDuplicateImage().find_issues(images)
    >>> found.is_issue.tolist(), found.score.tolist()
    ([True, False, True], [0.015625, 1.0, 0.015625])
    """

    threshold: float = 0.125

    name: ClassVar[str] = "near_duplicate_image"
    title: ClassVar[str] = "near-duplicate image"
    modality: ClassVar[str] = "images"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = "Images that look nearly the same as another one."
    advice: ClassVar[str] = "Keep one of each set; between training and test data keep none."
    produces: ClassVar[dict[str, Kind]] = _SET_COLUMNS | {"different_bits": "number"}

    def __post_init__(self) -> None:
        """Check the options."""
        unit_number(self.threshold, name="threshold")

    def find_issues(self, image_properties: Properties) -> Findings:
        """Find the sets of similar images."""
        pairs = similar_pairs(image_properties, self.threshold)
        nearest = np.full(len(image_properties), 0.5)
        np.minimum.at(nearest, pairs.left, pairs.length)
        ids = set_ids(pairs, len(image_properties))
        return _sets_found(self.name, pairs, ids, 2.0 * nearest, different_bits=nearest)

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        bits = percent(row["different_bits"])
        return f"looks like {_rows(row['near_duplicate_sets'])} ({bits} of the hash differs)"


def _sets_found(
    name: str, pairs: Pairs, ids: IndexArray, score: FloatArray, **columns: FloatArray
) -> Findings:
    """Findings about sets of images, in the columns of `NearDuplicate`."""
    sets = members_of(pairs, ids)
    in_set: BoolArray = ids >= 0
    return Findings(
        name,
        is_issue=in_set,
        score=score,
        columns={
            "near_duplicate_sets": sets,
            "near_duplicate_set": ids,
            "is_kept": kept_rows(ids),
            **columns,
        },
        info={"near_duplicate_sets": sets, "num_sets": int(ids.max(initial=-1)) + 1},
    )


# --- words ----------------------------------------------------------------------------------------


def _positive(value: float, name: str) -> None:
    if finite_number(value, name=name) <= 0:
        raise InputError(f"`{name}` must be greater than 0, got {value!r}")


def _times(factor: float) -> str:
    return f"{factor:.1f} times" if factor < 9.95 else f"{factor:.0f} times"


def _size(row: Mapping[str, Any]) -> str:
    return f" ({row['width']} × {row['height']} pixels)" if "width" in row else ""


def _rows(others: Any) -> str:
    names = ", ".join(str(other) for other in list(others)[:5]) + (", …" if len(others) > 5 else "")
    return f"row {names}" if len(others) == 1 else f"rows {names}"
