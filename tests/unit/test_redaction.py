"""What never reaches a record or a screen."""

import secrets

import pytest

from rollback_lib.record.redaction import clean, clean_all

SECRET = secrets.token_hex(12)


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
    assert SECRET not in str(clean_all({"lines": [text.format(SECRET)]}))


@pytest.mark.parametrize("text", ["git checkout 3f2a9c1", "https://agents-api.dyniq.ai/health", "a\tb\nc"])
def test_other_text_stays(text: str) -> None:
    assert clean(text) == text


def test_what_acts_on_a_terminal_is_taken_out() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x9b1m\x00\x08.") == "red link1m."
