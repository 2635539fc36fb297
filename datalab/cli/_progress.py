"""What is said on standard error while a command runs: one line each."""

import contextlib
import logging
import os
import re
import warnings
from collections.abc import Iterator
from typing import Any

import click

__all__ = ["OPTIONS", "Progress", "in_options", "one_line", "progress"]

# What the library calls an argument → what it is called here.
OPTIONS = {
    "data": "DATA",
    "label_name": "--label",
    "task": "--task",
    "text_key": "--text",
    "image_key": "--image",
    "annotations": "--annotations",
    "split": "--split",
    "pred_probs": "--pred-probs",
    "features": "--features",
    "issue_types": "--issues",
    "random_state": "--seed",
}

# What developers of libraries tell each other is no news to who runs a command.
_NOT_TOLD = (
    DeprecationWarning,
    PendingDeprecationWarning,
    FutureWarning,
    ImportWarning,
    ResourceWarning,
)


def one_line(text: str) -> str:
    """Text without line breaks and control characters, which a terminal would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def in_options(message: str) -> str:
    """A message of the library in the words of the command line."""
    message = re.sub(r"`(\w+)`", lambda found: OPTIONS.get(found[1], found[0]), message)
    # "give pred_probs= or features=" is how reasons tell what is missing.
    # A value may follow, quoted as in Python: task="regression" → --task regression.
    message = re.sub(
        r"""\b(\w+)=(?:(["'])(\w+)\2|(?!\w))""",
        lambda found: (
            " ".join(filter(None, (OPTIONS[found[1]], found[3])))
            if found[1] in OPTIONS
            else found[0]
        ),
        message,
    )
    return message.replace(" to Datalab", "")


class Progress(logging.Handler):
    """Tells what goes on, unless it is to be quiet; the same line is not told twice."""

    def __init__(self, quiet: bool) -> None:
        super().__init__(logging.INFO)
        self.quiet = quiet
        self.told: set[str] = set()

    def say(self, text: str, **style: Any) -> None:
        """One line."""
        line = one_line(text)
        if not self.quiet and line not in self.told:
            self.told.add(line)
            click.secho(line, err=True, **({} if os.environ.get("NO_COLOR") else style))

    def emit(self, record: logging.LogRecord) -> None:
        """A line of the library's log, such as how a check ended."""
        self.say(in_options(record.getMessage()), dim=True)

    def warn(self, message: Warning | str, *_: Any, **__: Any) -> None:
        """A warning, in place of Python's own way of showing it."""
        self.say(f"Warning: {in_options(str(message))}", fg="yellow")


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Show the log and the warnings of the library as lines of progress."""
    told = Progress(quiet)
    log = logging.getLogger("datalab")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for category in _NOT_TOLD:
            warnings.simplefilter("ignore", category)
        warnings.showwarning = told.warn
        log.addHandler(told)
        log.setLevel(logging.INFO)
        try:
            yield told
        finally:
            log.removeHandler(told)
            log.setLevel(level)
