"""Out-of-sample predictions of numeric labels, made from features."""

from typing import Any

import numpy as np

from datalab._models.regression import Refits
from datalab._typing import FloatArray
from datalab.artefacts import Made, recipe
from datalab.exceptions import NotApplicable

__all__: list[str] = []

FOLDS = 5
# Boosted trees take about a second for so many values (rows times columns).
MAX_BOOSTED = 1_000_000


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
