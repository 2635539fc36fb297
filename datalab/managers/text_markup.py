"""What web pages leave in texts: tags, entities, menus, notices that stand in many texts."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.entities import html5
from typing import Any, ClassVar

import numpy as np

from datalab._check import whole_number
from datalab._core.text import normalised
from datalab._typing import BoolArray
from datalab.findings import Findings
from datalab.managers.base import Kind, percent

__all__ = ["MarkupText"]

# Elements of the HTML Living Standard and those that were in wide use before it.
_TAGS = (
    "a|abbr|address|area|article|aside|audio|b|base|blockquote|body|br|button|"
    "canvas|caption|center|cite|code|col|colgroup|dd|del|details|dfn|dialog|div|"
    "dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|frame|frameset|"
    "h1|h2|h3|h4|h5|h6|head|header|hr|html|i|iframe|img|input|ins|kbd|label|"
    "legend|li|link|main|map|mark|meta|nav|noscript|object|ol|optgroup|option|p|"
    "param|picture|pre|q|s|samp|script|section|select|small|source|span|strike|"
    "strong|style|sub|summary|sup|svg|table|tbody|td|template|textarea|tfoot|th|"
    "thead|time|title|tr|track|tt|u|ul|var|video|wbr"
)
_ATTRIBUTE = r"""\s+[a-zA-Z_:@][\w:.@-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
_TAG = re.compile(
    rf"</?(?:{_TAGS})(?:{_ATTRIBUTE})*\s*/?>"
    r"|<!--.*?-->|<!doctype\b[^>]*>|<!\[CDATA\[",
    re.IGNORECASE | re.DOTALL,
)
# Where the first tag is quoted, the text is about tags, or code that writes them.
_QUOTED = re.compile(rf"""\A[^<]*["'`]</?(?:{_TAGS})\b""", re.IGNORECASE)
_BBCODE = re.compile(r"\[/(?:b|i|u|s|url|img|quote|code|color|size|list)\]", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{2,7}|#[xX][0-9a-fA-F]{2,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
# A part of a text ends with its line or sentence, or where a menu has a bar.
_PARTS = re.compile(r"[\n\r|•·»›→]+|(?<=[.!?。！？؟।…])\s*")
# What pages say about themselves, in the languages most read on the web. One such phrase may be
# what a text is about; two, or one in a part that other texts share, are a page's own words.
_PHRASE = re.compile(
    "accept cookies|accept all cookies|cookie policy|cookie settings|uses cookies|"
    "privacy policy|terms of service|terms of use|terms and conditions|"
    "all rights reserved|skip to content|skip to main content|subscribe to our newsletter|"
    "sign up for our newsletter|back to top|share on facebook|share on twitter|"
    "follow us on|click here to|"
    "powered by|copyright ©|site map|toggle navigation|enable javascript|"
    "cookies akzeptieren|alle rechte vorbehalten|datenschutzerklärung|impressum|"
    "politique de confidentialité|tous droits réservés|accepter les cookies|"
    "política de privacidade|política de privacidad|todos los derechos reservados|"
    "aceptar cookies|utiliza cookies|todos os direitos reservados|все права защищены|"
    "политика конфиденциальности|использует cookie|файлы cookie|"
    "пользовательское соглашение|подписаться на рассылку|隐私政策|版权所有|使用条款|"
    "保留所有权利|接受cookie|返回顶部|プライバシーポリシー|利用規約|無断転載|"
    "개인정보처리방침|이용약관|سياسة الخصوصية|جميع الحقوق محفوظة|شروط الاستخدام|"
    "ملفات تعريف الارتباط|מדיניות פרטיות|כל הזכויות שמורות|תנאי שימוש|गोपनीयता नीति|"
    "सर्वाधिकार सुरक्षित|नियम और शर्तें"
)
MIN_PHRASES = 2
# A menu: one of its usual words, and two more entries behind bars.
_BAR = re.compile("[|·•»›]")
_MENU = re.compile(
    r"(?<!\w)(?:home|about|contact|log ?in|sign in|sign up|register|search|menu|blog|news|products|"
    r"services|faq|help|cart|startseite|kontakt|accueil|inicio|главная|войти|首页|登录|ホーム|홈|"
    r"الرئيسية|דף הבית|मुखपृष्ठ)(?:\s*[|·•»›]\s*[^\n|·•»›]{1,25}){2}",
    re.IGNORECASE,
)
# A part of so many letters or more at the beginning or end of so many different texts is no
# coincidence …
MIN_PART = 28
MAX_SIGNS = 0.1
MIN_SHARE = 0.01
# … unless such parts stand in every fifth text, or are many: then that is how these texts are
# written. A page repeats itself in a few sentences.
EDGE, COMMON, MANY = 2, 0.2, 4
# A text that has little else is made by a pattern; nothing was left over in it.
MOSTLY = 0.6


@dataclass(frozen=True)
class MarkupText:
    """Texts with tags or entities of HTML, or with what a web page says on every page.

    Parameters
    ----------
    min_repeats : int
        A line or sentence that stands in at least so many different texts (and in 1 % of them) may
        be boilerplate.

    Notes
    -----
    Boilerplate is a line or sentence of more than a few words with which many texts of other
    content begin or end, unless that is the way the texts of the data set are written; a menu; or
    phrases such as "privacy policy" and "all rights reserved". The score is 1 without any,
    otherwise half the share of the text that is not markup.

    Examples
    --------
    >>> texts = ["<p>Hello</p> world", "fish &amp; chips", "if a < b and c > d: pass"]
    >>> MarkupText().find_issues(texts).is_issue.tolist()
    [True, True, False]
    """

    min_repeats: int = 5

    name: ClassVar[str] = "markup_text"
    title: ClassVar[str] = "markup or boilerplate"
    modality: ClassVar[str] = "text"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = (
        "Texts with HTML tags, entities or the standing words of a web page."
    )
    advice: ClassVar[str] = "Extract the text anew without markup, menus and notices."
    produces: ClassVar[dict[str, Kind]] = {
        "tags": "number",
        "entities": "number",
        "boilerplate": "number",
        "markup_share": "number",
    }

    def __post_init__(self) -> None:
        """Check the options."""
        whole_number(self.min_repeats, name="min_repeats", least=2)

    def find_issues(self, text: list[str]) -> Findings:
        """Find texts with markup or boilerplate."""
        tags, entities, size = (np.zeros(len(text), dtype=np.int64) for _ in range(3))
        for at, one in enumerate(text):
            if "<" in one or "[/" in one:
                found = [] if _QUOTED.search(one) else [m[0] for m in _TAG.finditer(one)]
                found += _BBCODE.findall(one)
                tags[at] = len(found)
                size[at] += sum(map(len, found))
            if "&" in one:
                names = [m for m in _ENTITY.findall(one) if m[1] == "#" or m[1:] in html5]
                entities[at] = len(names)
                size[at] += sum(map(len, names))
        parts, repeated = _boilerplate(text, self.min_repeats)
        length = np.maximum(np.fromiter(map(len, text), np.int64, len(text)), 1)
        share = np.minimum((size + repeated) / length, 1.0)
        flagged = (tags > 0) | (entities > 0) | (parts > 0)
        return Findings(
            self.name,
            is_issue=flagged,
            score=np.where(flagged, 0.5 * (1.0 - share), 1.0),
            columns={
                "tags": tags,
                "entities": entities,
                "boilerplate": parts,
                "markup_share": share,
            },
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        kinds = {
            "tags": ("tag of HTML", "tags of HTML"),
            "entities": ("entity such as &amp;", "entities such as &amp;"),
            "boilerplate": ("line of boilerplate", "lines of boilerplate"),
        }
        told = [f"{row[k]} {kinds[k][int(row[k] != 1)]}" for k in kinds if row[k]]
        if not told:
            return "no markup"
        return f"{', '.join(told)}: {percent(float(row['markup_share']))} of the text"


def _boilerplate(text: Sequence[str], least: int) -> tuple[Any, Any]:
    """Number of parts that are boilerplate in each text, and of their characters."""
    split = [_parts(one) for one in text]
    seen: Counter[str] = Counter()
    # Copies of a text are one text: their sentences are not repeated for being copied.
    for parts in {tuple(key for _, key in parts): parts for parts in split}.values():
        edges = parts[:EDGE] + parts[-EDGE:]
        seen.update({key for part, key in edges if _is_sentence(part, key)})
    often = max(least, MIN_SHARE * len(text))
    repeated = {key for key, times in seen.items() if times >= often}
    phrased = {key for key, times in seen.items() if times >= least}
    usual = _usual(split, repeated)
    count, size = np.zeros(len(text), np.int64), np.zeros(len(text), np.int64)
    for at, parts in enumerate(split):
        menu = _MENU.search(text[at]) if _BAR.search(text[at]) else None
        if menu:
            count[at], size[at] = 1, len(menu[0])
        whole = sum(len(key) for _, key in parts)
        phrases = set(_PHRASE.findall(text[at].lower()))
        for part, key in parts:
            own = len(phrases) >= MIN_PHRASES or (key in phrased and not usual)
            told = own and any(phrase in part.lower() for phrase in phrases)
            if told or (key in repeated and not usual and len(key) < MOSTLY * whole):
                count[at] += 1
                size[at] += len(part)
    return count, size


def _usual(split: Sequence[Sequence[tuple[str, str]]], repeated: set[str]) -> bool:
    """Whether repeated parts are so common that they belong to the way the texts are written."""
    having: BoolArray = np.array([any(key in repeated for _, key in parts) for parts in split])
    return len(repeated) > MANY or bool(having.size and having.mean() > COMMON)


def _parts(text: str) -> list[tuple[str, str]]:
    """Lines and sentences, each as it stands and normalised."""
    return [(part, normalised(part)) for part in _PARTS.split(text) if part.strip()]


def _is_sentence(part: str, key: str) -> bool:
    """Whether a part is long enough, and words: not a line of a program or a table."""
    wide = bool(key) and ord(key[len(key) // 2]) >= 0x2E80
    if len(key) < MIN_PART // (1 + wide):
        return False
    return len(part) - sum(c.isalpha() or c.isspace() for c in part) <= MAX_SIGNS * len(part)
