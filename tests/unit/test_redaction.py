"""What never reaches a record or a screen."""

import json
import secrets
from urllib.parse import quote

import pytest

from rollback_lib.record.redaction import HIDDEN, Redactor, clean

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
