"""Tables with known outliers, built like well-known sets of ADBench, and learned representations.

What matters is imitated, from what the sets are of: codes, counts and constants, heavy tails,
columns of other units, outliers that lie together, copies, many columns of few rows, up to a third
of outliers. The numbers are made up, so figures compare methods, not with published ones.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, load_sample_images
from sklearn.neural_network import MLPClassifier

__all__ = ["NARROW", "WIDE", "Rows", "learned", "mixed"]

Rows = tuple[np.ndarray, np.ndarray]


def mixed(usual: np.ndarray, odd: np.ndarray, rng: np.random.Generator) -> Rows:
    """Both in random order, and which are the odd ones."""
    order = rng.permutation(len(usual) + len(odd))
    return np.vstack([usual, odd])[order].astype(float), order >= len(usual)


def thyroid(rng: Any) -> Rows:
    """Hormones: defaults that many share, one heavy-tailed column tells."""

    def rows(n: int, ill: float) -> np.ndarray:
        level = rng.lognormal(-6.3 + ill * rng.uniform(0.8, 3.5, n), 1.1)
        second, third = np.abs(rng.normal(0.11 - 0.03 * ill, 0.035, n)), rng.normal(0.1, 0.02, n)
        default = np.where(rng.random(n) < 0.27, 0.02, np.abs(rng.normal(0.02, 0.008, n)))
        return np.column_stack([rng.beta(2, 2, n).round(2), level, default, second, third])

    return mixed(rows(1850, 0), rows(150, 1), rng)


def shuttle(rng: Any) -> Rows:
    """Readings: whole numbers, most at rest with wild exceptions, outliers in two lumps."""

    def rows(n: int, first: float, off: float) -> np.ndarray:
        wild = np.where(rng.random((n, 3)) < 0.6, 0, rng.standard_cauchy((n, 3)) * 6)
        a, c = first + rng.gamma(2, 4, n), 80 + 6 * rng.standard_t(3, n) + off / 3
        e = a - 10 + rng.normal(0, 12, n) - off
        return np.round(np.column_stack([a, c, e, c - a, c - e, e - a, wild]))

    return mixed(rows(1860, 38, 0), np.vstack([rows(110, 70, 45), rows(30, 50, -60)]), rng)


def connections(rng: Any) -> Rows:
    """Logarithms of lengths of requests: many copies, and an attack that repeats one of its own."""
    n, attack = 1980, 20
    lengths = np.log(np.round(np.exp(rng.normal([5.5, 7.4], [0.35, 1.3], (n, 2)))) + 0.1)
    duration = np.where(rng.random(n) < 0.97, -2.3, rng.exponential(2, n))
    odd = np.where(rng.random((attack, 1)) < 0.9, [-2.3, 10.9, 9.0], [1.0, 9.5, -2.3])
    return mixed(np.column_stack([duration, lengths]), odd, rng)


def spots(rng: Any) -> Rows:
    """Measures of spots on a picture: skewed, zero where a spot has no such thing."""

    def rows(n: int, ill: float) -> Any:
        size = rng.gamma(1.2, 1, (n, 1)) * np.linspace(0.2, 1, 6)
        value = size + rng.lognormal(-0.3, 0.8, (n, 6)) + ill * rng.gamma(1.5, 0.8, (n, 6))
        value[:, 3:] *= rng.random((n, 3)) > 0.6 - 0.45 * ill
        return value

    return mixed(rows(1950, 0), rows(50, 1), rng)


def codes(rng: Any) -> Rows:
    """Findings of a doctor as codes: 18 columns of 2 to 8 categories, 148 rows."""
    levels = np.array([3, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 8, 3, 8, 2, 2, 8, 2])
    usual, odd = [], []
    for level in levels:
        share, other = rng.dirichlet(0.8 * np.ones(level)), rng.dirichlet(0.5 * np.ones(level))
        usual.append(rng.choice(level, 142, p=share))
        odd.append(rng.choice(level, 6, p=0.35 * share + 0.65 * other))
    return mixed(np.column_stack(usual), np.column_stack(odd), rng)


def donations(rng: Any) -> Rows:
    """Yes or no six times, and amounts; the outliers are yes to most."""

    def rows(n: int, odd: float) -> np.ndarray:
        yes = rng.random((n, 6)) < np.array([0.1, 0.3, 0.5, 0.2, 0.05, 0.6]) + 0.35 * odd
        amounts = rng.gamma(0.8 + odd, 10, n), rng.lognormal(3, 0.9, n), rng.normal(65, 13, n)
        return np.column_stack([yes, np.round(np.column_stack(amounts))])

    return mixed(rows(1880, 0), rows(120, 1), rng)


def cells(rng: Any) -> Rows:
    """Grades from 1 to 10: healthy ones nearly all 1, a third of the rows anything else."""
    usual = 1 + rng.poisson(0.4, (430, 9)) * (rng.random((430, 9)) < 0.6)
    level = rng.uniform(0, 7, (230, 1)) * rng.random((1, 9))
    odd = np.clip(np.round(3 + level + rng.normal(0, 2.6, (230, 9))), 1, 10)
    return mixed(usual, odd, rng)


def molecules(rng: Any) -> Rows:
    """Shapes of molecules: 166 whole numbers, each molecule a lump, a few of another kind."""

    def molecule(n: int, off: float) -> Any:
        centre = mean + 0.35 * rng.normal(size=8) @ base + off * rng.normal(size=166)
        folds = 12 * rng.normal(size=(n, 12)) @ rng.normal(size=(12, 166))
        return np.round(centre + 0.8 * folds + 8 * rng.normal(size=(n, 166)))

    base, mean = 60 * rng.normal(size=(8, 166)), rng.normal(-20, 90, 166)
    usual = np.vstack([molecule(n, 0) for n in rng.multinomial(1400, rng.dirichlet(np.ones(40)))])
    return mixed(usual, np.vstack([molecule(16, 30) for _ in range(3)]), rng)


def echoes(rng: Any) -> Rows:
    """Complex echoes of a radar in -1 to 1: 34 columns, a third of the rows noise."""
    time = np.arange(17)
    decay = np.exp(-rng.exponential(0.04, (225, 1)) * time)
    noise = rng.normal(size=(2, 225, 17)) * 0.08
    good = decay * np.exp(1j * rng.normal(0, 0.25, (225, 1)) * time) + noise[0] + 1j * noise[1]
    parts = rng.uniform(-1, 1, (2, 126, 17))
    parts = np.where(rng.random((1, 126, 1)) < 0.5, np.round(parts), parts)
    views = (
        np.stack([z.real, z.imag], -1).reshape(len(z), -1) for z in (good, parts[0] + 1j * parts[1])
    )
    usual, odd = (np.clip(view, -1, 1) for view in views)
    return mixed(usual, odd, rng)


def words(rng: Any) -> Rows:
    """Which of 600 words an address has: rows are short, a fifth are of another sort."""
    often, groups = rng.beta(0.3, 12, 600), rng.random((30, 600)) < 0.01
    usual = (rng.random((1000, 600)) < often) | groups[rng.integers(30, size=1000)]
    other = np.clip(often * rng.choice([0.3, 1, 1, 6], 600), 0, 0.9)
    odd = (rng.random((230, 600)) < other) | groups[rng.integers(5, size=230)]
    return mixed(usual, odd, rng)


def pairs(rng: Any) -> Rows:
    """Two letters side by side, each 16 counts from 0 to 15; odd is what has another second one."""
    centres = rng.normal(7, 2.2, (26, 16))

    def side(letters: np.ndarray) -> Any:
        return np.clip(
            np.round(centres[letters] + 1.6 * rng.normal(size=(len(letters), 16))), 0, 15
        )

    few = [side(rng.integers(0, 3, n)) for n in (1500, 1500, 100)]
    odd = np.hstack([few[2], side(rng.integers(3, 26, 100))])
    return mixed(np.hstack(few[:2]), odd, rng)


def ground(rng: Any) -> Rows:
    """Nine pixels of four bands from above; the three rarer kinds of ground are a third."""
    bands = np.array([[63, 95, 108, 88], [48, 40, 113, 118], [87, 105, 111, 87]])
    bands = np.vstack([bands, [[77, 90, 95, 75], [59, 62, 80, 66], [69, 77, 82, 64]]])

    def rows(kind: int, n: int) -> Any:
        own = bands[kind] + 7 * rng.normal(size=(n, 1, 4)) + 3 * rng.normal(size=(n, 9, 4))
        other = bands[rng.integers(0, 6, n)][:, None] + 7 * rng.normal(size=(n, 9, 4))
        return np.round(np.where(rng.random((n, 9, 1)) < 0.15, other, own).reshape(n, -1))

    usual = np.vstack([rows(kind, n) for kind, n in ((0, 450), (2, 400), (5, 450))])
    return mixed(
        usual, np.vstack([rows(kind, n) for kind, n in ((1, 250), (3, 130), (4, 170))]), rng
    )


def letters_of_trade(rng: Any) -> Rows:
    """Shares of 54 words in a message, mostly 0, and three lengths; two in seven are odd."""
    often, scale = rng.beta(1, 4, 54), rng.lognormal(-1, 0.6, 54)

    def rows(n: int, often: np.ndarray, odd: float) -> np.ndarray:
        shares = np.where(rng.random((n, 54)) < often, rng.exponential(scale, (n, 54)), 0)
        lengths = rng.lognormal([1 + 0.4 * odd, 2.5 + odd, 4.5 + odd], 1.2, (n, 3))
        return np.column_stack([shares, lengths]).round(2)

    other = np.clip(often * rng.lognormal(0, 0.9, 54), 0.01, 0.9)
    return mixed(rows(1250, often, 0), rows(500, other, 1), rng)


def traffic(rng: Any) -> Rows:
    """Flags of 120 protocols, and 20 sizes over many orders of magnitude."""
    often = rng.beta(0.2, 4, 120)
    other = np.clip(often + 0.7 * (rng.random(120) < 0.06), 0, 0.98)
    usual, odd = (
        np.column_stack([rng.random((n, 120)) < share, rng.lognormal(0, 2, (n, 20))])
        for n, share in ((1950, often), (50, other))
    )
    return mixed(usual, odd, rng)


def patches(rng: Any) -> Rows:
    """Real: 4 by 4 pixels of one photograph, and a few of another one."""
    china, flower = (np.asarray(image) for image in load_sample_images().images)

    def cut(image: np.ndarray, n: int) -> np.ndarray:
        rows, columns = (rng.integers(0, size - 4, n) for size in image.shape[:2])
        return np.stack(
            [image[i : i + 4, j : j + 4].ravel() for i, j in zip(rows, columns, strict=True)]
        )

    return mixed(cut(flower, 1500), cut(china, 50), rng)


NARROW: dict[str, Callable[[Any], Rows]] = {
    one.__name__: one for one in (thyroid, shuttle, connections, spots, codes, donations, cells)
}
WIDE: dict[str, Callable[[Any], Rows]] = {
    one.__name__: one
    for one in (
        molecules,
        echoes,
        words,
        pairs,
        ground,
        letters_of_trade,
        traffic,
        patches,
    )
}


def learned() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Digits as a network sees them that has learned other digits; one class is rare."""
    pixels, digit = load_digits(return_X_y=True)
    for activation in ("relu", "tanh"):
        for half in (0, 1):
            known = (digit < 5) == (half == 1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # sixty steps are enough
                net = MLPClassifier((256, 128), activation=activation, max_iter=60, random_state=0)
                net.fit(pixels[known] / 16, digit[known])
            seen = pixels / 16
            for weights, bias in list(zip(net.coefs_, net.intercepts_, strict=True))[:2]:
                seen = seen @ weights + bias
                seen = np.maximum(seen, 0) if activation == "relu" else np.tanh(seen)
            for odd in (5 * half, 5 * half + 3):
                rng = np.random.default_rng(odd)
                few = rng.permutation(np.flatnonzero(digit == odd))[:80]
                yield f"{activation} {odd}", *mixed(seen[digit != odd], seen[few], rng)
