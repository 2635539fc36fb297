"""Personal data: what is found, what is not, and that it is nowhere shown."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab import Datalab, Findings
from datalab.exceptions import InputError
from datalab.managers import PersonalData
from datalab.managers.phone_number import phone_numbers
from datalab.results import shown_rows
from datalab.session import Session
from datalab.views.compare import differences
from datalab.views.rows import page_of
from datalab.views.static import page_html, report_html, summary_html
from datalab.views.text import report_text

EMAILS = {
    "write to ada.lovelace+maths@mail.example.co.uk.": "ada.lovelace+maths@mail.example.co.uk",
    "请联系john@example.com谢谢": "john@example.com",
    "อีเมลjohn@example.comครับ": "john@example.com",
    "иван.петров@почта.рф, спасибо": "иван.петров@почта.рф",
    "اكتب إلى ahmed@example.sa الآن": "ahmed@example.sa",
    "<mary@example.org>;": "mary@example.org",
}
PHONES = [
    "+1-202-555-0147",
    "(415) 555-2671",
    "415-555-2671",
    "415.555.2671",
    "1-800-555-0199",
    "+44 20 7946 0958",
    "020 7946 0958",
    "+49 30 901820",
    "0171/1234567",
    "0049 30 123456",
    "06 12 34 56 78",
    "+7 (912) 345-67-89",
    "8 (495) 123-45-67",
    "8-800-555-35-35",
    "138-1234-5678",
    "03-1234-5678",
    "０９０－１２３４－５６７８",
    "+966 50 123 4567",
    "050-1234567",
    "+91 98765 43210",
    "९८७६५ ४३२१०",
    "010-1234-5678",
    "(11) 98765-4321",
]
SAID = [
    "call 555-0123 now",
    "my number is 4155552671.",
    "телефон 89123456789",
    "电话13812345678谢谢",
    "电话号码：02512345678",
    "اتصل بي على 0501234567",
    "هاتف ٠٥٠١٢٣٤٥٦٧",
    "मेरा मोबाइल ९८७६५४३२१०",
    "טלפון 0501234567",
]
ACCOUNTS = [
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "fr14 2004 1010 0505 0001 3m02 606",
    "NL91-ABNA-0417-1643-00",
]
CARDS = [
    "4111 1111 1111 1111",
    "5500-0055-5555-5559",
    "378282246310005",
    "3782 822463 10005",
    "6011000990139424",
    "٤١١١ ١١١١ ١١١١ ١١١١",
]
HARMLESS = [
    "4111 1111 1111 1112",
    "5500005555555550",
    "1234 5678 9012 3456",
    "0000 0000 0000 0000",
    "DE89 3704 0044 0532 0130 01",
    "GB29NWBK60161331926818",
    "XX89370400440532013000",
    "9400 1000 0000 0000 0000 00",
    "order #1234567890",
    "Order 415-555-2671 shipped",
    "заказ 89123456789",
    "订单号13812345678",
    "Bestellnummer 2024-001234",
    "on 2024-01-15 at 12:30:45",
    "15.01.2024 12:30",
    "20240115123045",
    "between 1939–1945 and 1990-2000",
    "version 10.15.7 or 1.2.3.4",
    "1 234 567,89 €",
    "$1,234,567.00",
    "978-3-16-148410-0",
    "0-306-40615-2",
    "EAN 4006381333931",
    "192.168.100.200:8080",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    "40.712812, -74.006023",
    "550e8400-e29b-41d4-a716-446655440000",
    "timestamp 1700000000",
    "0.123456 0.654321",
    "02110-1301",
    "ports 64040-64044",
    "call it CVE-2026-7898",
    "user@localhost and @handle",
    "logo@2x.png",
    "a @ b.T and A@B.sum(axis=0)",
    "package@1.2.3",
    "12 34 56",
    "call 911",
]


def kinds(text: str) -> str | None:
    told = PersonalData().find_issues([text]).columns["personal_data"][0]
    return None if told is None else str(told)


@pytest.mark.parametrize(("text", "found"), EMAILS.items())
def test_emails(text: str, found: str) -> None:
    assert kinds(text) == "e-mail"
    masked = PersonalData().mask(text)
    assert masked.replace(text.partition(found)[0], "", 1).endswith(text.partition(found)[2])
    assert found.partition("@")[0] not in masked


@pytest.mark.parametrize("number", PHONES)
def test_phones_by_how_they_are_written(number: str) -> None:
    for text in (number, f"on {number} please", f"请拨{number}。", f"Tel.: {number}"):
        assert kinds(text) == "phone", text
        assert number not in PersonalData().mask(text)


@pytest.mark.parametrize("text", SAID)
def test_phones_by_what_is_said_before(text: str) -> None:
    assert kinds(text) == "phone"


@pytest.mark.parametrize("number", ACCOUNTS)
def test_accounts(number: str) -> None:
    for text in (number, f"to {number}.", f"账号{number}", f"{number} bitte"):
        assert kinds(text) == "IBAN", text


@pytest.mark.parametrize("number", CARDS)
def test_cards(number: str) -> None:
    for text in (number, f"card {number}, 12/26", f"卡{number}过期", f"in 2024 {number}"):
        assert kinds(text) == "card", text


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_numbers(text: str) -> None:
    assert kinds(text) is None


@given(st.integers(0, 10**15 - 1))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_card_with_one_wrong_digit_is_none(body: int) -> None:
    digits = f"4{body:015d}"[:15]
    doubled = [int(d) * (2 - at % 2) for at, d in enumerate(digits)]
    check = -sum(d - 9 * (d > 9) for d in doubled) % 10
    assert kinds(f"{digits}{check}") == "card"
    assert kinds(f"{digits}{(check + 3) % 10}") is None


@given(st.text(st.sampled_from("0123456789 -.()/+@abc,:年١"), max_size=40))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_spans_are_apart_and_masks_hide_them(text: str) -> None:
    spans = list(phone_numbers(text))
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    check = PersonalData()
    masked = check.mask(text)
    assert (masked == text) is (not check.find_issues([text]).is_issue[0])


def test_masks() -> None:
    text = "ada@example.org, a@b.co, +44 20 7946 0958, DE89 3704 0044 0532 0130 00, 378282246310005"
    assert PersonalData().mask(text) == (
        "a•••@•••.org, •••@•••.co, +•• •• •••• ••58, DE•• •••• •••• •••• •••• 00, •••••••••••0005"
    )
    found = PersonalData().find_issues([text])
    row = {name: values[0] for name, values in found.columns.items()}
    assert PersonalData().explain(row) == (
        "has e-mail a•••@•••.org, e-mail •••@•••.co, phone +•• •• •••• ••58 and 2 more"
    )
    assert row["personal_data"] == "e-mail, phone, IBAN, card"
    assert found.score[0] == pytest.approx(0.5**3 * 0.2 * 0.1)
    assert found.info["finds"] == {"e-mail": 2, "phone": 1, "IBAN": 1, "card": 1}


def test_only_what_is_asked_for() -> None:
    check = PersonalData(kinds=("card",))
    texts = ["ada@example.org", "4111111111111111 and ada@example.org"]
    assert check.find_issues(texts).is_issue.tolist() == [False, True]
    assert check.mask(texts[1]) == "••••••••••••1111 and ada@example.org"
    with pytest.raises(InputError, match="kinds"):
        PersonalData(kinds=("name",))


SECRETS = ["ada.lovelace@example.org", "030 9018207", "4111 1111 1111 1111"]
FILLER = "word " * 60


TYPES = ["null", "odd_length_text", "encoding_damage", "markup_text", "duplicate_text"]


@pytest.fixture(scope="module")
def lab() -> Datalab:
    texts = [f"an ordinary text about thing number {i % 7} and {i}" for i in range(40)]
    texts[3] = f"{FILLER} write to {SECRETS[0]}"  # cut in the middle when it is shown
    texts[4] = f"Tel. {SECRETS[1]}"
    texts[5] = texts[6] = f"<b>שלום</b> {SECRETS[2]} Ã© Ã©"  # flagged by other checks as well
    data = pd.DataFrame(
        {
            "text": texts,
            "mail": [SECRETS[0] if i == 3 else "none" for i in range(40)],
            "all": [{"numbers": [SECRETS[2]]} if i == 5 else {} for i in range(40)],
            "label": np.arange(40) % 2,
        }
    )
    lab = Datalab(data, label_name="label", text_key="text", verbosity=0)
    return lab.find_issues([*TYPES, "personal_data"])


def test_nothing_is_shown_in_full(lab: Datalab, tmp_path: Path) -> None:
    assert lab.outcomes["personal_data"].findings is not None
    shown = [
        lab._repr_html_(),
        str(lab),
        summary_html(lab),
        report_html(lab, num_examples=40, show_all_issues=True),
        page_html(lab),
        report_text(lab, num_examples=40, show_all_issues=True),
        lab.worst(40).to_csv(),
        lab.worst(40, issue="markup_text").to_csv(),
        lab.worst(40, issue="personal_data").to_csv(),
        lab.export("frame").to_csv(),
        lab.export(tmp_path / "x.csv").read_text(),
        lab.export(tmp_path / "x.html").read_text(),
        str(lab.info["personal_data"]),
        lab.get_issues("personal_data").to_csv(),
        repr(lab.outcomes),
    ]
    for text in shown:
        for secret in SECRETS:
            assert secret not in text
            assert secret.replace(" ", "") not in text
        assert "lovelace" not in text
        assert "9018" not in text
    assert "•••• •••• •••• 1111" in shown[4]
    assert "a•••@•••.org" in shown[4]


def test_the_data_stays_as_it_is(lab: Datalab) -> None:
    worst = lab.worst(40)
    assert SECRETS[0] in lab.data["text"][3]
    assert lab.data["mail"][3] == SECRETS[0]
    assert lab.data["all"][5] == {"numbers": [SECRETS[2]]}
    assert worst.loc[3, "mail"] == "a•••@•••.org"
    # Rows without a find are the user's own.
    others = worst.index.difference([3, 4, 5, 6])
    own = ["text", "mail"]
    pd.testing.assert_frame_equal(worst.loc[others, own], lab.data.loc[others, own])


def test_without_the_check_nothing_is_masked(lab: Datalab) -> None:
    again = Datalab(lab.data, label_name="label", text_key="text", verbosity=0)
    again.find_issues(["markup_text"])
    assert SECRETS[2] in again.worst(1)["text"].iloc[0]


def test_live_views_show_it_masked_too(lab: Datalab) -> None:
    session = Session(lab)
    shown = str(page_of(session, np.arange(40), []))
    shown += str(differences(lab, 3, 5)) + str(differences(lab, 5, 6))
    assert "•••• •••• •••• 1111" in shown
    assert not any(secret in shown for secret in SECRETS)


def test_a_manager_of_ones_own_may_mask() -> None:
    class Name:
        """Names of people."""

        name = "name"

        def find_issues(self, text: list[str]) -> Findings:
            has = np.array(["Ada" in one for one in text])
            return Findings(self.name, is_issue=has, score=1.0 - has)

        def explain(self, row: dict[str, object]) -> str:
            return f"row {row['row']} names Ada"

        def mask(self, text: str) -> str:
            return text.replace("Ada", "A.")

    texts = ["a text by Ada herself", "a text by nobody", "Ada again"]
    lab = Datalab({"text": texts}, task=None, text_key="text", verbosity=0).find_issues([Name])
    worst = lab.worst()
    assert worst["text"].tolist() == ["a text by A. herself", "A. again"]
    assert worst["reason"].tolist() == ["row 0 names A.", "row 2 names A."]
    assert shown_rows(lab.outcomes, lab._source, [1, 2], []) == [{}, {}]
    assert shown_rows(lab.outcomes, lab._source, [1], ["text"]) == [{"text": texts[1]}]
