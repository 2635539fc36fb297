"""The search on a GPU, on the CPU: a stand-in for PyTorch that knows the few calls it makes.

Where PyTorch is installed, `test_any_device` runs with it on the CPU; where it finds a GPU,
`test_search.test_a_gpu_is_used_when_it_is_there` runs on that.
"""

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

from datalab.exceptions import MissingDependency
from datalab.neighbors import gpu, knn_graph
from datalab.neighbors.exact import SPARE, compared


class Tensor(np.ndarray):
    def to(self, _device):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return np.asarray(self)


def arange(start, stop):
    assert start <= stop  # PyTorch refuses it
    return np.arange(start, stop)


def topk(tile, k, dim, largest):
    assert (dim, largest) == (1, False)
    order = np.argpartition(tile, k - 1, axis=1)[:, :k]
    order = np.take_along_axis(order, np.argsort(np.take_along_axis(tile, order, 1), axis=1), 1)
    values = np.take_along_axis(tile, order, axis=1)
    return SimpleNamespace(values=values.view(Tensor), indices=order.view(Tensor))


@pytest.fixture
def torch(monkeypatch):
    precision = ["medium"]
    seen = []

    def from_numpy(array):
        seen.append((precision[-1], array.dtype))
        return array.view(Tensor)

    fake = SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: True),
        get_float32_matmul_precision=lambda: precision[-1],
        set_float32_matmul_precision=precision.append,
        from_numpy=from_numpy,
        arange=arange,
        topk=topk,
        cat=lambda parts, dim: np.concatenate(parts, axis=dim).view(Tensor),
        gather=lambda array, dim, index: np.take_along_axis(array, index, axis=dim).view(Tensor),
        precision=precision,
        seen=seen,
    )
    monkeypatch.setitem(__import__("sys").modules, "torch", fake)
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: name)
    return fake


def rows(name):
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(230, 20)).astype(np.float32)
    return {
        "plain": plain,
        "copies": np.concatenate([plain, np.tile(plain[:2], (15, 1))]),
        "ties": rng.integers(0, 2, size=(200, 20)).astype(float),
        "near pairs": np.concatenate([plain, plain + 1e-4]),
        "far away": plain + 1e5,
        "few": plain[:7],
    }[name]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("name", ["plain", "copies", "ties", "near pairs", "far away", "few"])
def test_same_neighbours(torch, monkeypatch, name, metric):
    features = rows(name)
    expected = knn_graph(features, k=6, metric=metric)
    for width, height in ((gpu.WIDTH, gpu.HEIGHT), (50, 33)):
        monkeypatch.setattr(gpu, "WIDTH", width)
        monkeypatch.setattr(gpu, "HEIGHT", height)
        graph = knn_graph(features, k=6, metric=metric, device="cuda")
        assert np.array_equal(graph.indices, expected.indices)
        assert np.array_equal(graph.distances, expected.distances)
        assert graph.search == {"engine": "exact", "device": "cuda", "recall": 1.0}


def test_products_are_in_full_precision(torch):
    knn_graph(rows("plain"), k=6, device="auto")
    assert set(torch.seen) == {("highest", np.dtype(np.float32))}
    assert torch.precision[-1] == "medium"


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("name", ["plain", "ties", "near pairs", "far away"])
def test_any_device(request, monkeypatch, name, metric):
    if importlib.util.find_spec("torch") is None:
        request.getfixturevalue("torch")
    features = np.unique(rows(name), axis=0)
    comparison = compared(features, metric)
    expected = knn_graph(features, k=6, metric=metric)
    monkeypatch.setattr(gpu, "WIDTH", 70)
    monkeypatch.setattr(gpu, "HEIGHT", 33)
    indices, squared = gpu.by_gpu(comparison.points, 6, 6 + SPARE, device="cpu")
    assert np.array_equal(indices, expected.indices)
    assert np.array_equal(comparison.distances(squared).astype(np.float32), expected.distances)


def test_which_device(torch, monkeypatch):
    assert [gpu.gpu_is_there(device) for device in (None, "cpu", "auto", "cuda")] == [
        False,
        False,
        True,
        True,
    ]
    torch.cuda.is_available = lambda: False
    assert not gpu.gpu_is_there("auto")
    with pytest.raises(MissingDependency, match="needs PyTorch and a GPU that it finds"):
        gpu.gpu_is_there("cuda")
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: None)
    assert not gpu.gpu_is_there("auto")
