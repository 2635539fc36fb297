"""Data sets of every kind from what any machine has: generators, fonts, photographs, catalogues.

Each has raw columns, numbers that a careful user would make of them by hand, and true classes.
"""

import gettext
import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.signal import spectrogram
from sklearn.datasets import load_sample_images, make_classification, make_friedman1
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

__all__ = [
    "Set",
    "catalogue",
    "friedman",
    "letters",
    "mixed",
    "names",
    "patches",
    "rings",
    "rules",
    "together",
    "uneven",
    "words",
]

CATALOGUES = Path("/usr/share/locale")
MODES = ("L", "RGB", "RGBA", "P", "I;16", "CMYK", "1")


@dataclass(frozen=True)
class Set:
    """Raw columns, numbers made of them by hand, and true classes."""

    name: str
    columns: Any
    features: np.ndarray
    true: np.ndarray


def numbers_of(frame: pd.DataFrame) -> np.ndarray:
    """Numbers standardised, dates as numbers, texts as 20 components, categories one by one."""
    numbers = frame.select_dtypes("number")
    parts = []
    if numbers.shape[1]:
        parts.append(StandardScaler().fit_transform(numbers.fillna(numbers.median())))
    for name in frame.columns.difference(numbers.columns, sort=False):
        column = frame[name]
        if column.dtype.kind == "M":
            days = column.astype("int64").to_numpy(float)[:, None]
            parts.append(StandardScaler().fit_transform(days))
        elif column.astype(str).str.split().str.len().mean() > 2.5:
            terms = TfidfVectorizer().fit_transform(column.fillna("").astype(str))
            size = min(20, terms.shape[1] - 1)
            parts.append(TruncatedSVD(size, random_state=0).fit_transform(terms) * 3)
        else:
            hot = OneHotEncoder(min_frequency=5, sparse_output=False)
            parts.append(hot.fit_transform(frame[[name]].astype(str)))
    return np.hstack(parts)


def mixed(
    n_rows: int, n_columns: int, n_classes: int, apart: float, seed: int, clusters: int = 1
) -> Set:
    """Numbers of which a third become categories, one a date, one a text; with gaps and tails."""
    rng = np.random.default_rng(seed)
    least = int(np.ceil(np.log2(n_classes * clusters))) + 3
    informative = min(max(least, n_columns // 4), 25, n_columns)
    X, true = make_classification(
        n_rows,
        n_columns,
        n_informative=informative,
        n_redundant=min(n_columns - informative, n_columns // 8),
        n_classes=n_classes,
        n_clusters_per_class=clusters,
        class_sep=apart,
        flip_y=0,
        random_state=seed,
    )
    frame = pd.DataFrame(X, columns=[f"v{i}" for i in range(n_columns)])
    for i in range(0, n_columns, 3):
        levels = int(rng.integers(2, 12))
        names = np.array([f"{chr(97 + j)}{rng.integers(100)}" for j in range(levels)])
        frame[f"v{i}"] = names[pd.qcut(X[:, i], levels, labels=False)]
    days = pd.to_timedelta((X[:, 1] * 90).round(), unit="D")
    frame["v1"] = pd.Timestamp("2020-01-01") + days
    if n_columns > 10:
        moods = ("good fine nice great", "bad poor awful sad", "so so middling okay")
        things = ("thing", "day", "car", "house")
        thirds = pd.qcut(X[:, 4], 3, labels=False)
        frame["v4"] = [
            f"{' '.join(rng.choice(moods[k].split(), 3))} {rng.choice(things)}" for k in thirds
        ]
        for name in frame.columns[2::5]:
            frame.loc[rng.random(n_rows) < 0.1, name] = None
        for name in frame.columns[4::9]:
            if frame[name].dtype.kind == "f":
                frame[name] = np.exp(frame[name])
    return Set(f"mixed table, {n_columns} columns", dict(frame), numbers_of(frame), true)


def rules(n_rows: int, seed: int) -> Set:
    """Categories with effects of their own, and columns that matter only together."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": rng.choice([f"city{k}" for k in range(40)], n_rows),
            "kind": rng.choice(list("abcdef"), n_rows),
            "age": rng.integers(18, 90, n_rows),
            "income": np.exp(rng.normal(10, 1, n_rows)),
            "score": rng.normal(size=n_rows),
            "noise1": rng.normal(size=n_rows),
            "noise2": rng.choice(list("xyz"), n_rows),
        }
    )
    effect = rng.normal(size=40)[frame["city"].str[4:].astype(int)]
    sign = np.where(frame["kind"].isin(["a", "b", "c"]), 2, -2)
    rich = np.where(frame["income"] > 22000, 2.0, -2.0)
    total = sign * frame["score"] + 1.5 * effect + (frame["age"] > 50) * rich
    true = np.digitize(total, np.quantile(total, [0.33, 0.66]))
    frame.loc[rng.random(n_rows) < 0.05, "income"] = np.nan
    return Set("table of rules", dict(frame), numbers_of(frame), true)


def friedman(n_rows: int, seed: int) -> Set:
    """Quarters of Friedman's function of five numbers among twelve."""
    X, total = make_friedman1(n_rows, 12, noise=0.3, random_state=seed)
    true = np.digitize(total, np.quantile(total, [0.25, 0.5, 0.75]))
    columns = {f"x{i}": X[:, i] for i in range(12)}
    return Set("Friedman's function", columns, StandardScaler().fit_transform(X), true)


def rings(n_rows: int, seed: int) -> Set:
    """Shells around the middle in four of eight dimensions."""
    X = np.random.default_rng(seed).normal(size=(n_rows, 8))
    true = np.digitize((X[:, :4] ** 2).sum(axis=1), [2.2, 4.5])
    return Set("shells", {f"x{i}": X[:, i] for i in range(8)}, X, true)


def uneven(n_rows: int, n_columns: int, n_classes: int, apart: float, share: float) -> Set:
    """Columns of very different units; each class has a share of the rows of the one before."""
    rng = np.random.default_rng(4)
    middle = rng.normal(size=(n_classes, n_columns)) * apart
    odds = share ** np.arange(n_classes)
    true = rng.choice(n_classes, n_rows, p=odds / odds.sum())
    X = middle[true] + rng.normal(size=(n_rows, n_columns)) * rng.uniform(0.7, 1.5, n_columns)
    X *= 10.0 ** rng.integers(-2, 4, n_columns)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(n_columns)])
    true = np.unique(true, return_inverse=True)[1]
    return Set("uneven classes", dict(frame), numbers_of(frame), true)


def names(per_class: int) -> Set:
    """Names of functions as one to three words; the module is the class."""
    rng = np.random.default_rng(0)
    modules = "numpy scipy.stats scipy.signal pandas sklearn.metrics matplotlib.pyplot os asyncio"
    texts, true = [], []
    for code, module in enumerate(modules.split()):
        found = {
            " ".join(re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name)[:3]).lower()
            for name in dir(importlib.import_module(module))
            if name[0] != "_" and len(name) > 2
        }
        listed = sorted(found - {""})
        chosen = [listed[i] for i in rng.permutation(len(listed))[:per_class]]
        texts += chosen
        true += [code] * len(chosen)
    terms = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2).fit_transform(texts)
    features = TruncatedSVD(200, random_state=0).fit_transform(terms)
    order = rng.permutation(len(true))
    columns = {"name": [texts[i] for i in order]}
    return Set("names of functions", columns, features[order], np.array(true)[order])


def together(n_rows: int) -> Set:
    """A number, a category, three words and an image, each of which tells something."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 6, n_rows)
    topics = ("red apple fruit sweet", "blue sea water deep", "green tree leaf forest",
              "iron steel tool hard", "night star moon dark", "bread wheat food warm")  # fmt: skip
    seen = np.where(rng.random(n_rows) < 0.6, true, rng.integers(6, size=n_rows))
    third = np.where(rng.random(n_rows) < 0.7, true % 3, rng.integers(3, size=n_rows))
    half = np.where(rng.random(n_rows) < 0.5, true, rng.integers(6, size=n_rows))
    frame = pd.DataFrame(
        {
            "number": third + rng.normal(size=n_rows) * 0.5,
            "category": np.array(list("pqrstu"))[half],
            "text": [" ".join(rng.choice(topics[k].split(), 3)) for k in seen],
        }
    )
    images = []
    for row, code in enumerate(true):
        colour = np.array([40 + 30 * (code // 2), 200 - 25 * code, 90])
        pixels = colour + rng.normal(size=(20 + row % 9, 24, 3)) * 60
        images.append(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))
    features = np.hstack([numbers_of(frame), pixels_of(images)[:, :20]])
    return Set("all kinds together", {**dict(frame), "photo": images}, features, true)


def catalogue(language: str, n_classes: int, per_class: int) -> Set:
    """Messages of installed programs in a language; which program is the class."""
    folder = CATALOGUES / language / "LC_MESSAGES"
    if not folder.is_dir():
        pytest.skip(f"no message catalogues here in {language}")
    rng = np.random.default_rng(0)
    found: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.mo"), key=lambda path: -path.stat().st_size):
        stem = file.stem.split("-")[0].rstrip("0123456789")
        if stem in found or len(found) == n_classes:
            continue
        try:
            with file.open("rb") as opened:
                messages = gettext.GNUTranslations(opened)._catalog
        except UnicodeDecodeError:
            continue
        texts = {
            text.replace("\n", " ").strip()
            for key, text in messages.items()
            if isinstance(text, str) and key != "" and len(text) >= 4
        }
        if len(texts) >= per_class // 2:
            listed = sorted(texts)
            found[stem] = [listed[i] for i in rng.permutation(len(listed))[:per_class]]
    if len(found) < n_classes:
        pytest.skip(f"only {len(found)} message catalogues here in {language}")
    true = np.repeat(np.arange(n_classes), [len(texts) for texts in found.values()])
    order = rng.permutation(len(true))
    every = [text for texts in found.values() for text in texts]
    listed = [every[i] for i in order]
    blank = language not in ("zh_CN", "ja", "th")
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    signs = TfidfVectorizer(
        sublinear_tf=True, analyzer="char", ngram_range=(1, 3), min_df=2, max_features=30_000
    )
    terms = (words if blank else signs).fit_transform(listed)
    features = TruncatedSVD(200, random_state=0).fit_transform(terms)
    return Set(f"texts in {language}", {"text": listed}, features, true[order])


def _stored(image: Any, mode: str) -> Any:
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 200)
    return image.convert(mode)


def pixels_of(images: list[Any]) -> np.ndarray:
    """Leading components of 16 x 16 coloured pixels."""
    small = []
    for image in images:
        if image.mode.startswith("I"):
            image = Image.fromarray((np.asarray(image, float) / 256).astype(np.uint8))
        small.append(np.asarray(image.convert("RGB").resize((16, 16)), float).ravel() / 255)
    return PCA(60, random_state=0).fit_transform(np.stack(small))


def letters(n_rows: int, seed: int = 0) -> Set:
    """Capital letters in many fonts, colours, sizes and modes, turned a little, with noise."""
    rng = np.random.default_rng(seed)
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    fonts = sorted(str(f) for f in folder.glob("DejaVu*.ttf") if "Display" not in f.name)
    true, images = rng.integers(0, 26, n_rows), []
    for row, letter in enumerate(true):
        side = int(rng.integers(28, 64))
        ground, ink = rng.integers(0, 255, 3), rng.integers(0, 255, 3)
        while abs(ground.mean() - ink.mean()) < 60:
            ink = rng.integers(0, 255, 3)
        fill = tuple(map(int, ground))
        image = Image.new("RGB", (side, int(side * rng.uniform(0.8, 1.3))), fill)
        font = ImageFont.truetype(
            fonts[rng.integers(len(fonts))], int(side * rng.uniform(0.55, 0.85))
        )
        at = tuple(size / 2 + rng.normal() * side * 0.05 for size in image.size)
        drawing = ImageDraw.Draw(image)
        drawing.text(at, chr(65 + letter), font=font, fill=tuple(map(int, ink)), anchor="mm")
        image = image.rotate(float(rng.normal() * 8), fillcolor=fill)
        noise = rng.normal(size=(image.size[1], image.size[0], 1)) * 20
        pixels = np.clip(np.asarray(image, float) + noise, 0, 255).astype(np.uint8)
        images.append(_stored(Image.fromarray(pixels), MODES[row % 6]))
    return Set("letters (images)", {"image": images}, pixels_of(images), true)


def patches(n_rows: int, seed: int = 0) -> Set:
    """Patches of eight regions of two photographs, of several sizes, some mirrored."""
    rng = np.random.default_rng(seed)
    photographs = [np.asarray(image) for image in load_sample_images().images]
    true, images = np.empty(n_rows, dtype=int), []
    for row in range(n_rows):
        true[row] = region = int(rng.integers(8))
        photograph = photographs[region // 4]
        height, width = (size // 2 for size in photograph.shape[:2])
        side = int(rng.integers(32, 80))
        down = region % 4 // 2 * height + int(rng.integers(0, height - side))
        across = region % 2 * width + int(rng.integers(0, width - side))
        patch = photograph[down : down + side, across : across + side]
        images.append(Image.fromarray(patch[:, ::-1] if rng.random() < 0.5 else patch))
    return Set("photographs (images)", {"image": images}, pixels_of(images), true)


def words(n_rows: int, seed: int = 0) -> Set:
    """Ten "words" of three vowels each, by voices of several pitches, rates and lengths."""
    rng = np.random.default_rng(seed)
    vowels = np.array([[700, 1200], [300, 2300], [500, 900], [350, 700]])
    spoken = np.random.default_rng(5).integers(0, 4, (10, 3))
    true, recordings, described = rng.integers(0, 10, n_rows), [], []
    for row, word in enumerate(true):
        rate = (8000, 16000)[row % 2]
        length = int(rng.uniform(0.35, 0.8) * rate)
        pitch, time = rng.uniform(90, 240), np.arange(length) / rate
        place = np.linspace(0, 2.999, length)
        formants = rng.uniform(0.9, 1.12) * np.stack(
            [np.interp(place, [0.5, 1.5, 2.5], vowels[spoken[word], j]) for j in (0, 1)]
        )
        wave = np.zeros(length)
        for harmonic in range(1, int(min(3500, rate / 2 - 200) / pitch)):
            gain = sum(1 / (1 + ((harmonic * pitch - f) / 90) ** 2) for f in formants)
            wave += gain * np.sin(2 * np.pi * pitch * harmonic * time)
        wave *= np.hanning(length) ** 0.3
        silence = np.zeros(int(rng.uniform(0, 0.15) * rate))
        wave = np.concatenate([silence, wave / np.abs(wave).max() * rng.uniform(0.2, 0.8)])
        wave += rng.normal(size=len(wave)) * 0.02
        recordings.append({"array": wave.astype(np.float32), "sampling_rate": rate})
        power = np.log(spectrogram(wave, rate, nperseg=256)[2] + 1e-9)
        described.append(np.concatenate([power.mean(axis=1), power.std(axis=1)]))
    features = PCA(40, random_state=0).fit_transform(np.array(described))
    return Set("spoken words (audio)", {"audio": recordings}, features, true)
