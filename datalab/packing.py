"""Values as JSON and plain arrays, and back; nothing that is read can run.

`pack` turns nested values into what JSON holds; large arrays and pictures go into files beside it,
to which the JSON refers. `unpack` reads them again (arrays as memory maps only where asked for).
What is neither data nor one of our own frozen containers is refused, never pickled.
"""

import base64
import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._core.training import Dynamics
from datalab._data.annotations import Annotations
from datalab._data.values import is_missing
from datalab.exceptions import InputError, NotFound
from datalab.neighbors import KNNGraph

__all__ = ["Packer", "Unpacker"]

# Our own containers of arrays, by name.
CONTAINERS: Mapping[str, Any] = {
    "KNNGraph": KNNGraph,
    "Annotations": Annotations,
    "Dynamics": Dynamics,
}
# Arrays up to so many values stand in the JSON itself, where people can read them.
SMALL = 16
PLAIN_KINDS = "biufcUSMm"


class Packer:
    """Writes arrays into a folder and returns JSON that refers to them.

    Parameters
    ----------
    folder : Path
        Exists and is empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def pack(self, value: Any, where: str) -> Any:
        """A value as JSON.

        Parameters
        ----------
        value : object
        where : str
            What it is, for messages.

        Raises
        ------
        InputError
            It is, or holds, an object that cannot be saved.
        """
        if value is None or isinstance(value, (str, bool, int)):
            return value
        if type(value).__name__ in ("NAType", "NaTType"):  # pandas' missing values
            return None
        if isinstance(value, float):
            return value if math.isfinite(value) else {"$float": repr(value)}
        for kinds, packed in self._ways():
            if isinstance(value, kinds):
                return packed(value, where)
        for check, packed in self._foreign().items():
            if hasattr(value, check):
                return packed(value, where)
        if callable(value) and hasattr(value, "__qualname__"):
            return {"$callable": f"{value.__module__}.{value.__qualname__}"}
        raise InputError(
            f"cannot save {where}: {type(value).__name__} is neither data nor a named function; "
            "keep arrays, numbers, texts and tables only"
        )

    def _ways(self) -> list[tuple[Any, Callable[[Any, str], Any]]]:
        return [
            (np.generic, lambda v, _: self._array(np.asarray(v))),
            (np.ndarray, self._ndarray),
            (Mapping, self._mapping),
            (list, self._list),
            (tuple, lambda v, w: {"$tuple": [self.pack(one, w) for one in v]}),
            (
                (set, frozenset),
                lambda v, w: {"$set": [self.pack(o, w) for o in sorted(v, key=repr)]},
            ),
            (bytes, lambda v, _: {"$bytes": base64.b64encode(v).decode()}),
            (Decimal, lambda v, _: {"$decimal": str(v)}),
            (dt.datetime, lambda v, _: {"$datetime": v.isoformat()}),
            (dt.date, lambda v, _: {"$date": v.isoformat()}),
            (dt.time, lambda v, _: {"$time": v.isoformat()}),
            (dt.timedelta, lambda v, _: {"$timedelta": [v.days, v.seconds, v.microseconds]}),
            (complex, lambda v, _: {"$complex": repr(v)}),
            (Fraction, lambda v, _: {"$fraction": str(v)}),
            (Path, lambda v, _: str(v)),
            (tuple(CONTAINERS.values()), self._container),
        ]

    def _foreign(self) -> Mapping[str, Callable[[Any, str], Any]]:
        """Tables, sparse matrices and pictures, told by what they can do: nothing is imported."""
        return {
            "tocsr": self._sparse,
            "to_frame": self._series,
            "iloc": self._frame,
            "getbands": self._picture,
            "freqstr": lambda v, _: {"$period": [str(v), v.freqstr]},
            "closed_left": self._interval,
        }

    def _interval(self, value: Any, where: str) -> Any:
        return {"$interval": [*self._each([value.left, value.right], where), value.closed]}

    def _each(self, values: Any, where: str) -> list[Any]:
        return [self.pack(one, where) for one in values]

    def _array(self, array: NDArray[Any]) -> Any:
        whole = array.dtype.kind in "biuU"
        if array.size <= SMALL and (whole or (array.dtype.kind == "f" and _finite(array))):
            return {"$small": array.tolist(), "dtype": array.dtype.str}
        name = f"{self._count}.npy"
        self._count += 1
        np.save(self.folder / name, array, allow_pickle=False)
        return {"$array": name}

    def _ndarray(self, array: NDArray[Any], where: str) -> Any:
        if isinstance(array, np.ma.MaskedArray):
            gaps, array = np.ma.getmaskarray(array), array.data.astype(object)
            array[gaps] = None
        if array.dtype.kind in PLAIN_KINDS or (array.dtype.names and not array.dtype.hasobject):
            return self._array(array)
        if array.dtype != object:
            raise InputError(f"cannot save {where}: an array of {array.dtype}")
        flat = self._ragged(list(array.ravel()))
        listed = flat or {"items": [self.pack(one, where) for one in array.ravel()]}
        return {"$objects": listed, "shape": list(array.shape)}

    def _list(self, values: list[Any], where: str) -> Any:
        flat = self._ragged(values)
        return {"$lists": flat} if flat else [self.pack(one, where) for one in values]

    def _ragged(self, values: list[Any]) -> dict[str, Any] | None:
        """Arrays of numbers of one dtype, laid end to end; None for anything else."""
        dtypes = {v.dtype.str if isinstance(v, np.ndarray) and v.ndim == 1 else "" for v in values}
        if (
            len(values) <= SMALL
            or len(dtypes) != 1
            or np.dtype(dtypes.pop() or "O").kind not in "iuf"
        ):
            return None
        lengths = np.array([len(one) for one in values])
        return {"flat": self._array(np.concatenate(values)), "lengths": self._array(lengths)}

    def _mapping(self, values: Mapping[Any, Any], where: str) -> Any:
        if all(isinstance(key, str) and not key.startswith("$") for key in values):
            return {key: self.pack(one, f"{where}[{key!r}]") for key, one in values.items()}
        pairs = [[self.pack(k, where), self.pack(v, f"{where}[{k!r}]")] for k, v in values.items()]
        return {"$pairs": pairs}

    def _container(self, value: Any, where: str) -> Any:
        held = {one.name: getattr(value, one.name) for one in fields(value)}
        return {"$object": type(value).__name__, "fields": self._mapping(held, where)}

    def _sparse(self, matrix: Any, _: str) -> Any:
        csr = matrix.tocsr()
        parts = {name: self._array(getattr(csr, name)) for name in ("data", "indices", "indptr")}
        return {"$csr": parts, "shape": list(csr.shape)}

    def _picture(self, image: Any, where: str) -> Any:
        """Without loss; other modes than PNG has are those of TIFF."""
        form = "png" if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "tiff"
        name = f"{self._count}.{form}"
        self._count += 1
        try:
            image.save(self.folder / name, form)
        except OSError as error:
            raise InputError(
                f"cannot save {where}, a picture of mode {image.mode}: {error}"
            ) from error
        return {"$picture": name}

    def _series(self, series: Any, where: str) -> Any:
        return {"$series": self._frame(series.to_frame(), where)}

    def _frame(self, frame: Any, where: str) -> Any:
        columns = [
            [
                self.pack(name, where),
                str(frame.dtypes.iloc[i]),
                self._column(frame.iloc[:, i], f"{where}, column {str(name)!r}"),
            ]
            for i, name in enumerate(frame.columns)
        ]
        name = self.pack(frame.index.name, where)
        return {"$frame": columns, "index": self._column(frame.index, where), "name": name}

    def _column(self, values: Any, where: str) -> Any:
        plain = isinstance(values.dtype, np.dtype) and values.dtype.kind in PLAIN_KINDS
        array = np.asarray(values) if plain else np.asarray(values, dtype=object)
        if not plain:
            gaps = is_missing(array)
            array = array.copy()
            array[gaps] = None
        return self._ndarray(array, where)


def _finite(array: NDArray[Any]) -> bool:
    return bool(np.isfinite(array).all())


class Unpacker:
    """Reads what a `Packer` wrote.

    Parameters
    ----------
    folder : Path
    callables : mapping of str to callable, optional
        Functions that were saved by name.
    """

    def __init__(self, folder: Path, callables: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.callables = callables or {}
        self._readers: Mapping[str, Callable[[Any], Any]] = {
            "$float": lambda v: float(v["$float"]),
            "$array": lambda v: np.load(self.folder / Path(v["$array"]).name, allow_pickle=False),
            "$small": self._small,
            "$objects": self._objects,
            "$lists": lambda v: self._listed(v["$lists"]),
            "$tuple": lambda v: tuple(self.unpack(one) for one in v["$tuple"]),
            "$set": lambda v: frozenset(self.unpack(one) for one in v["$set"]),
            "$bytes": lambda v: base64.b64decode(v["$bytes"]),
            "$decimal": lambda v: Decimal(v["$decimal"]),
            "$datetime": lambda v: dt.datetime.fromisoformat(v["$datetime"]),
            "$date": lambda v: dt.date.fromisoformat(v["$date"]),
            "$time": lambda v: dt.time.fromisoformat(v["$time"]),
            "$timedelta": lambda v: dt.timedelta(*v["$timedelta"]),
            "$complex": lambda v: complex(v["$complex"]),
            "$fraction": lambda v: Fraction(v["$fraction"]),
            "$period": self._period,
            "$interval": self._interval,
            "$pairs": lambda v: {self.unpack(k): self.unpack(one) for k, one in v["$pairs"]},
            "$object": self._container,
            "$csr": self._csr,
            "$frame": self._frame,
            "$series": lambda v: self._frame(v["$series"]).iloc[:, 0],
            "$picture": self._picture,
            "$callable": self._callable,
        }

    def unpack(self, packed: Any) -> Any:
        """The value that was packed.

        Raises
        ------
        NotFound
            A function that was saved by name was not given.
        """
        if isinstance(packed, list):
            return [self.unpack(one) for one in packed]
        if not isinstance(packed, dict):
            return packed
        kind = next(iter(packed), "")
        if kind.startswith("$"):
            if kind not in self._readers:
                raise InputError(f"the saved lab holds a value of an unknown kind, {kind!r}")
            return self._readers[kind](packed)
        return {key: self.unpack(one) for key, one in packed.items()}

    def _small(self, packed: Any) -> Any:
        array = np.array(packed["$small"], dtype=packed["dtype"])
        return array if array.ndim else array[()]

    def _listed(self, packed: Any) -> list[Any]:
        if "items" in packed:
            return [self.unpack(one) for one in packed["items"]]
        flat, lengths = self.unpack(packed["flat"]), self.unpack(packed["lengths"])
        return np.split(flat, np.cumsum(lengths)[:-1])

    def _objects(self, packed: Any) -> NDArray[Any]:
        listed = self._listed(packed["$objects"])
        # One by one: numpy would look into pictures, and into arrays of equal length.
        return np.fromiter(listed, dtype=object, count=len(listed)).reshape(packed["shape"])

    def _picture(self, packed: Any) -> Any:
        from PIL import Image

        with Image.open(self.folder / Path(packed["$picture"]).name) as image:
            return image.copy()

    def _container(self, packed: Any) -> Any:
        if packed["$object"] not in CONTAINERS:
            raise InputError(f"the saved lab holds an unknown {packed['$object']!r}")
        kind = CONTAINERS[packed["$object"]]
        known = {one.name for one in fields(kind) if one.init}
        # A later version may have added fields that this one does without.
        return kind(**{n: self.unpack(v) for n, v in packed["fields"].items() if n in known})

    def _csr(self, packed: Any) -> Any:
        from scipy.sparse import csr_matrix

        parts = [self.unpack(packed["$csr"][name]) for name in ("data", "indices", "indptr")]
        return csr_matrix(tuple(parts), shape=tuple(packed["shape"]))

    def _frame(self, packed: Any) -> Any:
        import pandas as pd

        index = pd.Index(self.unpack(packed["index"]), name=self.unpack(packed["name"]))
        names = [self.unpack(name) for name, _, _ in packed["$frame"]]
        columns = [
            pd.Series(self.unpack(values), index=index).astype(dtype)
            for _, dtype, values in packed["$frame"]
        ]
        frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=index)
        return frame.set_axis(pd.Index(names, dtype=None if names else object), axis=1)

    def _period(self, packed: Any) -> Any:
        import pandas as pd

        when, freq = packed["$period"]
        return pd.Period(when, freq=freq)

    def _interval(self, packed: Any) -> Any:
        import pandas as pd

        left, right, closed = packed["$interval"]
        return pd.Interval(self.unpack(left), self.unpack(right), closed)

    def _callable(self, packed: Any) -> Any:
        name = packed["$callable"]
        if name not in self.callables:
            raise NotFound(
                f"the lab was saved with the function {name!r}, which is not stored; give "
                f"callables={{{name!r}: the_function}} to Datalab.load"
            )
        return self.callables[name]
