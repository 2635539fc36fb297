"""Find, look at and correct the issues in a data set, inside the notebook.

Nothing heavy is imported here: every public name loads its module when it is first used.
"""

import importlib
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datalab.findings import Findings as Findings
    from datalab.lab import Datalab as Datalab
    from datalab.managers.base import IssueManager as IssueManager
    from datalab.managers.base import register as register

_NAMES = {
    "Datalab": "datalab.lab",
    "Findings": "datalab.findings",
    "IssueManager": "datalab.managers.base",
    "register": "datalab.managers.base",
}
_MODULES = (
    "benchmarking",
    "classification",
    "count",
    "data_valuation",
    "dataset",
    "exceptions",
    "experimental",
    "filter",
    "managers",
    "multiannotator",
    "multilabel_classification",
    "object_detection",
    "outlier",
    "plots",
    "rank",
    "regression",
    "segmentation",
    "token_classification",
    "training",
)

try:
    __version__ = metadata.version("datalab-explore")
except metadata.PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [*_NAMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"datalab.{name}")
    else:
        raise AttributeError(f"module 'datalab' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES, *_MODULES})
