"""Where the report is shown: the one line of output in the library."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datalab.lab import Datalab

__all__ = ["show_report"]


def show_report(lab: "Datalab", **options: Any) -> None:
    """Show the report of a lab: rich under IPython, as text on standard output elsewhere."""
    from datalab.views.static import report_html
    from datalab.views.text import report_text

    text = report_text(lab, **options)
    # IPython is asked only when it is already running.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        sys.stdout.write(text + "\n")
        return
    from IPython import display

    show: Any = display.display  # IPython is not typed
    show({"text/html": report_html(lab, **options), "text/plain": text}, raw=True)
