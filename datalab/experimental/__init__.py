"""Functions whose form may still change: labels in batches, and spans of text."""

from datalab.experimental import label_issues_batched, span_classification

__all__ = ["label_issues_batched", "span_classification"]
