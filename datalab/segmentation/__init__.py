"""Labels of the pixels of images: which are wrong, and in which images."""

from datalab.segmentation import filter, rank, summary  # noqa: A004 -- the public name

__all__ = ["filter", "rank", "summary"]
