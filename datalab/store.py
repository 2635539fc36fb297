"""Labs in folders: a manifest and plain arrays, replaced at one stroke.

A saved lab is a folder with ``manifest.json`` and one subfolder of arrays. Saving writes a new
subfolder first; replacing the manifest is the one step that makes it count, so a process that is
killed at any moment leaves the old lab or the new one. Nothing that is read can run.
"""

import json
import os
import shutil
import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from datalab._check import class_codes, listing, warn
from datalab._data.arrow import without_bars
from datalab._data.frame import FrameSource
from datalab._data.labels import Labels, MultilabelLabels
from datalab._data.source import Source, open_source
from datalab.artefacts import DATA, GIVEN, Artefact
from datalab.audit import Outcome
from datalab.exceptions import DatalabError, DatalabWarning, InputError, NotFound
from datalab.findings import Findings
from datalab.managers.base import Spec, specs
from datalab.packing import Packer, Unpacker

if TYPE_CHECKING:
    from datalab.lab import Datalab

__all__ = ["FORMAT", "in_classes", "load", "save"]

# Kinds of columns whose values may be files.
FILES = ("image", "audio")

# Raised when a manifest can no longer be read by older versions.
FORMAT = 1
MANIFEST, ARRAYS = "manifest.json", "arrays-"
PACKAGES = ("datalab-explore", "numpy", "scipy", "pandas", "scikit-learn", "datasets")
# What reading files that are cut, or were written by others, raises.
DAMAGE = (OSError, EOFError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
SHOWN = ("title", "description", "advice", "produces")


# --- saving --------------------------------------------------------------------------------------


def save(lab: "Datalab", path: str | os.PathLike[str], *, force: bool, include_data: bool) -> Path:
    """Write a lab into a folder; see `Datalab.save`."""
    folder = Path(path)
    _check_target(folder, force)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = folder / f"{ARRAYS}{uuid.uuid4().hex[:12]}"
    arrays.mkdir()
    try:
        manifest = _manifest(lab, Packer(arrays), include_data=include_data)
        manifest["arrays"] = arrays.name
        text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
        _replace(folder, text)
    except BaseException:
        shutil.rmtree(arrays, ignore_errors=True)
        raise
    for old in folder.glob(f"{ARRAYS}*"):  # of the lab that stood here, or of a killed save
        if old.name != arrays.name:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def _check_target(folder: Path, force: bool) -> None:
    if not folder.exists():
        return
    is_lab = (folder / MANIFEST).exists()
    if not folder.is_dir():
        raise InputError(f"`path` {str(folder)!r} is a file; name a folder")
    others = [p.name for p in folder.iterdir() if not p.name.startswith((MANIFEST, ARRAYS))]
    if others:
        raise InputError(
            f"`path` {str(folder)!r} holds other things ({listing(others)}); name a folder that "
            "does not exist yet"
        )
    if is_lab and not force:
        raise InputError(
            f"`path` {str(folder)!r} holds a saved lab already; pass force=True to replace it"
        )


def _replace(folder: Path, text: str) -> None:
    """Put the manifest in place: the one step after which the new lab counts."""
    for file in folder.glob(f"{ARRAYS}*/**/*"):
        if file.is_file():
            _to_disk(file)
    new = folder / f"{MANIFEST}.new"
    new.write_text(text, encoding="utf-8", errors="surrogatepass")
    _to_disk(new)
    os.replace(new, folder / MANIFEST)


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _manifest(lab: "Datalab", packer: Packer, *, include_data: bool) -> dict[str, Any]:
    pack, source = packer.pack, lab._source
    review = lab._begun_review()
    return {
        "format": FORMAT,
        "packages": {name: _version(name) for name in PACKAGES},
        "options": {
            "task": lab.task,
            "label_name": lab.label_name,
            "verbosity": lab.verbosity,
            **lab._named,
            **lab._roles,
        },
        "source": lab.data if isinstance(lab.data, str) else None,
        "data": _data(lab.data, "data", packer) if include_data else None,
        "fingerprint": _fingerprint(source),
        "classes": pack(lab.class_names, "the classes"),
        "annotators": list(lab._annotators),
        "rules": lab._rules,
        "rows": pack(lab.rows, "rows"),
        "history": pack(lab._history, "history"),
        "given": _given(lab, packer),
        "made": _made(lab, packer),
        "outcomes": [_outcome(one, packer) for one in lab.outcomes],
        "chains": _chains(lab),
        "review": None
        if review is None
        else {
            "path": None if review.path is None else str(review.path),
            "lines": review.ledger.lines(),
        },
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _fingerprint(source: Source) -> dict[str, Any]:
    return {
        "rows": source.n_rows,
        "columns": {name: source.column_fingerprint(name) for name in source.columns},
    }


def _data(data: Any, name: str, packer: Packer) -> dict[str, Any]:
    """The data itself, in the way its own library keeps it, else column by column."""
    library = type(data).__module__.partition(".")[0]
    target = packer.folder / name
    if library == "datasets" and hasattr(data, "save_to_disk"):
        with without_bars():
            data.save_to_disk(str(target))
    elif library == "polars":
        data.write_parquet(target)
    elif library == "pyarrow":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(data), target)
    elif library == "pandas" and _as_parquet(data, target):
        pass
    elif (source := open_source(data)).split_column is not None:
        parts = [
            [split, _data(part, f"{name}-{place}", packer)]
            for place, (split, part) in enumerate(data.items())
        ]
        return {"kind": "splits", "columns": None, "parts": parts}
    else:
        whole = source.native(np.arange(source.n_rows))
        return {"kind": type(whole).__name__, "columns": packer.pack(whole, "the data")}
    return {"kind": library, "columns": None}


def _as_parquet(frame: Any, target: Path) -> bool:
    """Whether the frame could be written as Parquet, which holds one kind of value per column."""
    # pandas cannot read the names of nested Arrow types again; their values are plain objects.
    nested = {
        name: object
        for name, kind in frame.dtypes.items()
        if getattr(getattr(kind, "pyarrow_dtype", None), "num_fields", 0)
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # names that would come back as texts
            (frame.astype(nested) if nested else frame).to_parquet(target)
        same = _same_objects(frame, target)
    # pyarrow's own errors are of these kinds.
    except (ValueError, TypeError, NotImplementedError, OverflowError, UserWarning):
        same = False
    if not same:
        target.unlink(missing_ok=True)
    return same


def _same_objects(frame: Any, file: Path) -> bool:
    """Whether columns of objects come back as they were: sets and decimal numbers do not."""
    objects = [name for name, kind in frame.dtypes.items() if kind == object]  # noqa: E721
    if not objects:
        return True
    written = FrameSource(_read_parquet(file)[objects])
    given = FrameSource(frame[objects])
    return all(
        given.column_fingerprint(name) == written.column_fingerprint(name) for name in given.columns
    )


def _read_parquet(file: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(file)


def _given(lab: "Datalab", packer: Packer) -> dict[str, Any]:
    given = {}
    for name in lab._artefacts.held_names():
        held = lab._artefacts.held(name)
        if held is not None and held.distance == GIVEN:
            given[name] = _artefact(name, held, packer)
    return given


def _artefact(name: str, artefact: Artefact, packer: Packer) -> dict[str, Any]:
    return {
        "value": packer.pack(artefact.value, name),
        "rows": packer.pack(artefact.rows, f"the rows of {name}"),
        "note": artefact.note,
    }


def _made(lab: "Datalab", packer: Packer) -> list[dict[str, Any]]:
    """What recipes made, as far as it is data; the rest is made again when it is needed."""
    made = []
    for name, recipe, artefact in lab._artefacts.made():
        try:
            told = {
                **_artefact(name, artefact, packer),
                "options": packer.pack(dict(artefact.options), f"the options of {name}"),
                "details": packer.pack(dict(artefact.details), f"the details of {name}"),
            }
        except InputError:
            continue
        sources = list(artefact.made_from)
        made.append({"name": name, "recipe": recipe, "made_from": sources, **told})
    return made


def _outcome(outcome: Outcome, packer: Packer) -> dict[str, Any]:
    found, spec, name = outcome.findings, outcome.spec, outcome.name
    told: dict[str, Any] = {
        "name": name,
        "status": outcome.status,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "notes": list(outcome.notes),
        "class": f"{spec.factory.__module__}.{spec.factory.__qualname__}",
        "shown": packer.pack({one: getattr(spec, one) for one in SHOWN}, f"{name}: the check"),
        "parameters": _parameters(outcome, packer),
        "findings": None,
    }
    if found is not None:
        told["findings"] = {
            one: packer.pack(getattr(found, one), f"{name}: {one}")
            for one in ("is_issue", "score", "columns", "summary", "info", "rows", "flagged")
        }
    return told


def _parameters(outcome: Outcome, packer: Packer) -> dict[str, Any]:
    """The parameters of a check; an object that cannot be saved, such as a model, is left out."""
    told = {}
    for name in outcome.spec.parameters():
        value = getattr(outcome.manager, name, None)
        try:
            told[name] = packer.pack(value, name)
        except InputError:
            told[name] = {"$left_out": type(value).__name__}
    return told


def _chains(lab: "Datalab") -> list[dict[str, Any]]:
    chains = []
    for chain in lab.chains:
        try:
            chains.append(chain.to_dict())
        except InputError as reason:
            warn(f"a chain was not saved: {reason}", DatalabWarning)
    return chains


# --- loading -------------------------------------------------------------------------------------


def load(
    kind: type["Datalab"],
    path: str | os.PathLike[str],
    data: Any,
    callables: Mapping[str, Any] | None,
) -> "Datalab":
    """Read a lab from a folder; see `Datalab.load`."""
    folder = Path(path)
    manifest = _read_manifest(folder)
    try:
        return _restored(kind, folder, manifest, data, callables)
    except DatalabError:
        raise
    except DAMAGE as error:
        raise InputError(
            f"`path`: the lab in {str(folder)!r} cannot be read, it is damaged or was changed by "
            f"hand ({type(error).__name__}: {error})"
        ) from error


def _restored(
    kind: type["Datalab"],
    folder: Path,
    manifest: Mapping[str, Any],
    data: Any,
    callables: Mapping[str, Any] | None,
) -> "Datalab":
    """The lab that a manifest and its arrays tell of."""
    unpack = Unpacker(folder / Path(manifest["arrays"]).name, callables).unpack
    options = manifest["options"]
    review = manifest["review"]
    lab = kind(
        _data_of(manifest, data, unpack, folder),
        **options,
        ledger=None if review is None else review["path"] or False,
    )
    stored = data is None and manifest["data"] is not None
    _check_same(lab._source, manifest["fingerprint"], folder, files=not stored)
    _restore_inputs(lab, manifest, unpack)
    lab._rules = manifest["rules"]
    lab._history = unpack(manifest["history"])
    rows = unpack(manifest["rows"])
    if np.shape(rows) != (len(lab),):
        raise ValueError(f"rows of shape {np.shape(rows)} for {len(lab)} examples")
    lab._forget(rows=rows)
    for told in manifest["outcomes"]:
        lab._outcomes[told["name"]] = _read_outcome(told, lab.task, unpack)
    if review is not None:
        lab.review.ledger.take(review["lines"])
    for saved in manifest["chains"]:
        lab._restore_chain(saved)
    return lab


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST
    if not file.exists():
        raise NotFound(f"`path`: there is no saved lab in {str(folder)!r}")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8", errors="surrogatepass"))
        version = manifest["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"`path`: {str(file)!r} is no manifest of a lab ({error})") from None
    if not isinstance(version, int) or version > FORMAT:
        saved_by = manifest.get("packages", {}).get("datalab-explore")
        raise InputError(
            f"`path`: the lab was saved in format {version} by datalab {saved_by}; this one reads "
            f"up to format {FORMAT}: install a newer datalab"
        )
    return dict(manifest)


def _data_of(manifest: Mapping[str, Any], data: Any, unpack: Any, folder: Path) -> Any:
    if data is not None:
        return data
    if manifest["data"] is not None:
        return _rebuilt(manifest["data"], unpack, folder / Path(manifest["arrays"]).name / "data")
    source = manifest["source"]
    if source is not None and Path(source).exists():
        return source
    raise InputError(
        f"`data` is missing: the lab in {str(folder)!r} was saved without its data; pass the data "
        "set, or save with include_data=True"
    )


def _rebuilt(saved: Mapping[str, Any], unpack: Any, file: Path) -> Any:
    """The data that was saved with a lab, in the kind of container it came in."""
    if saved["columns"] is not None:
        return unpack(saved["columns"])
    if saved["kind"] == "splits":
        return {
            split: _rebuilt(part, unpack, file.with_name(f"{file.name}-{place}"))
            for place, (split, part) in enumerate(saved["parts"])
        }
    if saved["kind"] == "datasets":
        import datasets

        return datasets.load_from_disk(str(file))
    if saved["kind"] == "polars":
        import polars as pl

        return pl.read_parquet(file)
    if saved["kind"] == "pyarrow":
        import pyarrow.parquet as pq

        return pq.read_table(file)
    return _read_parquet(file)


def _check_same(source: Source, saved: Mapping[str, Any], folder: Path, *, files: bool) -> None:
    """Refuse data that is not what the lab was saved with, and say what has changed.

    Images and recordings are compared only where `files` says so: what was a path in the data has
    become the file itself where they were saved together.
    """
    now = _fingerprint(source)
    if not files:
        here = saved["columns"].keys() & now["columns"].keys()
        now["columns"].update({n: saved["columns"][n] for n in here if source.kind(n) in FILES})
    if now == saved and list(now["columns"]) == list(saved["columns"]):
        return
    changes = []
    if now["rows"] != saved["rows"]:
        changes.append(f"it has {now['rows']} rows, not {saved['rows']}")
    gone = [name for name in saved["columns"] if name not in now["columns"]]
    new = [name for name in now["columns"] if name not in saved["columns"]]
    changes += [f"it lacks the columns {listing(gone)}"] if gone else []
    changes += [f"it has new columns {listing(new)}"] if new else []
    other = [
        name
        for name, digest in saved["columns"].items()
        if now["columns"].get(name, digest) != digest
    ]
    if other and now["rows"] == saved["rows"]:
        changes.append(f"other values, or another order of rows, in {listing(other)}")
    if not changes:
        changes.append("its columns stand in another order")
    raise InputError(
        f"`data` is not what the lab in {str(folder)!r} was saved with: {'; '.join(changes)}. "
        "Load it with the data as it was, or audit the new data"
    )


def _restore_inputs(lab: "Datalab", manifest: Mapping[str, Any], unpack: Any) -> None:
    lab._annotators = tuple(manifest["annotators"])
    classes = unpack(manifest["classes"])
    if lab._labels is not None and classes != lab.class_names:
        lab._labels = in_classes(lab._labels, classes)
    lab._read_data()
    store = lab._artefacts
    if lab._labels is None and classes:
        store.read("class_names", tuple(classes))
    for name, told in manifest["given"].items():
        store.give(name, unpack(told["value"]), rows=unpack(told["rows"]), note=told["note"])
    for told in manifest["made"]:
        made = Artefact(
            unpack(told["value"]),
            0,
            DATA,
            rows=unpack(told["rows"]),
            made_from=dict.fromkeys(told["made_from"], 0),
            options=unpack(told["options"]),
            note=told["note"],
            details=unpack(told["details"]),
        )
        store.restore(told["name"], told["recipe"], made)


def in_classes(labels: Any, classes: Sequence[Any]) -> Any:
    """Labels coded in the classes that were saved: some may no longer occur."""
    if not isinstance(labels, (Labels, MultilabelLabels)):
        return labels
    place = {value: code for code, value in enumerate(classes)}
    table = np.array([*(place[value] for value in labels.classes), -1])

    def moved(codes: Any) -> Any:
        return class_codes(table[codes], name="labels", missing=True)

    if isinstance(labels, Labels):
        return Labels(moved(labels.codes), tuple(classes))
    return replace(
        labels, codes=tuple(moved(codes) for codes in labels.codes), classes=tuple(classes)
    )


@dataclass(frozen=True)
class _Recalled:
    """Stands for a check whose class is not there when its findings are loaded."""

    name: str
    find: ClassVar[str] = "it was loaded from a file and its class is not registered"

    def find_issues(self) -> Findings:
        """Cannot run."""
        raise NotFound(f"{self.name!r} cannot run: {self.find}")


def _read_outcome(told: Mapping[str, Any], task: str | None, unpack: Any) -> Outcome:
    found = told["findings"]
    findings = None
    if found is not None:
        findings = Findings(told["name"], **{name: unpack(value) for name, value in found.items()})
    spec, manager = _check_of(told, task, unpack)
    error = None
    if told["status"] == "failed":
        error = NotFound(f"the error itself was not saved: {told['reason']}")
    return Outcome(
        told["name"],
        told["status"],
        spec,
        manager,
        reason=told["reason"],
        findings=findings,
        error=error,
        seconds=told["seconds"],
        notes=tuple(told["notes"]),
    )


def _check_of(told: Mapping[str, Any], task: str | None, unpack: Any) -> tuple[Spec, Any]:
    """The check that ran, if it is registered here; otherwise what is needed to show findings."""
    spec = specs(task).get(told["name"])
    if (
        spec is not None
        and f"{spec.factory.__module__}.{spec.factory.__qualname__}" == told["class"]
    ):
        kept = {n: v for n, v in told["parameters"].items() if not _left_out(v)}
        known = spec.parameters()
        return spec, spec.make({n: unpack(v) for n, v in kept.items() if n in known})
    shown = unpack(told["shown"])
    recalled = Spec(
        name=told["name"],
        factory=type(shown["title"], (_Recalled,), {"title": shown["title"]}),
        needs=(),
        any_of=(),
        uses=(),
        tasks=(task,),
        default=False,
        produces=shown["produces"],
        description=shown["description"],
        advice=shown["advice"],
    )
    return recalled, _Recalled(told["name"])


def _left_out(packed: Any) -> bool:
    return isinstance(packed, dict) and "$left_out" in packed
