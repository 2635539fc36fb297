"""Annotated boxes in images: which are overlooked, badly placed or given the wrong class."""

from datalab.object_detection import filter, rank, summary  # noqa: A004 -- the public name

__all__ = ["filter", "rank", "summary"]
