"""``datalab demo``: plant errors, audit, and say what was found."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datalab.cli._outputs import document, page, plain, show
from datalab.cli._progress import progress
from datalab.cli._rules import Exit
from datalab.demo import make_demo
from datalab.views.text import summary_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["run_demo"]


def run_demo(*, seed: int, outputs: Sequence[Path], as_json: bool, quiet: bool) -> int:
    """Plant, audit, write and show; the parameters are the options of the command."""
    with progress(quiet) as told:
        told.say(f"planting errors into scikit-learn's digits (seed {seed})")
        demo = make_demo(seed)
        told.say(f"auditing {len(demo.data):,} images")
        lab = demo.audit()
        for path in outputs:
            lab.export(path)
            told.say(f"wrote {path}")
    planted, annotators = demo.compare(lab), demo.annotator_qualities(lab)
    if as_json:
        all_told = document(lab) | {
            "format": "datalab-demo",
            "seed": seed,
            "planted": planted.to_dict("records"),
            "annotators": annotators.to_dict("records"),
            "files": [str(path) for path in outputs],
            "exit_code": int(Exit.FINE),
        }
        show(json.dumps(plain(all_told), indent=2, allow_nan=False))
        return Exit.FINE
    if not quiet:
        show(summary_text(lab, **page()) + "\n")
    show(_planted_text(planted))
    show("\n" + _annotators_text(annotators))
    if not quiet:
        show(_next_text(seed, outputs))
    return Exit.FINE


def _planted_text(planted: "pd.DataFrame") -> str:
    shown = planted.assign(
        recall=planted["recall"].map("{:.0%}".format),
        precision=planted["precision"].map("{:.0%}".format),
    )
    return _table(
        shown, ["what", "check", "planted", "found", "flagged", "recall", "precision"], width=24
    )


def _annotators_text(annotators: "pd.DataFrame") -> str:
    shown = annotators.assign(
        true_quality=annotators["true_quality"].map("{:.3f}".format),
        estimated_quality=annotators["estimated_quality"].map("{:.3f}".format),
    )
    return _table(shown, ["annotator", "answers", "true quality", "estimated"], width=11)


def _table(shown: "pd.DataFrame", heads: list[str], *, width: int) -> str:
    """A table as text, its first column of names set to the left."""
    shown = shown.set_axis(heads, axis="columns")
    first = heads[0]
    shown[first] = shown[first].str.ljust(width)
    return str(shown.rename(columns={first: first.ljust(width)}).to_string(index=False))


def _next_text(seed: int, outputs: Sequence[Path]) -> str:
    look = f"look at {', '.join(map(str, outputs))}" if outputs else "see it: add -o demo.html"
    return f"""
An annotator's mistake is found when the answer differs from the consensus. What is flagged but was
not planted are mostly digits that are hard to read.

What to do next
  - {look}
  - plant anew: --seed {seed + 1}
  - the same in Python:
        from datalab.demo import make_demo
        demo = make_demo(seed={seed})
        lab = demo.audit()         # Datalab(demo.data, label_name="label", …).find_issues(…)
        lab.report()
  - your own data: datalab audit --help"""
