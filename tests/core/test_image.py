"""What is measured of images, by hand and by what must not change it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from datalab._core.duplicate import set_ids
from datalab._core.image import (
    IMAGE_PROPERTIES,
    IMAGE_SCORES,
    edge_sharpness,
    equal_pairs,
    flag_below,
    measured,
    members_of,
    similar_pairs,
    size_scores,
)

checked = settings(max_examples=30, deadline=None, derandomize=True)


def textured(seed: int = 0, side: int = 64) -> np.ndarray:
    """Grey rectangles over each other: edges of all contrasts."""
    rng = np.random.default_rng(seed)
    image = np.full((side, side), 128.0)
    for _ in range(40):
        top, left = rng.integers(0, side - 4, 2)
        high, wide = rng.integers(3, side // 2, 2)
        image[top : top + high, left : left + wide] = rng.integers(0, 256)
    return image


def records(n: int, **fields: object) -> np.ndarray:
    made = np.zeros(n, IMAGE_PROPERTIES)
    made["brightness_perc_99"] = 1.0
    made["pixels"] = np.arange(2 * n).reshape(n, 2)
    for name, values in fields.items():
        made[name] = values
    return made


def test_one_colour_by_hand() -> None:
    pixels = np.empty((4, 6, 3), np.uint8)
    pixels[:] = (128, 100, 90)
    found = measured(pixels)
    hsp = np.sqrt(0.241 * 128**2 + 0.691 * 100**2 + 0.068 * 90**2) / 255
    assert found["brightness"] == pytest.approx(hsp, abs=1e-6)
    assert found["brightness_perc_1"] == found["brightness_perc_99"]
    assert found["entropy"] == 0
    assert np.isnan(found["sharpness"])
    assert not found["is_grey"]
    assert measured(pixels[..., :1].repeat(3, axis=2))["is_grey"]


def test_percentiles_and_entropy_by_hand() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = measured(pixels)
    assert found["entropy"] == pytest.approx(8.0)
    for percent in (1, 5, 90, 99):
        expected = np.percentile(np.arange(256) / 255, percent)
        assert found[f"brightness_perc_{percent}"] == pytest.approx(expected, abs=1e-6)
    two = np.tile(np.uint8([[0, 255]]), (4, 2))
    assert measured(two)["entropy"] == pytest.approx(1.0)
    assert measured(np.dstack([two, two * 0, two * 0]))["entropy"] == pytest.approx(1.0)


def test_a_grey_image_is_measured_alike_in_colour() -> None:
    grey = textured().astype(np.uint8)
    one, three = measured(grey), measured(np.dstack([grey] * 3))
    assert one == pytest.approx(three, abs=1e-6)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_sharpness_tells_the_width_of_the_blur(sigma: float, seed: int) -> None:
    image = textured(seed, side=96)
    expected = 1 / (sigma * np.sqrt(2 * np.pi))
    assert edge_sharpness(image) > 0.9
    assert edge_sharpness(gaussian_filter(image, sigma)) == pytest.approx(expected, rel=0.35)
    assert edge_sharpness(gaussian_filter(image, 4.0)) < 0.25


@checked
@given(st.integers(0, 10_000), st.floats(0.2, 1.0), st.floats(0, 40))
def test_contrast_brightness_and_turning_do_not_change_sharpness(
    seed: int, contrast: float, shift: float
) -> None:
    image = gaussian_filter(textured(seed), 1.0)
    expected = edge_sharpness(image)
    assert edge_sharpness(image * contrast + shift) == pytest.approx(expected, rel=1e-6)
    assert edge_sharpness(image.T) == pytest.approx(expected, rel=1e-6)
    assert edge_sharpness(image[::-1]) == pytest.approx(expected, rel=1e-6)
    assert edge_sharpness(255 - image) == pytest.approx(expected, rel=1e-6)


def test_smooth_surroundings_do_not_make_an_image_blurred() -> None:
    image = np.zeros((128, 128))
    image[40:60, 40:60] = textured(side=20)
    assert edge_sharpness(image) > 0.8


def test_noise_does_not_hide_blur() -> None:
    blurred = gaussian_filter(textured(side=96), 3.0)
    noisy = blurred + np.random.default_rng(0).normal(0, 3, blurred.shape)
    assert edge_sharpness(noisy) < 0.3


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 2), (8, 8), (19, 20)])
def test_tiny_images(shape: tuple[int, int]) -> None:
    assert np.isnan(edge_sharpness(np.zeros(shape)))
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    found = measured(noise)
    if noise.size > 1:
        assert 0 < found["sharpness"] <= 1


@checked
@given(st.integers(0, 10_000))
def test_scores_lie_in_the_unit_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = records(5, width=rng.integers(1, 9, 5), height=rng.integers(1, 9999, 5))
    for at in range(5):
        pixels = rng.integers(0, rng.integers(1, 256), (rng.integers(1, 40), 12, 3))
        for name, value in measured(pixels.astype(np.uint8)).items():
            made[name][at] = value
    for score in IMAGE_SCORES.values():
        values = score(made)
        assert values.dtype.kind == "f"
        assert ((values >= 0) & (values <= 1)).all()
        np.testing.assert_array_equal(score(made[::-1]), values[::-1])


def test_sizes_are_compared_by_their_ratio() -> None:
    made = records(22, width=100, height=100)
    made["width"][:2], made["height"][:2] = (50, 200), (50, 200)
    score = size_scores(made)
    assert score[0] == pytest.approx(score[1])
    assert (score[2:] == 1).all()
    made["width"][2] = made["height"][2] = 120  # at the closest fence
    assert size_scores(made)[2] == pytest.approx(0.5)
    # Sizes from 50 to 200 in equal ratios: fences lie beyond all of them.
    spread = records(21, width=np.geomspace(50, 200, 21).astype(int), height=100)
    spread["height"] = spread["width"]
    assert (size_scores(spread) > 0.7).all()


def test_what_most_images_have_is_no_issue() -> None:
    scores = np.full(20, 0.25)
    scores[3] = 0.1
    assert flag_below(scores, 0.3, 0.1)[0].nonzero()[0].tolist() == [3]
    assert flag_below(scores, 0.3, 0.1)[1] == pytest.approx(0.15)
    assert flag_below(scores, 0.3, 1.0)[0].all()
    assert not flag_below(np.zeros(9), 0.3, 0.1)[0].any()
    few = np.where(np.arange(20) < 5, 0.1, 0.9)  # a quarter: still an issue
    assert flag_below(few, 0.3, 0.1)[0].sum() == 5
    assert flag_below(np.empty(0), 0.3, 0.1)[0].shape == (0,)


def bits_flipped(bits: np.ndarray, places: list[int]) -> np.ndarray:
    flipped = bits.copy()
    for place in places:
        flipped[place // 64] ^= np.uint64(1) << np.uint64(place % 64)
    return flipped


def unrelated(n: int, seed: int, most: int = 63) -> np.ndarray:
    rng = np.random.default_rng(seed)
    made = records(n, coarse_hash=rng.integers(0, 2**most, n, dtype=np.uint64))
    for name in ("fine_hash", "mean_hash"):
        made[name] = rng.integers(0, 2**most, (n, 4), dtype=np.uint64)
    return made


def test_similar_pairs_by_hand() -> None:
    made = unrelated(6, seed=0)
    made[4] = made[1]
    made["pixels"][4] = 99
    made["coarse_hash"][4] ^= np.uint64(0b1011)  # 3 of 64 bits
    made["fine_hash"][4] = bits_flipped(made["fine_hash"][1], [*range(6), *range(70, 76)])
    made["mean_hash"][4] = bits_flipped(made["mean_hash"][1], [*range(18)])
    made[5] = made[4]  # an exact copy of it
    pairs = similar_pairs(made, 12 / 256)
    assert set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == {
        (1, 4), (4, 1), (4, 5), (5, 4),
    }  # fmt: skip
    assert pairs.length[pairs.left == 1].tolist() == [12 / 256]
    assert set_ids(pairs, 6).tolist() == [-1, 0, -1, -1, 0, 0]
    for name in ("coarse_hash", "fine_hash", "mean_hash"):
        other = made.copy()
        if name == "coarse_hash":
            other[name][1] ^= np.uint64(0b100)
        else:
            other[name][1] = bits_flipped(other[name][1], [200])
        assert len(similar_pairs(other, 12 / 256).left) == 0, name
    made["brightness_perc_99"] = 0.01  # plain images have no picture to compare
    assert len(similar_pairs(made, 12 / 256).left) == 0


@checked
@given(st.integers(0, 10_000), st.floats(0, 0.2))
def test_similar_pairs_as_by_every_pair(seed: int, share: float) -> None:
    made = unrelated(30, seed, most=14)
    limits = {"coarse_hash": 64 * share, "fine_hash": 256 * share, "mean_hash": 384 * share}
    pairs = similar_pairs(made, share)
    expected = {
        (i, j)
        for i in range(30)
        for j in range(30)
        if i != j
        and all(
            np.bitwise_count(made[name][i] ^ made[name][j]).sum() <= bits
            for name, bits in limits.items()
        )
    }
    assert set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == expected


def test_members_of_sets() -> None:
    made = records(7)
    made["pixels"][[1, 3, 6]] = 9
    made["pixels"][[2, 5]] = 4
    pairs = equal_pairs(made)
    ids = set_ids(pairs, 7)
    assert ids.tolist() == [-1, 0, 1, 0, -1, 1, 0]
    sets = [one.tolist() for one in members_of(pairs, ids)]
    assert sets == [[], [3, 6], [5], [1, 6], [], [2], [1, 3]]


def test_huge_sets_of_copies_take_little_memory() -> None:
    made = records(5000)
    made["pixels"] = 1
    pairs = equal_pairs(made)
    sets = members_of(pairs, set_ids(pairs, 5000))
    assert sum(map(len, sets)) == 2 * 4999
