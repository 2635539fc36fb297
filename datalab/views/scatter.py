"""A map of the examples by their features: alike stands near alike."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import traitlets as T

from datalab._check import choice
from datalab._optional import require
from datalab._typing import FloatArray, IndexArray
from datalab.results import shown_rows
from datalab.session import Session
from datalab.views.base import View, buffer
from datalab.views.cells import count, show
from datalab.views.collect import row_name
from datalab.views.rows import picture

__all__ = ["Scatter", "project"]

MOST_POINTS = 1_000_000  # of more rows these are drawn, evenly taken
FIT_ROWS = 20_000  # rows that directions are found from
COLOURS = 10  # classes with a colour of their own; the others share grey
OTHER = 255


class Scatter(View):
    """Every example as a point; a lasso lists what it encloses."""

    modules: ClassVar[tuple[str, ...]] = ("scatter",)
    watches: ClassVar[frozenset[str]] = frozenset({"findings", "issue", "threshold"})

    places = T.Dict(help="where points stand; sent once, as they are many").tag(sync=True)
    here = T.Int(-1, help="the point of the row that is looked at").tag(sync=True)

    def __init__(self, session: Session, *, method: str = "pca") -> None:
        choice(method, tuple(_METHODS), name="method")
        self._method = method
        self._features: Any = None  # that the points were made from
        self._rows: IndexArray = np.empty(0, np.intp)
        super().__init__(session)

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """What a lasso, a click and a pointer ask for; rows are numbered as they are drawn."""
        return {
            "lasso": self._lasso,
            "pick": lambda point: self.session.pick(int(self._rows[point])),
            "hover": self._hover,
            "clear": lambda: setattr(self.session, "region", None),
        }

    def _lasso(self, buffers: Any) -> None:
        inside = self._rows[np.frombuffer(bytes(buffers[0]), "<u4").astype(np.intp)]
        with self.session.change():
            self.session.region = inside if len(inside) else None
            self.session.selection = inside

    def _hover(self, point: int) -> None:
        row, lab = int(self._rows[point]), self.session.lab
        told: dict[str, Any] = {"hover": point, "name": "", "given": "", "text": ""}
        told["name"] = row_name(lab, row)
        code = int(self.session.facts.given[row])
        told["given"] = self.session.facts.class_texts()[code] if code >= 0 else ""
        if lab.text_key is not None:
            [cell] = shown_rows(lab.outcomes, lab._source, [row], [lab.text_key])
            told["text"] = show(cell[lab.text_key], 160).text
        if lab.image_key is not None:
            told["image"] = {k: v for k, v in picture(lab, row).items() if k != "data"}
            self.send(told, buffers=[picture(lab, row).get("data", b"")])
            return
        self.send(told)

    # ------------------------------------------------------------------ points

    def _told(self, change: Any) -> None:
        with self.hold_sync():
            super()._told(change)
            self._find_focus()

    def _find_focus(self) -> None:
        row = -1 if self.session.focus is None else self.session.focus
        at = int(np.searchsorted(self._rows, row))
        self.here = at if at < len(self._rows) and self._rows[at] == row else -1

    def _place(self) -> None:
        """Place the points, if the features are others than they were."""
        features = self.session.lab._artefacts.current("features")
        if features is self._features and features is not None:
            return
        self._features, self._rows = features, np.empty(0, np.intp)
        if features is None:
            return
        rows = features.rows if features.rows is not None else np.arange(len(features.value))
        if len(rows) > MOST_POINTS:
            rows = rows[np.linspace(0, len(rows) - 1, MOST_POINTS).astype(np.intp)]
        self._rows = rows
        self.places = {"xy": buffer(project(features.value, rows, method=self._method), "<f4")}
        self._find_focus()

    def drawn(self) -> dict[str, Any]:
        """For each point its class, whether it is flagged, and its score."""
        session = self.session
        self._place()
        rows = self._rows
        if not len(rows):
            return {"n": 0, "why": "no features: give features= or embed= to find_issues"}
        classes, names = _coloured_classes(session, rows)
        scores = session.scores()[rows] if session.issue else np.full(len(rows), np.nan)
        hidden = len(session.lab) - len(rows)
        return {
            "n": len(rows),
            "classes": buffer(classes, "u1"),
            "names": names,
            "others": bool((classes == OTHER).any()),
            "flags": buffer(session.flags()[rows] if session.issue else np.zeros(len(rows)), "u1"),
            "scores": buffer(np.nan_to_num(scores, nan=1.0) * 255, "u1"),
            "told": f"{self._method.upper()} of the features"
            + (f"; {count(hidden)} rows are not drawn" if hidden else ""),
            "issue": session.lab._outcomes[session.issue].spec.title if session.issue else "",
        }


def _coloured_classes(session: Session, rows: IndexArray) -> tuple[Any, list[str]]:
    """The place of each row's class among the largest ones, and their names."""
    codes = session.facts.given[rows]
    sizes = np.bincount(codes[codes >= 0], minlength=1)
    largest = np.argsort(-sizes, kind="stable")[: COLOURS if len(sizes) > COLOURS else len(sizes)]
    largest = np.sort(largest[sizes[largest] > 0])
    colour = np.full(len(sizes) + 1, OTHER, dtype=np.uint8)
    colour[largest] = np.arange(len(largest))
    texts = session.facts.class_texts()
    return colour[codes], [texts[code] for code in largest]


def project(features: Any, rows: IndexArray, *, method: str = "pca") -> FloatArray:
    """Features as places in the unit square.

    Parameters
    ----------
    features : ndarray of shape (N, M)
    rows : ndarray of int, shape (m,)
        The rows to place.
    method : {"pca", "umap"}
        The two directions of most variance, or UMAP (needs the package ``umap-learn``).

    Returns
    -------
    ndarray of float32, shape (m, 2)
        The middle 99.8 % of each axis fill [0, 1]; the few points beyond stand at the rim.

    Notes
    -----
    PCA takes O(m·M + 20 000·M²): the directions are found from 20,000 rows.
    """
    places: Any = _METHODS[method](features, rows)
    low, high = np.quantile(places, [0.001, 0.999], axis=0)
    spread = np.where(high > low, high - low, 1.0)
    placed: FloatArray = np.clip((places - low) / spread * 0.96 + 0.02, 0.0, 1.0).astype("f4")
    return placed


def _pca(features: Any, rows: IndexArray) -> FloatArray:
    some = rows[np.linspace(0, len(rows) - 1, min(FIT_ROWS, len(rows))).astype(np.intp)]
    sample = np.nan_to_num(np.asarray(features[some], dtype=np.float64))
    mean = sample.mean(axis=0)
    if sample.shape[1] == 1:
        return np.column_stack([np.nan_to_num(features[rows, 0]), np.zeros(len(rows))])
    _, vectors = np.linalg.eigh(np.cov(sample - mean, rowvar=False))
    top = vectors[:, ::-1][:, :2]
    # A direction and its opposite are the same: the larger loadings point up.
    top = top * np.sign(top[np.abs(top).argmax(axis=0), [0, 1]])
    places: FloatArray = np.nan_to_num(features[rows] - mean) @ top
    return places


def _umap(features: Any, rows: IndexArray) -> FloatArray:
    umap = require("umap", extra="umap", purpose='method="umap"')
    some = np.nan_to_num(np.asarray(features[rows], dtype=np.float32))
    places: FloatArray = umap.UMAP(random_state=0).fit_transform(some)
    return places


_METHODS: Mapping[str, Callable[[Any, IndexArray], FloatArray]] = {"pca": _pca, "umap": _umap}
