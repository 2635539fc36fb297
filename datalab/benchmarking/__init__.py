"""Data with known label errors, to measure how well they are found."""

from datalab.benchmarking import noise_generation

__all__ = ["noise_generation"]
