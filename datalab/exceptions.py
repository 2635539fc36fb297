"""The errors and warnings of datalab.

::

    DatalabError
    ├── InputError(ValueError)                  wrong array: shape, range, length, value
    │   ├── OptionError(AssertionError)         unknown option, also AssertionError
    │   └── UnsupportedData                     not a data set we can read
    ├── InputTypeError(TypeError)               not the kind of object that is asked for
    ├── NotApplicable                           a manager cannot say anything about this data
    ├── NotFound(LookupError, ValueError)       unknown name, or a result that was not computed
    ├── ManagerError                            a manager raised; the cause is kept
    └── MissingDependency(ImportError)          pip install "datalab-explore[...]"

    DatalabWarning(UserWarning)
    ├── InputWarning                            the input is usable but looks wrong
    └── ManagerFailed                           one check failed, the others went on

A message says what is wrong, what was received and what to do about it.
"""

__all__ = [
    "DatalabError",
    "DatalabWarning",
    "InputError",
    "InputTypeError",
    "InputWarning",
    "ManagerError",
    "ManagerFailed",
    "MissingDependency",
    "NotApplicable",
    "NotFound",
    "OptionError",
    "UnsupportedData",
]


class DatalabError(Exception):
    """Base of every error that datalab raises on purpose."""


class InputError(DatalabError, ValueError):
    """An argument has a wrong shape, length, range or value."""


class OptionError(InputError, AssertionError):
    """An option has an unknown value; also an ``AssertionError``, as cleanlab's users expect."""


class UnsupportedData(InputError):
    """The data set is of a kind, or in a state, that datalab cannot read."""


class InputTypeError(DatalabError, TypeError):
    """An argument is not the kind of object that is asked for."""


class NotApplicable(DatalabError):
    """A manager cannot say anything about this data; the message is the reason shown to people."""


class NotFound(DatalabError, LookupError, ValueError):
    """An unknown name, or a result that has not been computed."""


class ManagerError(DatalabError):
    """A manager raised; ``__cause__`` holds the original error."""


class MissingDependency(DatalabError, ImportError):
    """An optional library is needed; the message says which extra to install."""


class DatalabWarning(UserWarning):
    """Base of every warning that datalab gives."""


class InputWarning(DatalabWarning):
    """The input can be used, but something about it is probably not what was meant."""


class ManagerFailed(DatalabWarning):
    """One check of an audit failed; the others went on."""
