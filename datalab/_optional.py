"""Optional libraries: imported on first use, with an error that says what to install."""

import importlib
from types import ModuleType

from datalab.exceptions import MissingDependency

__all__ = ["require"]


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional library, or say which extra brings it.

    Parameters
    ----------
    module : str
        Import name, for example ``"faiss"``.
    extra : str
        The extra of this distribution that installs it.
    purpose : str
        What needs it, as the beginning of a sentence.

    Raises
    ------
    MissingDependency
        The library is not installed.

    Examples
    --------
    >>> require("json", extra="all", purpose="reading JSON").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependency(
            f"{purpose} needs the package {module!r}, which is not installed; "
            f'install it with: pip install "datalab-explore[{extra}]"'
        ) from error
