"""Models that are fitted here: copies of an estimator, cross-validation, search for outliers."""

from datalab._models.classification import cross_val_pred_probs
from datalab._models.fitting import count_rows, fresh_copy, take_rows

__all__ = ["count_rows", "cross_val_pred_probs", "fresh_copy", "take_rows"]
