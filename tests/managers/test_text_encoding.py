"""Damaged encodings, in many scripts and by many mistakes."""

import pytest

from datalab import Datalab
from datalab.managers import EncodingDamage

SOUND = {
    "english": "It’s a “test” – really, naïve café",
    "german": "Größe über Straße",
    "french": "Le café est fermé à Noël",
    "russian": "Привет, как дела сегодня?",
    "greek": "Καλημέρα κόσμε",
    "hebrew": "שלום עולם מה שלומך",
    "arabic": "مرحبا بالعالم كيف حالك",
    "hindi": "नमस्ते दुनिया कैसे हो",
    "chinese": "你好世界，今天天气很好",
    "japanese": "こんにちは世界、お元気ですか",
    "korean": "안녕하세요 세계",
    "thai": "สวัสดีชาวโลก",
    "vietnamese": "Tiếng Việt rất đẹp",
    "emoji": "so good 👍🏽😂 – see https://t.co/x?a=b&c=%C3%A9",
    "code": r'if a != b ? "yes" : "no"; print("\n\t", b"\x00\x01")',
    "questions": "really?? what? why?because! is it? no?? yes??",
    "spanish": "¿Qué? ¡Sí! El niño comió piñas",
    "icelandic": "Það er ágætt að sjá þig",
}
WESTERN = [name for name in SOUND if name not in ("emoji", "code", "questions")]
MISREAD = [
    (name, codec)
    for name, codecs in {
        "russian": ("cp1251", "koi8-r", "cp866", "mac-roman", "gbk"),
        "greek": ("cp1253", "gbk"),
        "hebrew": ("cp1255", "cp1251", "gbk"),
        "arabic": ("cp1256", "cp1251", "gbk"),
        "hindi": ("cp866", "gbk", "cp932"),
        "chinese": ("gbk", "cp932", "cp949", "big5", "koi8-r"),
        "japanese": ("cp932", "gbk", "cp1251"),
        "korean": ("cp949", "gbk"),
        "german": ("cp1251", "gbk", "cp437"),
        "french": ("cp1251", "cp1256"),
    }.items()
    for codec in codecs
]


def flagged(text: str) -> bool:
    return bool(EncodingDamage().find_issues([text]).is_issue[0])


@pytest.mark.parametrize("name", SOUND)
def test_sound_texts_are_not_flagged(name: str) -> None:
    assert not flagged(SOUND[name])


@pytest.mark.parametrize("codec", ["latin-1", "cp1252"])
@pytest.mark.parametrize("name", WESTERN)
def test_read_as_western(name: str, codec: str) -> None:
    assert flagged(SOUND[name].encode().decode(codec, "replace"))


@pytest.mark.parametrize(("name", "codec"), MISREAD)
def test_read_as_another_script(name: str, codec: str) -> None:
    assert flagged(SOUND[name].encode().decode(codec, "replace"))


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("russian", "cp1251"),
        ("russian", "koi8-r"),
        ("greek", "cp1253"),
        ("hebrew", "cp1255"),
        ("arabic", "cp1256"),
        ("chinese", "gbk"),
        ("korean", "euc-kr"),
    ],
)
def test_another_alphabet_read_as_western(name: str, codec: str) -> None:
    assert flagged(SOUND[name].encode(codec).decode("latin-1"))


@pytest.mark.parametrize("name", ["russian", "greek", "hebrew", "arabic", "hindi", "korean"])
def test_question_marks_for_letters(name: str) -> None:
    assert flagged(SOUND[name].encode("ascii", "replace").decode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("GrÃ¶Ã\x9fe", "UTF-8 that was read as latin-1: “Ã¶Ã\x9f”"),
        ("Ïðèâåò, êàê äåëà", "letters of another alphabet, read as Western ones: “Ïðèâåò”"),
        ("lost \ufffd\ufffd here", "characters that could not be read were replaced: “\ufffd”"),
        ("Gr??e M?nchen K?ln", "question marks in place of letters: “Gr??e”"),
        (r"na\xc3\xafve", r"characters written out as their bytes: “\xc3\xaf”"),
        (
            r"\u043f\u0440\u0438",
            r"characters written out as their bytes: “\u043f\u0440”",
        ),
        ("caf=C3=A9", "characters written out as their bytes: “=C3=A9”"),
        ("plain text", "no damage seen"),
    ],
)
def test_says_what_is_damaged(text: str, reason: str) -> None:
    check = EncodingDamage()
    found = check.find_issues([text])
    row = {name: values[0] for name, values in found.columns.items()}
    assert check.explain(row) == reason


def test_the_more_is_damaged_the_lower_the_score() -> None:
    little, much = "x" * 100 + "\ufffd", "x" + "\ufffd" * 100
    found = EncodingDamage().find_issues(["sound", little, much])
    assert found.score[0] == 1.0
    assert 0 <= found.score[2] < found.score[1] < 0.5
    assert found.info["damages"] == {"lost": 2}


def test_in_a_lab() -> None:
    lab = Datalab({"t": [*SOUND.values(), "ÐŸÑ€Ð¸Ð²ÐµÑ‚"]}, task=None, verbosity=0)
    assert lab.find_issues(["encoding_damage"]).issues.sum()["is_encoding_damage_issue"] == 1
