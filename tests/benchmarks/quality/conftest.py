"""Data sets with label noise of which the truth is known, for the benchmarks of labels."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

DATA = Path(os.environ.get("DATALAB_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


@dataclass(frozen=True)
class NoisySet:
    """Labels, the truth, features and out-of-sample probabilities of one model."""

    name: str
    family: str
    noise: str  # "clean", "uniform …", "asymmetric …" or "human …"
    labels: np.ndarray
    true: np.ndarray
    features: np.ndarray | None
    pred_probs: np.ndarray
    held_back: bool = False  # no part of a rule was chosen by it


def uniform(true: np.ndarray, rate: float, rng: np.random.Generator, _look: Any) -> np.ndarray:
    """Any other class."""
    flips = rng.random(len(true)) < rate
    other = true + rng.integers(1, true.max() + 1, size=len(true))
    return np.where(flips, other % (true.max() + 1), true)


def asymmetric(true: np.ndarray, rate: float, rng: np.random.Generator, _look: Any) -> np.ndarray:
    """Each class flips into one other class, at a rate of its own."""
    n_classes = true.max() + 1
    ring = rng.permutation(n_classes)
    other = np.empty(n_classes, dtype=int)
    other[ring] = np.roll(ring, 1)
    rates = rate * rng.uniform(0.5, 1.5, n_classes)
    return np.where(rng.random(len(true)) < rates[true], other[true], true)


def human(true: np.ndarray, rate: float, rng: np.random.Generator, look: np.ndarray) -> np.ndarray:
    """Hard rows flip into the class that they look like to somebody who sees them badly."""
    others = look.copy()
    others[np.arange(len(true)), true] = 0.0
    hardness = others.sum(axis=1)
    scale = 1.0
    for _ in range(50):
        scale *= rate / max(np.minimum(scale * hardness, 0.9).mean(), 1e-9)
    flips = rng.random(len(true)) < np.minimum(scale * hardness, 0.9)
    cumulated = (others / np.maximum(hardness, 1e-12)[:, None]).cumsum(axis=1)
    seen = (rng.random((len(true), 1)) > cumulated).sum(axis=1)
    return np.where(flips, np.minimum(seen, look.shape[1] - 1), true)


KINDS: dict[str, tuple[Callable[..., np.ndarray], float]] = {
    "clean": (uniform, 0.0),
    "uniform 5": (uniform, 0.05),
    "uniform 20": (uniform, 0.2),
    "uniform 40": (uniform, 0.4),
    "asymmetric 20": (asymmetric, 0.2),
    "human 10": (human, 0.1),
    "human 20": (human, 0.2),
}


def models() -> dict[str, Any]:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        "forest": ExtraTreesClassifier(100, random_state=0),
    }


def out_of_sample(model: Any, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return np.asarray(cross_val_predict(model, features, labels, cv=folds, method="predict_proba"))


def tables() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Features and true classes."""
    from sklearn import datasets

    yield ("digits", *datasets.load_digits(return_X_y=True))
    yield ("cancer", *datasets.load_breast_cancer(return_X_y=True))
    for n_classes, apart in ((3, 0.6), (5, 1.5), (20, 2.0), (20, 1.0)):
        features, true = datasets.make_classification(
            2000,
            30,
            n_informative=15,
            n_redundant=5,
            n_classes=n_classes,
            n_clusters_per_class=1,
            class_sep=apart,
            flip_y=0,
            random_state=n_classes,
        )
        yield f"blobs{n_classes}-{apart}", features, true
    if DATA.is_dir():
        yield from real_tables()


def real_tables() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    import pandas as pd
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    adult = pd.read_csv(DATA / "table" / "adult_8k.csv.gz").iloc[:2500]
    columns = pd.get_dummies(adult.drop(columns="income"))
    true = adult["income"].astype("category").cat.codes.to_numpy().astype(int)
    yield "adult", columns.loc[:, columns.sum() > 20].to_numpy(float), true
    text = pd.read_csv(DATA / "text" / "clinc150_small.csv.gz").query("intent != 'oos'").iloc[::3]
    terms = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(text["text"])
    features = TruncatedSVD(100, random_state=0).fit_transform(terms)
    yield "text", features, text["domain"].astype("category").cat.codes.to_numpy().astype(int)


def held_back_tables() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Many classes, rare classes, few rows, and texts that are installed everywhere."""
    from sklearn import datasets

    rng = np.random.default_rng(3)
    centers, true = rng.normal(0, 1.1, (52, 16)), rng.integers(0, 26, 3000)
    blurred = rng.normal(0, 0.8, (3000, 16)) * rng.uniform(0.4, 1.3, 16)
    yield "letters", centers[true * 2 + rng.integers(0, 2, 3000)] + blurred, true
    true = rng.choice(5, 2500, p=[0.6, 0.2, 0.1, 0.07, 0.03])
    yield "rare", 1.3 * rng.normal(size=(5, 10))[true] + rng.normal(size=(2500, 10)), true
    yield ("moons", *datasets.make_moons(400, noise=0.25, random_state=1))
    yield ("docs", *docstrings())


def docstrings() -> tuple[np.ndarray, np.ndarray]:
    """Paragraphs of documentation as principal terms, and the package they are from."""
    import inspect
    import re
    from importlib import import_module

    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    packages = "numpy.ma scipy.stats scipy.signal scipy.optimize scipy.ndimage"
    packages += " scipy.sparse sklearn.linear_model sklearn.metrics sklearn.ensemble pandas"
    found: dict[str, int] = {}
    for place, name in enumerate(packages.split()):
        for member in vars(import_module(name)).values():
            if inspect.isfunction(member) or inspect.isclass(member):
                for text in re.split(r"\n\s*\n", inspect.getdoc(member) or "")[:5]:
                    if 60 < len(text) < 600:
                        found.setdefault(text, place)
    sizes = np.bincount(list(found.values()))
    found = {text: place for text, place in found.items() if sizes[place] >= 50}
    some = np.random.default_rng(0).permutation(len(found))[:2500]
    terms = TfidfVectorizer(sublinear_tf=True).fit_transform(np.array(list(found))[some])
    features = TruncatedSVD(100, random_state=0).fit_transform(terms)
    return features, np.unique(np.array(list(found.values()))[some], return_inverse=True)[1]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def networks() -> Iterator[NoisySet]:
    """What networks say that were trained on labels of people (as CIFAR-10N).

    Rows look like some classes more than like others, to people and to networks. Most errors are
    what a row looks like, the others slips into a class that is often confused. The network is as
    sure as explains the given labels best, and then more so.
    """
    for n_classes, rate, (margin, slips, blur, heat) in itertools.product(
        (2, 10, 77), (0.09, 0.13, 0.4), ((10, 0.4, 1.0, 0.5), (8, 0.2, 2.0, 0.7))
    ):
        rng = np.random.default_rng(int(1000 * rate) + 100 * margin + n_classes)
        true = rng.integers(n_classes, size=6000)
        rows = np.arange(len(true))
        alike = rng.normal(size=(n_classes, n_classes)) + 2.0 * (
            rng.random((n_classes, n_classes)) < 1.5 / n_classes
        )
        alike = np.maximum(alike, alike.T)
        look = alike[true] + rng.normal(0, 0.8, (len(true), n_classes))
        look[rows, true] = 0.5 + margin * rng.gamma(4, 0.25, len(true))
        seen = look + rng.gumbel(0, 0.7, look.shape)
        beside = seen.copy()
        beside[rows, true] = -np.inf
        lead = seen[rows, true] - beside.max(axis=1)
        mistaken = lead < np.quantile(lead, rate * (1 - slips))
        labels = np.where(mistaken, beside.argmax(axis=1), true)
        kinds = softmax(1.5 * alike - 1e9 * np.eye(n_classes)).cumsum(axis=1)
        slip = (rng.random((len(true), 1)) > kinds[true]).sum(axis=1).clip(0, n_classes - 1)
        labels = np.where(rng.random(len(true)) < rate * slips, slip, labels)
        output = look + blur * rng.normal(size=look.shape) * rng.gamma(4, 0.25, (len(true), 1))
        fitted = max(
            (
                softmax(power * output) * 0.95 + 0.05 / n_classes
                for power in np.geomspace(0.3, 6, 12)
            ),
            key=lambda probs: float(np.log(probs[rows, labels]).mean()),
        )
        probs = softmax(np.log(fitted) / heat)
        name = f"networks{n_classes}-{rate:.0%}-{margin}"
        noise = f"human {100 * rate:.0f}"
        yield NoisySet(name, "networks", noise, labels, true, None, probs, held_back=True)


def given_sets() -> Iterator[NoisySet]:
    """Digits with noise and probabilities that came with the data."""
    held = np.load(DATA / "noise" / "noise_digits.npz")
    kinds = {
        "clean5": "uniform 5",
        "uniform20": "uniform 20",
        "uniform40": "uniform 40",
        "asym30": "asymmetric 30",
        "instance20": "human 20",
    }
    for key, noise in kinds.items():
        for model in ("lr", "mlp", "et"):
            yield NoisySet(
                f"{key}-{model}",
                "given",
                noise,
                held[f"labels_{key}"],
                held["true"],
                held["features"],
                held[f"pp_{key}_{model}"],
            )


@pytest.fixture(scope="session")
def noisy_sets() -> list[NoisySet]:
    """Near two hundred settings: data, kind of noise, model. Takes some minutes."""
    found = [*(given_sets() if DATA.is_dir() else []), *networks()]
    chosen_by = [(*table, False) for table in tables()]
    for family, features, true, held_back in (
        *chosen_by,
        *((*table, True) for table in held_back_tables()),
    ):
        rng = np.random.default_rng(crc32(family.encode()))
        some = rng.random(features.shape[1]) < 0.4
        some[0] = True
        blurred = features[:, some]
        blurred = blurred + rng.normal(0, 0.5, blurred.shape) * blurred.std(axis=0)
        look = out_of_sample(models()["linear"], blurred, true)
        for noise, (kind, rate) in KINDS.items():
            labels = kind(true, rate, rng, look)
            for name, model in models().items():
                probs = out_of_sample(model, features, labels)
                title = f"{family}-{noise}-{name}"
                found.append(
                    NoisySet(title, family, noise, labels, true, features, probs, held_back)
                )
    return found
