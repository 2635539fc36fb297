import base64
import io
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datalab import Datalab, Findings
from datalab.audit import Outcome
from datalab.exceptions import InputError, InputTypeError, ManagerFailed
from datalab.managers.base import spec_of
from datalab.views.static import page_html, report_html, summary_html
from datalab.views.text import report_text

# What JupyterLab 4.6 keeps of an untrusted output, as far as the views use it.
KEPT_TAGS = {
    "b", "bdi", "br", "code", "details", "div", "img", "span", "summary",
    "table", "tbody", "td", "th", "thead", "tr",
}  # fmt: skip
KEPT_ATTRIBUTES = {
    "alt", "class", "colspan", "dir", "height", "open", "scope", "src", "style", "width",
}  # fmt: skip
KEPT_STYLES = {
    "background", "border", "border-radius", "display", "font-size", "height", "margin",
    "max-width", "min-width", "opacity", "overflow-wrap", "padding", "table-layout", "text-align",
    "vertical-align", "white-space", "width",
}  # fmt: skip
PLAIN_VALUE = re.compile(
    r"(-?[\d.]+(px|%)?|auto|left|right|center|top|middle|nowrap|break-word|inline-block"
    r"|solid|dashed|#[0-9a-f]{6}|rgba\([\d,.]+\)| )+"
)


def declarations(seen):
    for element in seen.elements:
        for declaration in filter(None, element.attributes.get("style", "").split(";")):
            yield tuple(declaration.split(":", 1))


@pytest.mark.parametrize("view", [summary_html, report_html])
@pytest.mark.parametrize("which", ["digits", "hostile"])
def test_without_style_sheet_nothing_is_lost(view, which, request, read):
    """Everything but <style> survives sanitising, so the text and pictures are all there."""
    html = view(request.getfixturevalue(which))
    seen = read(html)
    tags = {element.tag for element in seen.elements} - {"style"}
    assert tags <= KEPT_TAGS
    names = {name for element in seen.elements for name in element.attributes}
    assert names <= KEPT_ATTRIBUTES
    for name, value in declarations(seen):
        assert name in KEPT_STYLES, name
        assert PLAIN_VALUE.fullmatch(value), f"{name}:{value}"
    bare = read(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))
    assert bare.text == seen.text


@pytest.mark.parametrize("view", [summary_html, report_html, page_html])
def test_plain_styles_never_set_the_colour_of_text(view, digits, read):
    """An untrusted report takes the text colour of the host, so it reads in light and in dark."""
    assert "color" not in {name for name, _ in declarations(read(view(digits)))}


@pytest.mark.parametrize("view", [summary_html, report_html, page_html])
def test_attacks_in_cells_classes_columns_and_index_are_only_text(view, hostile, read):
    html = view(hostile)
    seen = read(html)
    assert not seen.tags("script", "svg", "iframe", "object", "form", "link", "base")
    for element in seen.elements:
        assert not [name for name in element.attributes if name.startswith("on")]
        assert "javascript:" not in element.attributes.get("href", "")
        if element.tag == "img":
            assert re.match(r"data:image/(png|jpeg);base64,", element.attributes["src"])
    assert "\x00" not in html
    assert "\u202e" not in html
    html.encode("utf-8")


def test_attacks_are_shown_as_what_they_are(hostile, read):
    text = read(report_html(hostile, num_examples=12)).text
    assert '⟨U+D800⟩ <img src=x onerror="alert(1)"> row' in text
    assert "javascript:alert(1)" in text
    assert "a⟨U+202E⟩b␀c" in text
    assert "{{ 7 * 7 }}" in text
    assert "␛[31mred␛[0m" in text
    assert '"><b onclick=x>' in text
    assert "labels: label' onload='x" in text


def test_no_text_of_the_data_stands_in_attributes(hostile, read):
    for element in read(report_html(hostile)).elements:
        for name, value in element.attributes.items():
            if name != "src":
                assert not re.search(r"alert|onerror|lorem|xxxx|7 \* 7", value), (name, value)


def test_long_cells_are_cut(hostile, read):
    html = report_html(hostile)
    assert max(map(len, read(html).texts)) < 400
    assert "lorem" in html


def test_mathematics_in_names_is_not_typeset(digits, read):
    for view in (summary_html, report_html, page_html):
        outer = next(e for e in read(view(digits)).tags("div"))
        assert {"mathjax_ignore", "tex2jax_ignore"} <= set(outer.attributes["class"].split())


# --- sizes, determinism


def test_sizes(digits, hostile):
    for lab in (digits, hostile):
        assert len(summary_html(lab).encode()) <= 20_000
        assert len(report_html(lab).encode()) <= 150_000


def test_twice_the_same(digits, hostile):
    for view in (summary_html, report_html, page_html):
        for lab in (digits, hostile):
            assert view(lab) == view(lab)


@pytest.fixture(scope="module")
def noise() -> Datalab:
    """Pictures that do not compress, beside long texts of many bytes per character."""
    rng = np.random.default_rng(0)
    n = 60
    pictures = [rng.integers(0, 255, (150, 200, 3), dtype=np.uint8) for _ in range(n)]
    frame = {
        "picture": pictures,
        "text": ["<&>\U0001f600" * 500] * n,
        "label": rng.integers(2, size=n),
    }
    lab = Datalab(frame, label_name="label", image_key="picture", text_key="text")
    flags = np.ones(n, dtype=bool)
    for at in range(6):
        found = Findings(f"rule_{at}", flags, rng.random(n))
        rule = type(f"Rule{at}", (), {"__doc__": "A rule.", "name": found.name})
        rule.find_issues = lambda self, table: None
        lab._outcomes[found.name] = Outcome(
            found.name, "found", spec_of(rule), rule(), findings=found
        )
    return lab


def test_a_report_stays_small_whatever_it_shows(noise, read):
    html = report_html(noise, num_examples=50)
    assert len(html.encode()) <= 150_000
    assert len(read(html).tags("img")) - 6 <= 24  # six distributions of scores
    assert "Shortened" in html
    assert "Shortened" not in report_html(noise, num_examples=1)


def test_pictures_are_shared_out_worst_rows_first(noise, read):
    shown = read(report_html(noise, num_examples=6)).tags("img")
    pictures = [e for e in shown if e.attributes["alt"].startswith("row")]
    assert len(pictures) == 24
    text = read(report_html(noise, num_examples=6)).text
    assert text.count("image not shown") == 6 * 6 - 24


def test_a_summary_stays_small_with_very_many_checks(noise, read):
    lab = Datalab({"a": [1, 2, 3]}, task=None)
    one = next(iter(noise.outcomes))
    for at in range(150):
        spec = SimpleNamespace(
            title=f"rule {at}", description="words " * 80, advice="", produces={}
        )
        lab._outcomes[f"rule_{at}"] = Outcome(
            f"rule_{at}", "found", spec, object(), findings=one.findings
        )
    html = summary_html(lab)
    assert len(html.encode()) <= 20_000 + 150 * 400  # only the lines themselves are left
    assert "rule 149".capitalize() in read(html).text


# --- what is said


def test_the_summary_names_every_check_with_count_and_reason(digits, read):
    text = read(summary_html(digits)).text
    for outcome in digits.outcomes:
        assert outcome.spec.title.capitalize() in text
        if outcome.findings is None:
            assert outcome.reason[:100] in text
    assert "400 rows · 2 columns · classification · 10 classes" in text


def test_empty_states_are_told_in_words(table, read):
    assert "No check has run yet: call lab.find_issues()." in read(summary_html(table)).text
    assert "No check has run yet" in read(report_html(table)).text
    table.find_issues(["null"])
    assert "No null issues found in 60 rows" in read(report_html(table)).text


def test_the_report_says_why_and_what_to_do(digits, read):
    seen = read(report_html(digits))
    label = digits.outcomes["label"]
    assert label.spec.description in seen.text
    assert f"What to do: {label.spec.advice}" in seen.text
    assert "model gives" in seen.text
    assert f"The 5 worst of {label.findings.num_issues} rows" in seen.text


def test_options_of_the_report(digits, read):
    advice = digits.outcomes["label"].spec.advice
    assert advice not in read(report_html(digits, include_description=False)).text
    assert "Score of the data set" in read(report_html(digits, show_summary_score=True)).text
    every = read(report_html(digits, show_all_issues=True)).text
    assert "lowest scores; none of them is flagged" in every
    assert "worst of" not in read(report_html(digits, num_examples=0)).text


def test_what_is_no_lab_is_named(digits):
    for show in (report_html, summary_html, page_html, report_text):
        with pytest.raises(InputTypeError, match="`lab` must be a Datalab, got dict"):
            show({"x": [1]})
    for show in (report_html, page_html, report_text):
        with pytest.raises(InputError, match="`num_examples` must be an integer >= 0, got 'a'"):
            show(digits, num_examples="a")


def test_near_duplicates_stand_together(digits, read):
    text = read(report_html(digits)).text
    places = [text.index(f"row {row} ") for row in (10, 390, 391)]
    assert max(places) - min(places) < 60


def test_an_unreadable_picture_is_a_placeholder_with_the_reason(read):
    good = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(good, "PNG")
    cells = [good.getvalue(), b"\x89PNG broken", None, b"\x89PNG also broken"]
    stored = [None if cell is None else {"bytes": cell, "path": None} for cell in cells]
    lab = Datalab(
        {"picture": stored, "y": [0, 1, 0, 1]},
        label_name="y",
        image_key="picture",
    )
    found = Findings("label", np.ones(4, bool), np.linspace(0, 0.3, 4))
    rule = type("Rule", (), {"__doc__": "A rule.", "name": "label"})
    rule.find_issues = lambda self, labels: None
    lab._outcomes["label"] = Outcome("label", "found", spec_of(rule), rule(), findings=found)
    seen = read(report_html(lab))
    pictures = [e for e in seen.tags("img") if e.attributes["alt"].startswith("row")]
    assert [e.attributes["alt"] for e in pictures] == ["row 0"]
    assert seen.text.count("unreadable image: not an image that can be read") == 2
    assert "unreadable image: no image" in seen.text


def test_pictures_are_encoded_anew(digits, read):
    for element in read(report_html(digits)).tags("img"):
        data = base64.b64decode(element.attributes["src"].partition(",")[2])
        with Image.open(io.BytesIO(data)) as image:
            assert max(image.size) <= 192


def test_a_failed_check_is_named_with_its_error(table, read):
    class Fails:
        """Rows that break the rule."""

        name = "fails"

        def find_issues(self, table):
            raise ZeroDivisionError("division by <zero>")

    with pytest.warns(ManagerFailed, match="division by"):
        table.find_issues([Fails])
    text = read(summary_html(table)).text
    assert "1 failed" in text
    assert "ZeroDivisionError: division by <zero>" in text


def test_findings_about_some_rows_only(table, read):
    found = Findings("rule", [True, False], [0.1, 0.9], rows=[7, 50])
    rule = type("Rule", (), {"__doc__": "A rule.", "name": "rule"})
    rule.find_issues = lambda self, table: None
    table._outcomes["rule"] = Outcome("rule", "found", spec_of(rule), rule(), findings=found)
    text = read(report_html(table)).text
    assert "1 of 2 rows flagged" in text
    assert "row given score why age city 7 " in text


def test_findings_about_the_whole_data_set(table, read):
    found = Findings("order", [], [], rows=[], summary=0.01, flagged=True)
    rule = type("Rule", (), {"__doc__": "The order matters.", "name": "order"})
    rule.find_issues = lambda self, table: None
    table._outcomes["order"] = Outcome("order", "found", spec_of(rule), rule(), findings=found)
    assert "Order yes The order matters." in " ".join(read(report_html(table)).text.split())


def test_columns_of_a_manager_that_does_not_explain_itself(table, read):
    found = Findings("rule", [True] * 60, [0.5] * 60, columns={"excess": np.arange(60) / 8})
    rule = type("Rule", (), {"__doc__": "A rule.", "name": "rule"})
    rule.find_issues = lambda self, table: None
    table._outcomes["rule"] = Outcome("rule", "found", spec_of(rule), rule(), findings=found)
    text = read(report_html(table)).text
    assert "excess" in text
    assert "0.375" in text


def test_rows_are_named_by_the_users_index(read):
    frame = pd.DataFrame({"y": [0, 1] * 30}, index=[f"id-{i}" for i in range(60)])
    lab = Datalab(frame, label_name="y")
    found = Findings("rule", [True] * 60, np.linspace(0, 1, 60))
    rule = type("Rule", (), {"__doc__": "A rule.", "name": "rule"})
    rule.find_issues = lambda self, table: None
    lab._outcomes["rule"] = Outcome("rule", "found", spec_of(rule), rule(), findings=found)
    for text in (read(report_html(lab)).text, report_text(lab)):
        assert " ".join(text.split()).count("row given score why") == 1  # one name, not two numbers
        assert "id-3" in text
        assert "index" not in text


# --- the page


def test_the_page_is_one_file_that_needs_nothing_else(digits, read):
    html = page_html(digits, title="A <b>title</b>")
    seen = read(html)
    assert html.startswith("<!doctype html>")
    assert "A <b>title</b>" in seen.texts
    policy = next(e for e in seen.tags("meta") if "http-equiv" in e.attributes)
    assert policy.attributes["content"].startswith("default-src 'none'")
    addresses = [
        e.attributes[n] for e in seen.elements for n in ("src", "href") if n in e.attributes
    ]
    assert all(a.startswith(("data:image/", "#check-")) for a in addresses)
    assert not re.search(r"https?://|@import|url\(", html)


def test_the_links_of_the_page_lead_somewhere(digits, read):
    seen = read(page_html(digits))
    ids = {e.attributes["id"] for e in seen.elements if "id" in e.attributes}
    links = [e.attributes["href"].removeprefix("#") for e in seen.tags("a")]
    assert links
    assert set(links) == ids


def test_light_and_dark_follow_the_host_and_the_system(digits):
    html = page_html(digits)
    assert "prefers-color-scheme:dark" in html
    assert "--jp-layout-color0" in html
    assert "data-jp-theme-light=false" in html
