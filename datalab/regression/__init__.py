"""Numeric labels: how plausible each is, and models trained without the implausible ones."""

from datalab.regression import learn, rank

__all__ = ["learn", "rank"]
