"""Data sets with label noise of which the truth is known, for the benchmarks of labels."""

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
    features: np.ndarray
    pred_probs: np.ndarray


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
    """About a hundred settings: data, kind of noise, model. Takes a minute or two."""
    found = list(given_sets()) if DATA.is_dir() else []
    for family, features, true in tables():
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
                found.append(
                    NoisySet(
                        f"{family}-{noise}-{name}", family, noise, labels, true, features, probs
                    )
                )
    return found
