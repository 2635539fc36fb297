"""The static views: HTML that needs no kernel, no script and no network.

The markup is complete by itself: tables, ``<details>``, pictures as data addresses and plain inline
styles, which is what an untrusted notebook keeps. The style sheet adds the colours of the house in
light and dark. Equal labs give equal text, to the byte.
"""

import functools
import io
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import datalab
from datalab._check import whole_number
from datalab.views import cells
from datalab.views.collect import overview
from datalab.views.model import Bins, Matrix, Overview

__all__ = ["page_html", "render", "report_html", "summary_html"]

SUMMARY_BYTES = 20_000
REPORT_BYTES = 150_000
PAGE_BYTES = 2_000_000
PICTURE_SIDE = 64  # pixels on screen; thumbnails are larger, for sharp screens


@dataclass(frozen=True, slots=True)
class _Diet:
    """How much a report may hold; the next one is tried when a report gets too large."""

    examples: int
    images: int
    text: int = cells.TEXT_LIMIT
    size: int = cells.THUMBNAIL_SIZE
    quality: int = 75


def summary_html(lab: Any) -> str:
    """The lab at a glance: every check with its count, its scores and its meaning.

    Parameters
    ----------
    lab : Datalab

    Returns
    -------
    str
        An HTML fragment of at most 20 KB.
    """
    view = overview(lab, num_examples=0)
    html = render("summary.html", view=view)
    limit = cells.TEXT_LIMIT
    while len(html.encode()) > SUMMARY_BYTES and limit > 20:
        limit //= 2
        html = render("summary.html", view=_shortened(view, limit))
    return html


def report_html(
    lab: Any,
    *,
    num_examples: int = 5,
    include_description: bool = True,
    show_summary_score: bool = False,
    show_all_issues: bool = False,
) -> str:
    """The report for a notebook: per check what it means, what to do and the worst examples.

    Parameters
    ----------
    lab : Datalab
    num_examples : int
        Examples (sets, for near duplicates) per check.
    include_description : bool
        Whether to say what each check means and what to do.
    show_summary_score : bool
        Whether to show the score of each check for the whole data set.
    show_all_issues : bool
        Whether checks that flagged nothing show their lowest scores.

    Returns
    -------
    str
        An HTML fragment of at most 150 KB with at most 24 pictures. Where that is not enough for
        everything that was asked for, pictures, texts and examples get fewer, and it says so.
    """
    options = {"describe": include_description, "show_score": show_summary_score}
    n = whole_number(num_examples, name="num_examples", least=0)
    diets = [
        _Diet(n, 24),
        _Diet(n, 24, size=64, quality=60),
        _Diet(n, 24, text=120, size=64, quality=50),
        _Diet(min(n, 20), 12, text=80, size=64, quality=50),
        _Diet(min(n, 10), 8, text=60, size=48, quality=40),
        _Diet(min(n, 3), 4, text=40, size=48, quality=40),
        _Diet(0, 0),
    ]
    return _fitting(lab, diets, REPORT_BYTES, "Datalab report", options, show_all_issues)


def page_html(lab: Any, *, title: str = "Datalab report", num_examples: int = 20) -> str:
    """The report as one file of its own that works offline, in light and dark.

    Parameters
    ----------
    lab : Datalab
    title : str
        Heading and title of the page.
    num_examples : int
        Examples per check.

    Returns
    -------
    str
        A whole HTML page of at most 2 MB.
    """
    options = {"describe": True, "show_score": False}
    n = whole_number(num_examples, name="num_examples", least=0)
    diets = [_Diet(n, 200), _Diet(min(n, 10), 60), _Diet(min(n, 5), 24, text=120)]
    title = cells.clean_text(title, 120)
    report = _fitting(lab, diets, PAGE_BYTES, title, options, show_all=False, links=True)
    return render("page.html", title=title, report=_markup(report))


def _fitting(
    lab: Any,
    diets: list[_Diet],
    limit: int,
    title: str,
    options: dict[str, bool],
    show_all: bool,
    links: bool = False,
) -> str:
    """The richest report that is not larger than `limit` bytes."""
    html = ""
    for diet in diets:
        view = overview(
            lab,
            num_examples=diet.examples,
            max_images=diet.images,
            text_limit=diet.text,
            show_all=show_all,
        )
        html = render(
            "report.html",
            view=view,
            title=title,
            options=options,
            links={s.name: f"check-{i}" for i, s in enumerate(view.sections)} if links else None,
            note=_note(view, shortened=diet is not diets[0], alone=links),
            thumbnail=functools.partial(cells.thumbnail, size=diet.size, quality=diet.quality),
        )
        if len(html.encode()) <= limit:
            break
    return html


def _note(view: Overview, *, shortened: bool, alone: bool) -> str:
    """The closing line: where the report comes from, or where there is more."""
    if alone:
        return f"Made with datalab {datalab.__version__}."
    if not view.sections:
        return ""
    start = "Shortened so that the notebook stays small. " if shortened else ""
    return f"{start}Every flagged row is in lab.issues and lab.export('findings.csv')."


def _shortened(view: Overview, limit: int) -> Overview:
    """The same with shorter words, for labs with very many checks."""
    cut = functools.partial(cells.clean_text, limit=limit)
    sections = tuple(
        replace(
            s, meaning=cut(s.meaning), reason=cut(s.reason), bins=s.bins if limit > 80 else None
        )
        for s in view.sections
    )
    return replace(view, sections=sections)


# --- templates ------------------------------------------------------------------------------------


def render(template: str, **values: Any) -> str:
    """A template filled in, with the style sheet of the house; every value is escaped."""
    html: str = _environment().get_template(template).render(css=_markup(_css()), **values)
    return html


@functools.cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("datalab.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": cells.count,
        "heat": _heat,
        "score": cells.score,
        "share": cells.share,
        "shown": _shown,
        "sparkline": _sparkline,
        "strongest": _strongest,
    }
    return environment


def _markup(text: str) -> Any:
    """Text of our own that is HTML already."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704


@functools.cache
def _css() -> str:
    files = resources.files("datalab.views") / "css"
    return "".join((files / name).read_text("utf-8") for name in ("tokens.css", "report.css"))


# --- what templates ask for -----------------------------------------------------------------------


def _strongest(matrix: Matrix) -> int:
    """The largest number off the diagonal."""
    rows = enumerate(matrix.counts)
    return max((n for g, row in rows for s, n in enumerate(row) if g != s), default=0)


def _heat(value: int, top: int) -> str:
    """Opacity of a cell: on a root scale, so that small numbers show, and text stays legible."""
    return f"{0.08 + 0.52 * (value / top) ** 0.6:.2f}"


def _shown(side: int, thumbnail: cells.Thumbnail) -> int:
    """Length on screen of one side of a picture."""
    longest = max(thumbnail.width, thumbnail.height)
    return max(1, round(side * min(1.0, PICTURE_SIDE / longest)))


def _sparkline(bins: Bins) -> str:
    """How the scores are spread, as a tiny picture that reads on white and on black."""
    import numpy as np
    from PIL import Image

    rows, flagged = np.array(bins.rows, dtype=float), np.array(bins.flagged, dtype=float)
    width, height = 6, 48
    picture = np.zeros((height, width * len(rows)), dtype=np.uint8)
    tall = np.ceil(np.sqrt(rows / max(rows.max(), 1)) * (height - 2)).astype(int)
    part = np.where(rows > 0, np.ceil(tall * np.divide(flagged, np.maximum(rows, 1))), 0).astype(
        int
    )
    picture[-2:] = 1
    for place, (all_, hit) in enumerate(zip(tall, part, strict=True)):
        across = slice(place * width, (place + 1) * width - 1)
        picture[height - 2 - all_ : height - 2, across] = 1
        picture[height - 2 - hit : height - 2, across] = 2
    image = Image.fromarray(picture, mode=None).convert("P")
    image.putpalette([0, 0, 0, 150, 152, 162, 59, 130, 246])
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, transparency=0, bits=2)
    return cells.Thumbnail(file.getvalue(), "image/png", width * len(rows), height).uri
