"""Exact search on a GPU with PyTorch: candidates there, distances and ties as everywhere."""

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab.exceptions import MissingDependency
from datalab.neighbors.points import Neighbours, Points, blocks, index_type
from datalab.neighbors.product import Bounds, Candidates, watched
from datalab.neighbors.settle import settled

__all__ = ["by_gpu", "gpu_is_there"]

# Points on the right and on the left of a tile: it takes 256 MiB on the device.
WIDTH, HEIGHT = 2**16, 2**10


def gpu_is_there(device: str | None) -> bool:
    """Whether to search on a GPU: ``"cuda"`` insists on one, ``"auto"`` takes one that is there.

    Raises
    ------
    MissingDependency
        ``"cuda"``, but PyTorch is not installed or finds no GPU.
    """
    if device not in ("cuda", "auto"):
        return False
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return True
    if device == "cuda":
        raise MissingDependency(
            "device='cuda' needs PyTorch and a GPU that it finds (https://pytorch.org says how to "
            "install it); device='auto' takes the CPU where there is none"
        )
    return False


def by_gpu(
    points: Points, k: int, m: int, *, device: str = "cuda", progress: str = ""
) -> Neighbours:
    """Neighbours and squared distances of distinct points.

    Parameters
    ----------
    points : Points
    k : int
    m : int
        Candidates for each point, more than k.
    device : str
        Name of the device for PyTorch.
    progress : str
        What the progress bar says; empty for none.

    Notes
    -----
    N² M multiplications in full float32 (never TensorFloat-32); 256 MiB on the device and a copy
    of the points.
    """
    import torch

    bounds = Bounds.of(points, np.float32)
    n_points = len(points)
    best = Candidates(n_points, min(m, n_points - 1), n_points)
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        columns = [
            torch.from_numpy(bounds.right(part)).to(device) for part in blocks(n_points, WIDTH)
        ]
        with watched(n_points, progress) as told:
            for rows in blocks(n_points, HEIGHT):
                left = torch.from_numpy(Bounds.left(bounds.right(rows))).to(device)
                found = _nearest_columns(torch, left, columns, rows, best.m)
                best.lower[rows], best.indices[rows] = found
                told(rows.stop - rows.start)
    finally:
        torch.set_float32_matmul_precision(precision)
    np.maximum(best.lower, 0, out=best.lower)
    if best.m < n_points - 1:
        best.limit[:] = best.lower[:, -1]
    return settled(bounds, best, k)


def _nearest_columns(
    torch: Any, left: Any, columns: list[Any], rows: slice, m: int
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """The m least bounds of some rows, and where they stand."""
    lower, index, start = [], [], 0
    for right in columns:
        tile = left @ right.T
        first, last = max(rows.start, start), min(rows.stop, start + len(right))
        if first < last:
            own = torch.arange(first, last)
            tile[own - rows.start, own - start] = float("inf")
        least = torch.topk(tile, min(m, len(right)), dim=1, largest=False)
        lower.append(least.values)
        index.append(least.indices + start)
        start += len(right)
    merged = torch.topk(torch.cat(lower, dim=1), m, dim=1, largest=False)
    found = torch.gather(torch.cat(index, dim=1), 1, merged.indices)
    return merged.values.cpu().numpy(), found.cpu().numpy().astype(index_type(start))
