"""The labels of a data set as a whole, seen through the joint of given and true labels.

Northcutt, Jiang, Chuang: Confident learning, JAIR 70 (2021), section 3.1 (the joint, and the
characterization of label noise that it gives).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._typing import FloatArray, IndexArray

__all__ = ["ClassNoise", "Overlaps", "class_noise", "health_score", "overlaps"]


class ClassNoise(NamedTuple):
    """Per class, worst first; each of shape (K,)."""

    classes: IndexArray
    issues: NDArray[np.int64]  # examples given this class that are of another one
    inverse_issues: NDArray[np.int64]  # examples of this class that are given another one
    noise: FloatArray  # P(true is another class | given this one)
    inverse_noise: FloatArray  # P(given is another class | true is this one)


class Overlaps(NamedTuple):
    """Per pair of classes, most confused first; each of shape (number of pairs,)."""

    first: IndexArray
    second: IndexArray
    examples: NDArray[np.int64]
    probability: FloatArray


def class_noise(joint: FloatArray, n_examples: float) -> ClassNoise:
    """How noisy each class is, from the joint (K, K) of `n_examples`; ties by class index."""
    correct = joint.diagonal()
    given, true = joint.sum(axis=1), joint.sum(axis=0)
    noise = _share(given - correct, given)
    order = np.argsort(1 - noise, kind="stable")
    return ClassNoise(
        order,
        _count(given - correct, n_examples)[order],
        _count(true - correct, n_examples)[order],
        noise[order],
        _share(true - correct, true)[order],
    )


def overlaps(joint: FloatArray, n_examples: float, asymmetric: bool = False) -> Overlaps:
    """How often classes are mistaken for each other; ties in the order of the pairs.

    Asymmetric: first given, second true. Otherwise both directions together, first < second.
    """
    n_classes = len(joint)
    if asymmetric:
        first, second = np.nonzero(~np.eye(n_classes, dtype=bool))
        probability = joint[first, second]
    else:
        first, second = np.triu_indices(n_classes, k=1)
        probability = joint[first, second] + joint[second, first]
    order = np.argsort(-probability, kind="stable")
    probability = probability[order]
    return Overlaps(first[order], second[order], _count(probability, n_examples), probability)


def health_score(joint: FloatArray) -> float:
    """Share of the labels that are right: the trace of the joint."""
    return float(joint.trace())


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """`part` of `whole`; 0 for a class that does not occur."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _count(probability: FloatArray, n_examples: float) -> NDArray[np.int64]:
    examples: NDArray[np.int64] = np.rint(probability * n_examples).astype(np.int64)
    return examples
