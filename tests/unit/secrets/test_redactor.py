"""What never reaches a record or a screen."""

import json
import secrets
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.secrets.redactor import HIDDEN, Redactor, clean

SECRET = secrets.token_hex(12)


def knowing(*values: str, public: str = "") -> Redactor:
    redactor = Redactor(public)
    redactor.protect(values)
    return redactor


def test_protected_values_are_hidden_as_they_are_in_json_and_in_addresses() -> None:
    value = 'pä"ss/wörd'
    redactor = knowing(value)
    for form in (value, json.dumps(value), json.dumps(value, ensure_ascii=False), quote(value), quote(value, safe="")):
        assert redactor.clean(f"<{form}>").strip('<">') == HIDDEN


def test_short_values_are_hidden_where_they_stand_alone_and_plain_words_never() -> None:
    redactor = knowing("Zq9!", "true", "12", "voice", "4711", public="/opt/dyniq-voice")
    assert redactor.clean("Zq9! Zq9!x 4711 147112 true 12 voice") == f"{HIDDEN} Zq9!x {HIDDEN} 147112 true 12 voice"


def test_what_a_person_declared_is_hidden_even_where_it_is_part_of_what_is_public() -> None:
    redactor = Redactor("/opt/dyniq-voice")
    redactor.protect(["dyniq-voice"], declared=True)
    assert redactor.clean("/opt/dyniq-voice") == f"/opt/{HIDDEN}"


def test_two_runs_share_nothing() -> None:
    one, other = knowing("first-secret"), knowing("second-secret")
    text = "first-secret second-secret"
    assert (one.clean(text), other.clean(text)) == (f"{HIDDEN} second-secret", f"first-secret {HIDDEN}")
    assert clean(text) == text


def test_a_value_with_control_characters_is_hidden_as_it_is_shown() -> None:
    assert knowing("first\x07half\x1b[1mlast").clean("it is first\x07half\x1b[1mlast") == f"it is {HIDDEN}"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://dyniq:{}@db/dyniq",
        "redis://:{}@cache:6379/0",
        "OPENAI_API_KEY=sk-{}",
        "using sk-proj-{} for this",
        "DB_PASSWORD={}",
        'password: "{}"',
        "'token': '{}'",
        "Authorization: Bearer {}",
        "ghp_{}",
        "eyJhbGciOiJIUzI1NiJ9.{}.sig",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n{}",
    ],
)
def test_secrets_are_taken_out(text: str) -> None:
    assert SECRET not in clean(text.format(SECRET))
    assert SECRET not in str(Redactor().clean_all({"lines": [text.format(SECRET)]}))


@pytest.mark.parametrize("text", ["git checkout 3f2a9c1", "https://agents-api.dyniq.ai/health", "a\tb\nc"])
def test_other_text_stays(text: str) -> None:
    assert clean(text) == text


def test_what_acts_on_a_terminal_is_taken_out() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x9b1m\x00\x08.") == "red link1m."


KEY_LINES = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEpAIBAAKCAQEA1c7Nsecretmaterial+/abcdefghijklmnopqrstuvwxyz0123",
    "q83vSecondLineOfSecretMaterial/0123456789+abcdef",
    "short+==",
    "-----END RSA PRIVATE KEY-----",
]
MATERIAL = [line for line in KEY_LINES if "-----" not in line]


def left(cleaned: object) -> list[str]:
    """The lines of the key that a structure still contains."""
    return [line for line in MATERIAL if line in json.dumps(cleaned)]


@pytest.mark.parametrize(
    "structure",
    [
        KEY_LINES,
        ["before", *KEY_LINES, "after"],
        [f"2026-11-23T12:00:00.000000000Z {line}" for line in KEY_LINES],
        {"last_lines": KEY_LINES, "more": {"lines": tuple(KEY_LINES)}},
        ["one\n" + KEY_LINES[0], "\n".join(KEY_LINES[1:3]), "\n".join(KEY_LINES[3:])],
        [{"line": line, "of": "stderr"} for line in KEY_LINES],
        [["stderr", line] for line in KEY_LINES],
        {"key": "\n".join(KEY_LINES)},
        [json.dumps({"key": "\n".join(KEY_LINES)})],
        # The last lines of a log begin where they do.
        KEY_LINES[1:],
        KEY_LINES[3:],
        "\n".join(KEY_LINES[2:]),
        {"lines": [f'{{"log": "{line}\\n"}}' for line in KEY_LINES[1:]]},
        # And end there.
        KEY_LINES[:3],
        [line.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK") for line in KEY_LINES],
    ],
    ids=str,
)
def test_a_private_key_is_hidden_as_a_whole_however_its_lines_are_kept(structure: object) -> None:
    cleaned = Redactor().clean_all(structure)
    assert left(cleaned) == []
    assert HIDDEN in json.dumps(cleaned, ensure_ascii=False)


def test_what_is_around_a_private_key_stays() -> None:
    redactor = Redactor()
    assert redactor.clean_all(["before", *KEY_LINES, "after"]) == ["before", HIDDEN, "after"]
    assert redactor.clean_all(["GET /health 200", *KEY_LINES[1:], "after"]) == ["GET /health 200", HIDDEN, "after"]
    assert redactor.clean("\n".join(["GET /health 200", *KEY_LINES[1:], "after"])) == f"GET /health 200\n{HIDDEN}\nafter"
    assert redactor.clean_all({"lines": KEY_LINES[:2], "rest": ["after", None, 3]}) == {"lines": [HIDDEN], "rest": ["after", None, 3]}
    assert redactor.clean_all([{"line": line} for line in ("before", *KEY_LINES, "after")]) == [
        {"line": "before"}, *[{"line": HIDDEN}] * 5, {"line": "after"},
    ]  # fmt: skip


def test_a_line_without_end_before_the_end_of_a_key_is_looked_at_once() -> None:
    """And not from each of its characters on: this takes minutes then."""
    text = "A" * 300_000 + "!x\nshort\nshort\n-----END PRIVATE KEY-----"
    assert Redactor().clean(text) == "A" * 300_000 + f"!x\n{HIDDEN}"


@given(
    st.lists(st.text("abcXYZ0189+/", min_size=20, max_size=64), min_size=2, max_size=8), st.integers(0, 12), st.integers(0, 12),
    st.lists(st.integers(0, 12)), st.sampled_from(["{}", "12:00:00 | {}", "{} ", '"{}",']),
)  # fmt: skip
def test_no_line_of_a_private_key_is_left_in_a_list_wherever_that_begins_and_ends(
    lines: list[str], begins: int, ends: int, joined: list[int], frame: str
) -> None:
    """As long as one of its ends is seen."""
    key = [frame.format(line) for line in ("-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----")]
    seen = key[min(begins, len(key) - 1) :] if begins % 2 else key[: max(1, len(key) - ends)]
    items: list[str] = []
    for number, line in enumerate(seen):
        if number in joined and items:
            items[-1] += "\n" + line
        else:
            items.append(line)
    cleaned = json.dumps(Redactor().clean_all(["before", *items]))
    assert [line for line in lines if line in cleaned] == []
