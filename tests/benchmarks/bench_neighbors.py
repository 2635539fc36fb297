"""Neighbours: time, memory, recall and duplicates of our search and of its peers.

``python tests/benchmarks/bench_neighbors.py`` measures and writes the table in NEIGHBORS.md beside
this file (``--help`` tells the options); ``pytest -m bench tests/benchmarks/bench_neighbors.py``
measures one small case and checks what does not depend on the machine. Every search runs in a
process of its own: CPU seconds are those of all its threads, memory is what it needs at its peak
beyond the features. Recall is measured on a sample of rows against distances in float64.
"""

import argparse
import importlib.util
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.bench

K, PAIRS, SAMPLE = 10, 500, 300
# Searches that take too long are estimated from so many rows.
FEW = 20_000
TABLE = Path(__file__).with_name("NEIGHBORS.md")
PACKAGES = ("numpy", "scipy", "sklearn", "pandas", "matplotlib", "datasets", "networkx", "sympy")


# Vectors ------------------------------------------------------------------------------------------


def clusters(n_rows: int, n_columns: int, rng: np.random.Generator) -> np.ndarray:
    """Fifty clusters that overlap."""
    rows = rng.normal(size=(50, n_columns)).astype(np.float32)[rng.integers(50, size=n_rows)]
    for start in range(0, n_rows, 50_000):
        part = rows[start : start + 50_000]
        part += 0.7 * rng.standard_normal(part.shape, dtype=np.float32)
    return rows


def pixels(n_rows: int, _: int, rng: np.random.Generator) -> np.ndarray:
    """Handwritten digits of 8 x 8 pixels, moved by up to two pixels, with noise (64 columns)."""
    from sklearn.datasets import load_digits

    images = np.pad(load_digits().images, ((0, 0), (2, 2), (2, 2)))
    windows = np.lib.stride_tricks.sliding_window_view(images, (8, 8), axis=(1, 2))
    which = rng.integers(len(images), size=n_rows)
    down, right = rng.integers(5, size=(2, n_rows))
    rows = windows[which, down, right].reshape(n_rows, 64).astype(np.float32)
    return rows + 0.5 * rng.standard_normal(rows.shape, dtype=np.float32)


def patches(n_rows: int, _: int, rng: np.random.Generator) -> np.ndarray:
    """Gradients in patches of 16 x 16 pixels of two photographs (128 columns)."""
    from sklearn.datasets import load_sample_images

    found = []
    for image in load_sample_images().images:
        slopes = np.stack(np.gradient(image.mean(axis=2)))
        windows = np.lib.stride_tricks.sliding_window_view(slopes, (16, 16), axis=(1, 2))
        down, right = (rng.integers(n, size=n_rows // 2) for n in windows.shape[1:3])
        found.append(windows[:, down, right, ::2, ::2].transpose(1, 0, 2, 3).reshape(-1, 128))
    return np.concatenate(found).astype(np.float32)


def texts(n_rows: int, _: int, __: np.random.Generator) -> np.ndarray:
    """Paragraphs of the documentation of installed packages: 100 components of TF-IDF."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = set()
    for spec in filter(None, map(importlib.util.find_spec, PACKAGES)):
        for path in Path(spec.origin).parent.rglob("*.py"):
            for text in re.findall(r'"""(.*?)"""', path.read_text(errors="ignore"), re.S):
                found |= {p for p in re.split(r"\n\s*\n", text) if len(p.split()) > 6}
    terms = TfidfVectorizer(sublinear_tf=True, max_features=50_000).fit_transform(sorted(found))
    rows = TruncatedSVD(100, random_state=0).fit_transform(terms[:n_rows]).astype(np.float32)
    return rows[np.linalg.norm(rows, axis=1) > 1e-3]


KINDS: dict[str, Callable[[int, int, np.random.Generator], np.ndarray]] = {
    "clusters": clusters,
    "pixels": pixels,
    "patches": patches,
    "texts": texts,
}


def vectors(kind: str, n_rows: int, n_columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and planted pairs, shape (2, P): the second row is the first, moved by 1e-4."""
    rng = np.random.default_rng([n_rows, n_columns])
    rows = KINDS[kind](n_rows, n_columns, rng)
    pairs = rng.choice(len(rows), size=(2, PAIRS), replace=False)
    step = rng.normal(size=(PAIRS, rows.shape[1]))
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    rows[pairs[1]] = rows[pairs[0]] + 1e-4 * np.linalg.norm(rows[pairs[0]], axis=1)[:, None] * step
    return rows, pairs


# Searches: each returns indices and distances of the K neighbours, cosine or Euclidean ------------


def by_sklearn(rows: np.ndarray, metric: str, dtype: str) -> Any:
    from sklearn.neighbors import NearestNeighbors

    distances, indices = (
        NearestNeighbors(n_neighbors=K, metric=metric).fit(rows.astype(dtype)).kneighbors()
    )
    return indices, distances


def by_faiss(rows: np.ndarray, metric: str, make: Callable[[Any, int, int], Any]) -> Any:
    import faiss

    if metric == "cosine":
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    index = make(faiss, *rows.shape)
    index.train(rows)
    index.add(rows)
    squared, found = index.search(rows, K + 1)
    own = found == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = len(rows), K
    squared, found = squared[~own].reshape(shape), found[~own].reshape(shape)
    return found, squared / 2 if metric == "cosine" else np.sqrt(np.maximum(squared, 0))


def cells(faiss: Any, n_rows: int, n_columns: int) -> Any:
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(n_columns), n_columns, int(2 * n_rows**0.5))
    index.cp.niter, index.nprobe = 8, 16
    return index


def small_world(faiss: Any, _: int, n_columns: int) -> Any:
    index = faiss.IndexHNSWFlat(n_columns, 16)
    index.hnsw.efConstruction, index.hnsw.efSearch = 80, 64
    return index


def by_datalab(rows: np.ndarray, metric: str, engine: str, recall: float = 0.99) -> Any:
    from datalab.neighbors import knn_graph

    graph = knn_graph(rows, K, metric=metric, engine=engine, recall=recall)
    return graph.indices, graph.distances


METHODS: dict[str, Callable[[np.ndarray, str], Any]] = {
    "sklearn f64": lambda rows, metric: by_sklearn(rows, metric, "float64"),
    "sklearn f32": lambda rows, metric: by_sklearn(rows, metric, "float32"),
    "faiss Flat": lambda rows, m: by_faiss(rows, m, lambda f, _, d: f.IndexFlatL2(d)),
    "faiss IVF": lambda rows, metric: by_faiss(rows, metric, cells),
    "faiss HNSW": lambda rows, metric: by_faiss(rows, metric, small_world),
    "datalab exact": lambda rows, metric: by_datalab(rows, metric, "exact"),
    "datalab auto": lambda rows, metric: by_datalab(rows, metric, "auto"),
    "datalab 0.999": lambda rows, metric: by_datalab(rows, metric, "auto", 0.999),
}
# These look at all pairs: beyond the limit they are estimated by N².
ALL_PAIRS = ("sklearn f64", "sklearn f32", "faiss Flat", "datalab exact")


# Measuring ----------------------------------------------------------------------------------------


def peak_memory() -> int:
    """Peak resident memory of this process since it was last reset, in bytes."""
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(told.group(1)) * 1024 if told else 0


def measure(method: str, features: str, metric: str, result: str) -> None:
    """In a process of its own: run one search, keep what it found, tell what it took."""
    rows = np.load(features)
    METHODS[method](rows[:4000].copy(), metric)  # what is imported late is imported now
    Path("/proc/self/clear_refs").write_text("5")
    before, cpu, wall = peak_memory(), time.process_time(), time.perf_counter()
    indices, distances = METHODS[method](rows, metric)
    told = {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "memory": peak_memory() - before,
    }
    np.savez(result, indices=indices, distances=distances, told=json.dumps(told))


def distances_to_all(rows: np.ndarray, at: np.ndarray, metric: str) -> np.ndarray:
    """Distances in float64 of some rows to all others, inf to themselves."""
    out = np.empty((len(at), len(rows)))
    for start in range(0, len(rows), 20_000):
        part = rows[start : start + 20_000].astype(np.float64)
        out[:, start : start + len(part)] = pairwise(rows[at].astype(np.float64), part, metric)
    out[np.arange(len(at)), at] = np.inf
    return out


def pairwise(left: np.ndarray, right: np.ndarray, metric: str) -> np.ndarray:
    if metric == "cosine":
        left = left / np.linalg.norm(left, axis=1, keepdims=True)
        right = right / np.linalg.norm(right, axis=1, keepdims=True)
        return 1 - left @ right.T
    squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
    return np.sqrt(np.maximum(squared, 0))


def judged(
    rows: np.ndarray, pairs: np.ndarray, metric: str, found: Any, truth: Any
) -> dict[str, Any]:
    """Recall on the sample, planted pairs found both ways, and error of their distances."""
    at, kth = truth
    indices, distances = found["indices"], found["distances"]
    hits = []
    for row, limit in zip(at, kth, strict=True):
        mine = pairwise(
            rows[[row]].astype(np.float64), rows[indices[row]].astype(np.float64), metric
        )
        hits.append((mine[0] <= limit * (1 + 1e-9) + 1e-12).mean())
    left, right = pairs
    both = (indices[left] == right[:, None]).any(axis=1) & (indices[right] == left[:, None]).any(
        axis=1
    )
    difference = rows[left].astype(np.float64), rows[right].astype(np.float64)
    if metric == "cosine":
        difference = tuple(d / np.linalg.norm(d, axis=1, keepdims=True) for d in difference)
    true = np.linalg.norm(difference[0] - difference[1], axis=1)
    true = true**2 / 2 if metric == "cosine" else true
    error = (
        np.abs(distances[left, 0] - true)[indices[left, 0] == right]
        / true[indices[left, 0] == right]
    )
    return {
        **json.loads(str(found["told"])),
        "recall": float(np.mean(hits)),
        "pairs": float(both.mean()),
        "error": float(np.median(error)) if len(error) else np.inf,
    }


def compare(
    kind: str, n_rows: int, n_columns: int, metric: str, methods: list[str], limit: float
) -> list[dict[str, Any]]:
    """One case: what each method took and found; methods that would take too long are estimated."""
    rows, pairs = vectors(kind, n_rows, n_columns)
    case = {"kind": kind, "rows": len(rows), "columns": rows.shape[1], "metric": metric}
    at = np.sort(np.random.default_rng(0).choice(len(rows), SAMPLE, replace=False))
    kth = np.concatenate(
        [
            np.partition(distances_to_all(rows, part, metric), K - 1, axis=1)[:, K - 1]
            for part in np.array_split(at, 1 + len(rows) // 50_000)
        ]
    )
    out = []
    with tempfile.TemporaryDirectory() as folder:
        features, result = Path(folder, "x.npy"), Path(folder, "found.npz")
        np.save(features, rows)
        for method in methods:
            estimate = _estimate(method, features, metric, rows, limit, Path(folder))
            if estimate:
                out.append({**case, "method": method, **estimate})
                continue
            _run(method, features, metric, result)
            with np.load(result) as found:
                out.append(
                    {**case, "method": method, **judged(rows, pairs, metric, found, (at, kth))}
                )
            tell(out[-1])
    return out


def _run(method: str, features: Path, metric: str, result: Path) -> None:
    command = [sys.executable, __file__, "--measure", method, str(features), metric, str(result)]
    subprocess.run(command, check=True)


def _estimate(
    method: str, features: Path, metric: str, rows: np.ndarray, limit: float, folder: Path
) -> dict[str, Any] | None:
    """CPU and wall seconds by N² from the first rows, when that is more than the limit."""
    few = FEW
    if method not in ALL_PAIRS or len(rows) <= 2 * few:
        return None
    small, result = folder / "few.npy", folder / "few.npz"
    np.save(small, rows[:few])
    _run(method, small, metric, result)
    with np.load(result) as found:
        told = json.loads(str(found["told"]))
    share = (len(rows) / few) ** 2
    if told["cpu"] * share <= limit:
        return None
    return {"cpu": told["cpu"] * share, "wall": told["wall"] * share, "estimated": True}


# Telling ------------------------------------------------------------------------------------------


def line(one: dict[str, Any]) -> str:
    size = f"{one['kind']} {one['rows']:,} x {one['columns']} {one['metric']}"
    if "estimated" in one:
        return f"| {size} | {one['method']} | ~{one['cpu']:.0f} | ~{one['wall']:.0f} | | | | |"
    return (
        f"| {size} | {one['method']} | {one['cpu']:.2f} | {one['wall']:.2f} | "
        f"{one['memory'] / 1e6:.0f} | {one['recall']:.4f} | {one['pairs']:.3f} | "
        f"{one['error']:.1e} |"
    )


def tell(one: dict[str, Any]) -> None:
    sys.stdout.write(line(one) + "\n")
    sys.stdout.flush()


HEAD = """# Neighbours: our search and its peers

Compare CPU seconds: wall seconds depend on what else the machine does (its load when the search
began is told: 1 for each process that waits for a core).
k = 10; 500 planted pairs, of which the second row is the first, moved by 1e-4 of its length.
*CPU* counts all threads, *MB* is the peak beyond the features, *recall* is measured on {sample}
rows against float64, *pairs* is the share of planted pairs found both ways and *error* the median
relative error of their distances. ~ is estimated by N² from {few:,} rows. faiss IVF: 2 √N lists,
nprobe 16; HNSW: 16, 80, 64. `datalab auto` is exact below 50,000 rows and wherever that is faster;
elsewhere it promises a recall of 0.99 (or 0.999) and finds out how many lists that takes.
"""
PART = """
Made by `{command}` on {day} ({machine}, load {load:.0f}; {versions}).

| features | method | CPU s | wall s | MB | recall | pairs | error |
|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument(
        "--cases",
        nargs="+",
        default=[
            "clusters:10000:384:cosine",
            "clusters:10000:64:euclidean",
            "clusters:50000:384:cosine",
            "clusters:50000:64:euclidean",
            "clusters:200000:384:cosine",
            "clusters:200000:64:euclidean",
            "pixels:50000:0:euclidean",
            "patches:100000:0:cosine",
            "texts:100000:0:cosine",
        ],
        help="kind:rows:columns:metric",
    )
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--limit", type=float, default=200, help="CPU seconds of exact searches")
    parser.add_argument("--add", action="store_true", help="append to the table")
    chosen = parser.parse_args()
    if chosen.measure:
        measure(*chosen.measure)
        return
    names = ("numpy", "scikit-learn", "faiss-cpu")
    threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
    made = PART.format(
        command=shlex.join(["python", "tests/benchmarks/bench_neighbors.py", *sys.argv[1:]]),
        day=datetime.now(UTC).date(),
        machine=f"OMP_NUM_THREADS={threads} on {platform.machine()}",
        versions=", ".join(f"{name} {metadata.version(name)}" for name in names),
        load=os.getloadavg()[0],
    )
    if not (chosen.add and TABLE.exists()):
        TABLE.write_text(HEAD.format(sample=SAMPLE, few=FEW))
    with TABLE.open("a") as table:
        table.write(made)
    for case in chosen.cases:
        kind, n_rows, n_columns, metric = case.split(":")
        told = compare(kind, int(n_rows), int(n_columns), metric, chosen.methods, chosen.limit)
        with TABLE.open("a") as table:
            table.writelines(line(one) + "\n" for one in told)


def test_the_smallest_case() -> None:
    for one in compare("clusters", 5000, 64, "cosine", list(METHODS), 60):
        if one["method"].startswith("datalab"):
            assert one["recall"] >= 0.99
            assert one["pairs"] == 1
            assert one["error"] < 1e-6


if __name__ == "__main__":
    main()
