"""Phone numbers in texts, told from other numbers by how they are written and what stands before.

Written after ITU-T E.123 (notation) and E.164 (country codes). `phonenumbers`, the port of Google's
library, would know every country's plan, at 48 MB and with a country to be named for each text.
"""

import re
from collections.abc import Iterator

__all__ = ["phone_numbers"]

# Things made of digits that no phone number is part of: addresses of pages and machines, dates,
# times, numbers with decimals or thousands.
_OTHERS = re.compile(
    r"(?:https?|ftp|www\.)\S+"
    r"|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)"
    r"|(?<![\d./-])(?:\d{4}([./-])\d{1,2}\1\d{1,2}|\d{1,2}([./-])\d{1,2}\2(?:\d{4}|\d\d))"
    r"(?![./-]?\d)(?:[ T]\d{1,2}:\d\d(?::\d\d)?)?"
    r"|\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?"
    r"|(?<!\d)\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\d.])\d+,\d{1,2}(?!\d)"
)
_CHAIN = re.compile(
    r"(?<![A-Za-z0-9_$€£¥₹₽#@=&+*/\\])(?<!\d[.,:-])(?<![A-Za-z]-)"
    r"(?>(?:\+|\(\+?)?\d(?:[ .\-/()]{0,2}\d)+)(?![A-Za-z0-9_%€£₽°]|[.,:-]\d| ?[€£₽])"
)
_LEAST, _MOST = 7, 15
# What is written like a phone number and is none: years, a decimal number, an American postcode.
_NEVER = re.compile(r"(?:(?:1\d|20)\d\d[ .\-/]*)+|\+?\d+\.\d+|\d{5}-\d{4}")
# Numbers that may stand beside one with only a space between.
_BEFORE_IT = re.compile(r"(?:(?:19|20)\d\d|\d\d?) (.+)\Z")
_AFTER_IT = re.compile(r"\A(.+) (?:(?:19|20)\d\d|\d\d?)\Z")

# Country codes (E.164): one digit (then ten follow), two or three.
_ONE = frozenset("17")
_CODE = re.compile(
    r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|2[1-69]\d|3[578]\d|42[013]|5[09]\d|6[789]\d|8[0578]\d|9[679]\d"
)

# Ways of writing that are hardly anything else.
_SURE = tuple(
    map(
        re.compile,
        (
            r"(?:1[ .-]?)?\(\d{3}\) ?\d{3}[ .-]\d{4}",  # (415) 555-2671
            r"\(\d\d\) ?\d{4,5}-\d{4}",  # (11) 98765-4321
            r"[78][ -]?\(\d{3,5}\) ?\d{1,3}[ -]?\d\d[ -]?\d\d",  # 8 (495) 123-45-67
            r"\(0\d{1,5}\) ?\d{2,4}(?:[ .-]?\d{2,4}){1,3}",  # (020) 7946 0958
        ),
    )
)
# Ways of writing that are phone numbers unless something else is named before them.
_LIKELY = tuple(
    map(
        re.compile,
        (
            r"(?:1([.-]))?\d{3}([.-])\d{3}\2\d{4}",  # 415-555-2671
            r"(?:1 )?[2-9]\d\d [2-9]\d\d \d{4}",
            r"[2-9]\d\d [2-9]\d\d-\d{4}",
            r"[78]([ -])\d{3}\1\d{3}[ -]\d\d[ -]\d\d",  # 8 800 555-35-35
            r"1[3-9]\d([ -])\d{4}\1\d{4}",  # 138 1234 5678
            r"[6-9]\d{4} \d{5}",  # 98765 43210
            r"0[1-9]([ .-])\d\d(?:\1\d\d){3}",  # 06 12 34 56 78
            r"0[1-9]\d{0,4}[ /-]{1,2}\d{3,8}",  # 030 1234567
            r"0[1-9]\d{1,4}[ /-]\d{2,4}(?:[ -]\d{2,4}){1,2}",  # 0532 123 45 67
            r"0[1-9][ -]\d{3,4}[ -]\d{4}",  # 03-1234-5678
            r"0 [1-9]\d\d \d{3} \d\d \d\d",  # 0 532 123 45 67
            r"\d{3,4}-\d{3}-\d{3,4}",
        ),
    )
)
# Digits alone, or few: phone numbers when something says so.
_POSSIBLE = re.compile(r"\d{7,13}|\d{5}-\d{5}|\d{3,4}[ .-]\d{3,4}|\d{2,4}(?:[ .-]\d{2,4}){2,5}")
_CHINESE_MOBILE = re.compile(r"1[3-9]\d{9}")
_HAN = re.compile("[\u4e00-\u9fff]")

# Beginnings of words that stand before phone numbers, and before other numbers; the nearer wins.
_CUES = re.compile(
    r"(?P<phone>\b(?:(?:tel|t[eé]l|phones?|mobile?|cell|fax|ring|dial|ph|sms|cep|ruf|handy|gọi|ara)\b|"
    r"call(?:s|ed|ing|er)?\b|telephone|cellphone|whatsapp|viber|text (?:me|us|him|her)\b|reach|"
    r"contact|hotline|number is|t[eé]l[eé]f|anruf|handynummer|appel|joindre|num[eé]ro\b|llam|"
    r"m[oó]vil\b|celular|lig(?:ue|ar)\b|chiam|zadzwo|dzwo|điện thoại|τηλ|καλέσ|тел\b|телеф|позвон|"
    r"звон|моб\b|мобил|номер|набер|дзвон)|"
    r"rufnummer|telefonnummer|电话号码|電話號碼|電話番号|전화 ?번호|휴대폰 ?번호|"
    r"电话|電話|手机|手機|拨打|致电|联系|聯繫|聯絡|微信|短信|携帯|連絡|お問い合わせ|"
    r"전화|연락|휴대|핸드폰|문의|هاتف|اتصل|الاتصال|جوال|تليفون|موبايل|رقمي|رقم|واتس|تماس|تلفن|"
    r"טלפון|נייד|התקשר|חייג|מספר|וואטסאפ|फ़ोन|फोन|मोबाइल|कॉल|संपर्क|नंबर|โทร|เบอร์)"
    r"|(?P<other>\b(?:order|invoice|bestell|auftrag|rechnung|kunden|vertrag|account|konto|isbn|issn|"
    r"serial|sku|item|part|ticket|tracking|track|parcel|package|case|ref|reference|version|model|id|no|nr|nº|"
    r"code|zip|postcode|patent|license|policy|transaction|receipt|booking|reservation|flight|"
    r"commande|facture|client|pedido|factura|fatura|ordine|fattura|zam[oó]wieni|faktur|sipariş|"
    r"заказ|счет|счёт|артикул|накладн|договор|трек)|bestellnummer|№|#|"
    r"订单|訂單|单号|單號|编号|編號|发票|發票|型号|账号|帳號|注文|番号|請求|주문|송장|계좌|번호|"
    r"طلب|الطلب|فاتورة|حساب|הזמנה|חשבונית|חשבון|ऑर्डर|चालान|बिल|खाता|คำสั่งซื้อ|ใบแจ้ง)",
    re.IGNORECASE,
)
BEFORE = 40  # characters before a number that may say what it is


def phone_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where phone numbers stand in a text whose digits, dashes and spaces are those of ASCII.

    Parameters
    ----------
    text : str

    Yields
    ------
    start, end : int

    Examples
    --------
    >>> text = "Call 415-555-2671, order 415-555-2672, on 2024-01-15 at 192.168.100.200"
    >>> [text[start:end] for start, end in phone_numbers(text)]
    ['415-555-2671']
    """
    cleared = _OTHERS.sub(lambda match: "\0" * len(match[0]), text)
    for match in _CHAIN.finditer(cleared):
        for start, end in _tries(match):
            if _is_phone(cleared[start:end], cleared[:start], text):
                yield start, end
                break


def _tries(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The digits as a whole, then without a year or a small number at either end."""
    yield match.span()
    for aside in (_BEFORE_IT.match(match[0]), _AFTER_IT.search(match[0])):
        if aside is not None:
            start, end = aside.span(1)
            yield match.start() + start, match.start() + end


def _is_phone(found: str, before: str, text: str) -> bool:
    if not _LEAST <= sum(map(str.isdigit, found)) <= _MOST or _NEVER.fullmatch(found):
        return False
    if found.lstrip("(").startswith("+") or re.match(r"00[1-9]\d*[ -/]", found):
        return _international(re.sub(r"\D", "", found.replace("(0)", "")).removeprefix("00"))
    if any(way.fullmatch(found) for way in _SURE):
        return True
    digits = re.sub(r"\D", "", found)
    cue = _cue(before)
    if cue == "other":
        return False
    if any(way.fullmatch(found) for way in _LIKELY):
        return 9 <= len(digits) <= 12 and found.count(" ") + found.count("-") < 6
    if _CHINESE_MOBILE.fullmatch(found):
        return cue == "phone" or _HAN.search(text) is not None
    return cue == "phone" and _POSSIBLE.fullmatch(found) is not None


def _international(digits: str) -> bool:
    """Whether the digits begin with a country code and are as many as a number has."""
    if digits[:1] in _ONE:  # North America, Russia and Kazakhstan: ten digits follow
        return len(digits) == 11 and digits[1] not in "1"
    known = _CODE.match(digits) is not None
    return known and 8 <= len(digits) <= _MOST and len(set(digits[3:])) > 1


def _cue(before: str) -> str | None:
    """What the words just before a number say it is: "phone", "other", or nothing."""
    said = None
    for said in _CUES.finditer(before[-BEFORE:]):  # noqa: B007 (the last one counts)
        pass
    if said is None or re.search(r"\d", before[-BEFORE:][said.end() :]):
        return None  # what it says is said of a number in between
    return said.lastgroup
