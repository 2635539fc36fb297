"""The checks at a glance: what each found, how its scores are spread, why it has nothing to say."""

from typing import Any, ClassVar

from datalab.views.base import View
from datalab.views.cells import clean_text, count, score, share
from datalab.views.collect import overview
from datalab.views.model import Section
from datalab.views.review import progress_of

__all__ = ["Overview"]


class Overview(View):
    """One card per check; choosing a card changes what every linked view looks at."""

    modules: ClassVar[tuple[str, ...]] = ("overview",)
    watches: ClassVar[frozenset[str]] = frozenset({"findings", "decisions", "threshold", "issue"})

    def __init__(self, session: Any) -> None:
        self._sections: tuple[Section, ...] | None = None
        super().__init__(session)

    def _read(self) -> tuple[Section, ...]:
        """The sections, read anew only after an audit."""
        if self._sections is None or "findings" in self.session.changed:
            self._view = overview(self.session.lab, num_examples=0, max_images=0)
            self._sections = self._view.sections
        return self._sections

    def drawn(self) -> dict[str, Any]:
        """Cards, and the progress of the review."""
        sections = self._read()
        return {
            "title": _title(self.session.lab),
            "facts": " · ".join(self._view.facts),
            "sentence": self._view.sentence,
            "cards": [self._card(section) for section in sections],
            "progress": progress_of(self.session),
        }

    def _card(self, section: Section) -> dict[str, Any]:
        looked = section.state in ("flagged", "clean")
        flagged = section.n_flagged
        if looked and section.n_checked:
            flagged = int(self.session.flags(section.name).sum())
        told = section.meaning if section.state == "flagged" else section.sentence
        return {
            "name": section.name,
            "title": section.title,
            "state": section.state,
            "count": _count(section, flagged),
            "share": share(flagged, section.n_checked) if flagged and section.n_checked else "",
            "told": clean_text(told if looked else section.reason),
            "severity": "" if section.summary is None else score(section.summary),
            "bins": list(section.bins.rows) if section.bins else [],
            "flagged": list(section.bins.flagged) if section.bins else [],
        }


def _count(section: Section, flagged: int) -> str:
    if section.state == "not applicable":
        return "n/a"
    if section.state == "failed":
        return "failed"
    if not section.n_checked:
        return "yes" if section.state == "flagged" else "no"
    return count(flagged)


def _title(lab: Any) -> str:
    return "Explorer" if lab.label_name is None else f"Explorer: {clean_text(lab.label_name, 60)}"
