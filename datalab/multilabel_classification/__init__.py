"""Examples with any number of classes: wrong labels, their scores, statistics of the data set."""

from datalab.multilabel_classification import dataset, filter, rank  # noqa: A004 -- public name
from datalab.multilabel_classification.rank import get_label_quality_scores

__all__ = ["dataset", "filter", "get_label_quality_scores", "rank"]
