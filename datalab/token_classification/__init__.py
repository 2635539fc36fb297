"""Labels of the tokens of sentences: which are wrong, and in which sentences."""

from datalab.token_classification import filter, rank, summary  # noqa: A004 -- the public name

__all__ = ["filter", "rank", "summary"]
