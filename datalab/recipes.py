"""How shared arrays are made when they are not given: features, neighbours, probabilities."""

import warnings
from typing import Any

import numpy as np

from datalab._check import probabilities
from datalab._data.columns import numeric_columns, numeric_table
from datalab._data.table import Images, Table
from datalab._models import cross_val_pred_probs
from datalab._models.regression import Refits
from datalab._typing import Codes, FloatArray, IndexArray
from datalab.artefacts import Made, NotMeant, Rules, recipe
from datalab.exceptions import NotApplicable
from datalab.given import chance_agreement, clearly_above
from datalab.neighbors.exact import knn_graph, metric_name
from datalab.neighbors.metric import MetricChoice, choose_metric, reference_metric

__all__: list[str] = []

FOLDS = 5
# Boosted trees take about a second for so many values (rows times columns).
MAX_BOOSTED = 1_000_000
# Latent semantic analysis works with about a hundred dimensions.
TEXT_COMPONENTS, MAX_TERMS = 100, 50_000
# So many columns are named in a note.
MAX_NAMES = 8
IMAGE_SIDE = 16


@recipe("features", rules=("datalab",))
def features_of_table(table: Table, *, features_from: str) -> Made:
    """The numeric columns, standardised; a missing value takes the median of its column."""
    _only(features_from, "table")
    columns = [name for name in numeric_columns(table.source)[0] if name in table.columns]
    if not columns:
        raise NotApplicable(
            "the data has no numeric columns, texts or images to make features of: give features="
        )
    values = numeric_table(table.source, columns)
    if table.rows is not None:
        values = values[table.rows]
    more = ", …" if len(columns) > MAX_NAMES else ""
    named = f"{', '.join(columns[:MAX_NAMES])}{more}"
    note = f"{len(columns)} numeric columns ({named}), standardised"
    missing = np.isnan(values)
    empty = missing.all(axis=1)
    rows = None
    if empty.any():
        rows = np.flatnonzero(~empty)
        values, missing = values[rows], missing[rows]
        note += f"; {int(empty.sum())} rows without any value left out"
    values = np.where(missing, np.nanmedian(values, axis=0), values)
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return Made(scaled.astype(np.float32), note, rows)


@recipe("features", rules=("datalab",))
def features_of_text(text: list[str], *, features_from: str, random_state: int) -> Made:
    """Latent semantic analysis: TF-IDF of words and pairs of words, its leading components.

    References
    ----------
    S. Deerwester et al.: Indexing by latent semantic analysis, JASIS 41 (1990).
    """
    _only(features_from, "text")
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    # Words of one character count: they are all that differs between "part 1" and "part 2".
    vectorizer = TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, 2),
        max_features=MAX_TERMS,
        token_pattern=r"\b\w+\b",  # noqa: S106 (no password)
    )
    try:
        terms = vectorizer.fit_transform(text)
    except ValueError as error:  # no words at all
        raise NotApplicable(f"the texts have no words to compare ({error})") from error
    size = min(TEXT_COMPONENTS, min(terms.shape) - 1)
    if size < 1:
        raise NotApplicable("the texts have too few different words to compare")
    reduced = TruncatedSVD(size, random_state=random_state).fit_transform(terms)
    made = normalize(reduced).astype(np.float32)
    return Made(made, f"{size} components of TF-IDF of the texts")


@recipe("features", rules=("datalab",))
def features_of_images(images: Images, *, features_from: str) -> Made:
    """Each image in grey, reduced to 16 x 16 pixels; unreadable ones are left out."""
    _only(features_from, "images")
    rows, pixels = [], []
    for row, image in enumerate(images):
        if hasattr(image, "convert"):
            small = image.convert("L").resize((IMAGE_SIDE, IMAGE_SIDE))
            rows.append(row)
            # Grey is 0, and all pictures have the same contrast: their direction is what they show.
            picture = np.asarray(small, dtype=np.float32).ravel() / 127.5 - 1.0
            pixels.append(picture / max(float(np.linalg.norm(picture)), 1e-6))
    if not rows:
        raise NotApplicable("none of the images can be read")
    left_out = len(images) - len(rows)
    note = f"{IMAGE_SIDE} x {IMAGE_SIDE} grey pixels of the images"
    if not left_out:
        return Made(np.stack(pixels), note)
    return Made(
        np.stack(pixels), f"{note}; {left_out} could not be read", np.array(rows, dtype=np.intp)
    )


def _only(features_from: str, kind: str) -> None:
    if features_from != kind:
        raise NotMeant(f"features are made from the {features_from}")


@recipe("knn_graph")
def knn_graph_by_search(
    features: FloatArray, *, k: int, metric: Any, rules: Rules, progress: bool
) -> Made:
    """The nearest neighbours of every row, by exact search.

    The metric is the given one, the reference's rule, or chosen from the data.
    """
    n_rows = len(features)
    if n_rows < 2:
        raise NotApplicable(f"needs at least two rows to compare, found {n_rows}")
    if metric is not None:
        chosen = MetricChoice(metric, None, f"{metric_name(metric)} distance, as asked for")
    elif rules == "reference":
        name = reference_metric(features)
        chosen = MetricChoice(name, None, f"{name} distance, the reference's rule")
    else:
        chosen = choose_metric(features)
    graph = knn_graph(
        chosen.apply(features), min(k, n_rows - 1), metric=chosen.metric, progress=progress
    )
    fewer = f"; k lowered to {graph.k}, as there are {n_rows} rows" if graph.k < k else ""
    return Made(graph, f"exact search, {chosen.reason}{fewer}")


@recipe("pred_probs", rules=("datalab",))
def pred_probs_by_cross_validation(
    features: FloatArray,
    labels: Codes,
    class_names: tuple[Any, ...] | None = None,
    *,
    model: Any,
    random_state: int,
) -> Made:
    """Out-of-sample probabilities of a classifier, by stratified cross-validation.

    The classifier is logistic regression on standardised features unless one is given.
    """
    counts = _class_counts(labels, class_names)
    folds = min(FOLDS, int(counts.max()))
    classifier = model if model is not None else _default_classifier()
    with warnings.catch_warnings():
        # Slow convergence and rare classes are told in the note; they are no news to the user.
        warnings.simplefilter("ignore")
        probs = cross_val_pred_probs(
            features,
            labels,
            classifier,
            n_classes=len(counts),
            cv_n_folds=folds,
            seed=random_state,
        )
    predicted = probs.argmax(axis=1)
    agreement = float((predicted == labels).mean())
    chance = chance_agreement(labels, predicted, len(counts))
    if agreement <= clearly_above(chance, len(labels)):
        raise NotApplicable(
            f"a model of the features agrees with {agreement:.0%} of the labels, not clearly more "
            f"than chance ({chance:.0%}), so it cannot judge them: give pred_probs= or better "
            "features="
        )
    name = type(model).__name__ if model is not None else "logistic regression"
    note = f"{folds}-fold cross-validation of {name}, {agreement:.0%} agreement with the labels"
    rare = int((counts == 1).sum())
    if rare:
        note += f"; classes with a single example, which cannot be judged: {rare}"
    return Made(probabilities(probs), note)


def _class_counts(labels: Any, class_names: tuple[Any, ...] | None) -> IndexArray:
    """Examples of each class; not applicable to other kinds of labels or to a single class."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        raise NotApplicable("needs pred_probs: give pred_probs=")
    counts = np.bincount(labels, minlength=len(class_names or ()))
    present = int((counts > 0).sum())
    if present < 2:
        raise NotApplicable(f"needs at least two classes to compare, but the labels have {present}")
    if counts.max() < 2:
        raise NotApplicable("needs a class with at least two examples; here each has one")
    return counts


def _default_classifier() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))


@recipe("predictions", rules=("datalab",))
def predictions_by_cross_validation(
    features: FloatArray, labels: FloatArray, *, model: Any, random_state: int
) -> Made:
    """Out-of-sample predictions of numeric labels, by cross-validation.

    Unless a model is given, linear regression or boosted trees: what has the smaller median error.
    """
    if not isinstance(labels, np.ndarray) or labels.dtype.kind != "f":
        raise NotApplicable("needs predictions: give pred_probs=")
    if len(labels) < FOLDS:
        raise NotApplicable(f"needs at least {FOLDS} rows to predict labels, found {len(labels)}")
    models = _default_regressors(features.size)
    if model is not None:
        models = {type(model).__name__: model}
    found = {}
    for name, one in models.items():
        stream = np.random.RandomState(random_state)
        refits = Refits(one, features, n_folds=FOLDS, stream=stream, seeded=True)
        found[name] = refits.held_out(labels)
    errors = {name: float(np.median(np.abs(p - labels))) for name, p in found.items()}
    best = min(errors, key=errors.__getitem__)
    note = f"{FOLDS}-fold cross-validation of {best}, median error {errors[best]:.3g}"
    return Made(found[best], note)


def _default_regressors(n_values: int) -> dict[str, Any]:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression

    models: dict[str, Any] = {"linear regression": LinearRegression()}
    if n_values <= MAX_BOOSTED:
        models["boosted trees"] = HistGradientBoostingRegressor()
    return models


@recipe("pred_probs", rules=("reference",))
def pred_probs_by_vote(
    features: FloatArray,
    labels: Codes,
    class_names: tuple[Any, ...] | None = None,
    *,
    k: int,
    progress: bool,
) -> Made:
    """Share of each class among the Euclidean neighbours of an example, itself left out."""
    n_classes = len(_class_counts(labels, class_names))
    graph = knn_graph(features, min(k, len(features) - 1), progress=progress)
    neighbors = labels[graph.indices]
    k = neighbors.shape[1]
    cells = np.arange(len(labels))[:, None] * n_classes + neighbors
    votes = np.bincount(cells.ravel(), minlength=len(labels) * n_classes).astype(np.float64)
    votes = votes.reshape(len(labels), n_classes)
    # Votes with the example among its own neighbours, less its own vote: the same shares, but the
    # rounding that decides between equal votes is the reference's.
    itself = np.arange(len(labels)), labels
    votes[itself] += 1
    shares = votes / (k + 1)
    shares[itself] -= 1 / (k + 1)
    return Made(probabilities(shares * ((k + 1) / k)), f"vote of {k} nearest neighbours")
