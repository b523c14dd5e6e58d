"""An approval holds for exactly what was signed, of those who may approve, each counted once."""

import json
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.record import approval, manifest, signing
from rollback_lib.record.approval import Request, approvers
from tests.builders.keys import REQUEST, allow, key, signed

TEXT = (
    '{"host":"contabo","host_key":"SHA256:host","incident":"3f2a9c","keys":["SHA256:anna"],"losses":"'
    + REQUEST.losses
    + '","nonce":"00000000000000000000000000000000","not_after":"2026-11-30T12:00:00Z","plan":"'
    + "ab" * 32
    + '","procedure":"database","stack":"dyniq-voice","who":"anna@laptop"}\n'
)


@pytest.fixture
def ben(tmp_path: Path) -> Path:
    return key(tmp_path, "ben")


@pytest.fixture
def signers(tmp_path: Path, ben: Path) -> Path:
    return allow(tmp_path / "allowed_signers", ben=ben)


def test_a_request_is_written_in_one_way() -> None:
    assert REQUEST.text == TEXT
    assert Request.read(TEXT) == REQUEST
    assert replace(REQUEST, who="Zoë\n").text.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "[" * 100_000, TEXT.strip(), TEXT + " ", TEXT.replace(":", ": ", 1), TEXT.replace('{"', '{"x":"y","', 1),
        TEXT.replace('{"host":"contabo",', "{"), TEXT.replace('"host":"contabo"', '"host":"contabo","host":"contabo"'),
        TEXT.replace('"contabo"', "1"), TEXT.replace('["SHA256:anna"]', '"SHA256:anna"'), TEXT.replace('["SHA256:anna"]', "[1]"),
        TEXT.replace("contabo", "cont\\u0061bo"), TEXT.replace("2026-11-30T12:00:00Z", "tomorrow"), json.dumps(asdict(REQUEST)) + "\n",
    ],
)  # fmt: skip
def test_what_is_written_in_another_way_is_no_request(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 – of whatever kind
        Request.read(text)


@given(
    st.text() | st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(json.dumps)
)
def test_any_text_is_a_request_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert Request.read(text).text == text


def test_who_may_approve_does(ben: Path, signers: Path) -> None:
    found, objections = approvers(REQUEST, [signed(REQUEST, ben)], signers)
    assert [(one.name, one.key) for one in found] == [("ben@dyniq", signing.fingerprint(ben))]
    assert objections == []


@pytest.mark.parametrize("name", [field.name for field in fields(Request)])
def test_a_signature_is_of_no_request_that_differs_in_anything(ben: Path, signers: Path, name: str) -> None:
    signature = signed(REQUEST, ben)
    was = getattr(REQUEST, name)
    other = replace(REQUEST, **{name: ("SHA256:eve",) if name == "keys" else was.replace(was[-2], "7")})
    assert other != REQUEST
    assert approvers(other, [signature], signers) == ([], ["a signature of ben@dyniq is not an approval of this request"])


@pytest.mark.parametrize("name", ["plan", "procedure", "incident", "stack", "host", "host_key", "losses", "who", "keys"])
def test_what_differs_is_named(name: str) -> None:
    other = replace(REQUEST, **{name: ("SHA256:eve",) if name == "keys" else "f" * 64})
    words = {"host_key": "host key", "losses": "list of what is lost", "who": "person", "keys": "key of who asks"}
    (said,) = REQUEST.differences(other)
    assert said.startswith(f"another {words.get(name, name)} (")
    assert REQUEST.differences(replace(REQUEST, nonce="1", not_after="2026-11-30T12:34:00Z")) == []


def test_a_signature_for_another_purpose_is_no_approval(ben: Path, signers: Path) -> None:
    assert approval.NAMESPACE != manifest.NAMESPACE
    for namespace in (manifest.NAMESPACE, "file", "git"):
        found, objections = approvers(REQUEST, [signed(REQUEST, ben, namespace)], signers)
        assert (found, objections) == ([], ["a signature of ben@dyniq is not an approval of this request"])


def test_nobody_approves_what_they_ask_for(ben: Path, signers: Path) -> None:
    own = replace(REQUEST, keys=("SHA256:anna", signing.fingerprint(ben)))
    found, objections = approvers(own, [signed(own, ben)], signers)
    assert found == []
    assert "nobody approves what they ask for" in objections[0]


def test_nobody_counts_twice(tmp_path: Path, ben: Path, signers: Path) -> None:
    """By the same key, under another name, or by another key of the same name."""
    second, carl = key(tmp_path, "second"), key(tmp_path, "carl")
    allow(signers, ben_again=second, bernd=ben, carl=carl)
    given = [signed(REQUEST, one) for one in (ben, ben, second, carl)]
    found, objections = approvers(REQUEST, given, signers)
    assert [one.name for one in found] == ["ben@dyniq", "carl@dyniq"]
    assert [said.split(" (")[0] + said.split(")")[1] for said in objections] == ["ben@dyniq has approved already"] * 2


def test_a_stranger_does_not_count(tmp_path: Path, signers: Path) -> None:
    eve = key(tmp_path, "eve")
    assert approvers(REQUEST, [signed(REQUEST, eve)], signers) == ([], [f"a signature is of nobody in {signers}"])


def test_a_signer_for_something_else_does_not_count(tmp_path: Path, ben: Path) -> None:
    signers = tmp_path / "seals_only"
    signers.write_text(f'ben@dyniq namespaces="{manifest.NAMESPACE}" {ben.with_suffix(".pub").read_text()}')
    assert approvers(REQUEST, [signed(REQUEST, ben)], signers)[0] == []


@pytest.mark.parametrize(
    "hostile", [b"", b"\0" * 5000, b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", b"-s /etc/passwd\n"]
)
def test_a_file_that_is_no_signature_does_not_count(ben: Path, signers: Path, hostile: bytes) -> None:
    found, objections = approvers(REQUEST, [hostile, signed(REQUEST, ben)], signers)
    assert ([one.name for one in found], len(objections)) == (["ben@dyniq"], 1)


def test_the_time_is_part_of_it() -> None:
    assert REQUEST.until.isoformat() == "2026-11-30T12:00:00+00:00"
    assert approval.not_after(REQUEST.until) == "2026-11-30T13:00:00Z"
