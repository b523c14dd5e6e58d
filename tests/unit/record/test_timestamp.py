"""Timestamps of sealed records, from a real authority: what they prove, and what is made of a bad one."""

import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rollback_lib.archive import audit as archive_audit
from rollback_lib.archive import background, sending, store
from rollback_lib.cli import main
from rollback_lib.errors import ParameterError
from rollback_lib.record import chain, timestamp
from rollback_lib.record.audit import verify
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.contents import FILE, STAMP
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.record.log import line_hash
from rollback_lib.record.proofs import Demanded
from rollback_lib.record.timestamp import VARIABLE, NotStamped, stamp_missing
from rollback_lib.run.sealing import seal
from tests.builders.authority import Authority
from tests.builders.sealed import begin, record


@pytest.fixture
def authority(real_authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv(VARIABLE, real_authority.address)
    monkeypatch.setattr("rollback_lib.archive.background.start", lambda *_: None)
    real_authority.answers = real_authority.answer
    return real_authority


def words(root: Path, authority: Path | None = None) -> list[str]:
    return [finding.words for finding in verify(root, Demanded(authority=authority)).findings]


def test_a_timestamp_is_made_and_verified(authority: Authority, tmp_path: Path) -> None:
    root = tmp_path / "incidents"
    early, one, later = record(root), record(root), record(root)
    assert stamp_missing(root) == [str(later.path.relative_to(root))]
    assert not (early.path / STAMP).exists()
    assert (words(root), words(root, authority.root), verify(root).stamped) == ([], [], 1)
    newest = record(root)
    assert words(root, authority.root) == ["it has no timestamp"]
    assert words(root) == []
    assert stamp_missing(root) == [str(newest.path.relative_to(root))]
    assert (words(root, authority.root), stamp_missing(root)) == ([], [])
    (later.path / STAMP).write_bytes((newest.path / STAMP).read_bytes())
    assert words(root) == ["its timestamp is not of this manifest"]
    (later.path / STAMP).write_bytes(b"none")
    assert words(root) == ["its timestamp cannot be read"]
    assert one.path.is_dir()


def test_a_timestamp_of_another_authority_is_found(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    other.close()
    root = tmp_path / "incidents"
    record(root)
    stamp_missing(root)
    assert words(root, other.root) == [f"its timestamp is of nobody in {other.root}"]
    for wrong in (tmp_path / "none", root / chain.FILE):
        with pytest.raises(ParameterError, match=f"no certificates .* in {wrong}"):
            verify(root, Demanded(authority=wrong))


def test_an_authority_that_sends_its_certificates_in_any_order_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them = Authority(tmp_path / "all", sends_all=True)
    monkeypatch.setenv(VARIABLE, all_of_them.address)
    root = tmp_path / "incidents"
    record(root)
    stamp_missing(root)
    all_of_them.close()
    assert words(root, all_of_them.certificates) == []


def test_a_chain_that_its_owner_wrote_again_is_found_by_a_timestamp(authority: Authority, tmp_path: Path) -> None:
    """Every line is consistent with the one before, and every manifest with its line; only what was stamped is as it was."""
    root = tmp_path / "incidents"
    early, later = record(root), record(root)
    stamp_missing(root)
    lines, before = [], ""
    for entry in Chain(root).entries():
        changed = {**entry, "because": "no reason"} if entry["incident"] == early.id else entry
        lines.append(json.dumps({**changed, "after": before}, ensure_ascii=False))
        before = line_hash(lines[-1].encode())
    (root / chain.FILE).write_text("\n".join(lines) + "\n")
    findings = verify(root, Demanded(authority=authority.root)).findings
    assert ("the chain before it is not the one on which it was sealed: that was rewritten", str(later.path.relative_to(root))) in [
        (one.words, one.folder) for one in findings
    ]


def test_a_timestamp_that_is_much_later_than_the_seal_says_is_told(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the whole chain is written again later, with the times of before."""

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) - timedelta(days=40)

    root = tmp_path / "incidents"
    with monkeypatch.context() as patched:
        patched.setattr("rollback_lib.record.chain.datetime", Earlier)
        record(root)
    stamp_missing(root)
    (finding,) = verify(root, Demanded(authority=authority.root)).findings
    assert (finding.tampered, finding.words.partition(" UTC, and the chain says")[1]) == (False, " UTC, and the chain says")


def test_a_record_that_is_sealed_again_gets_another_timestamp(authority: Authority, tmp_path: Path) -> None:
    root = tmp_path / "incidents"
    one = record(root)
    stamp_missing(root)
    Chain(root).enter(OPENED, one.path, one.record())
    one.event("resumed", who="me")
    seal(one, root)
    assert not (one.path / STAMP).exists()
    stamp_missing(root)
    assert (words(root, authority.root), verify(root).stamped) == ([], 1)


def test_a_record_that_is_sealed_again_while_it_is_stamped_gets_none(authority: Authority, tmp_path: Path) -> None:
    root = tmp_path / "incidents"
    one = record(root)

    def sealed_meanwhile(question: bytes) -> bytes:
        manifest = json.loads((one.path / FILE).read_text())
        (one.path / FILE).write_text(json.dumps({**manifest, "chain": "another"}))
        return authority.answer(question)

    authority.answers = sealed_meanwhile
    stamp_missing(root)
    assert not list(one.path.glob("*.tsr*"))


def test_an_authority_that_answers_something_else_is_refused(authority: Authority, tmp_path: Path) -> None:
    root = tmp_path / "incidents"
    one = record(root)
    replayed: list[bytes] = []
    authority.answers = lambda question: replayed.append(authority.answer(question)) or replayed[0]  # type: ignore[func-returns-value]
    stamp_missing(root)
    (one.path / STAMP).unlink()
    for answers in (authority.answers, lambda _: b"", lambda _: b"<html>"):
        authority.answers = answers
        with pytest.raises(NotStamped, match="not with a timestamp of what it was given"):
            stamp_missing(root)
    assert not (one.path / STAMP).exists()


def test_an_authority_that_is_away_keeps_no_record_from_its_archive(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "incidents"
    one = record(root)
    (tmp_path / "archive").mkdir()
    where = f"file://{tmp_path}/archive"
    monkeypatch.setenv("ROLLBACK_ARCHIVE", where)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    with monkeypatch.context() as patched:
        patched.setenv(VARIABLE, "http://127.0.0.1:9/")
        done = background.send(root)
    assert (len(done.sent), done.failed) == (1, ("http://127.0.0.1:9/ gives no timestamp (ConnectError); the next run asks again",))
    assert "gives no timestamp" in background.failure(root)
    record(root)
    assert main(["incidents", "archive"]) == 0
    assert "1 record archived, 0 of them locked; 0 waiting; 1 timestamp." in capsys.readouterr().out
    assert background.failure(root) == ""
    done_there = archive_audit.verify(store.opened(where), tmp_path / "none", Demanded(authority=authority.root))[0]
    assert (done_there.stamped, done_there.findings, sending.queue(root)) == (1, (), {})
    assert main(["incidents", "verify", "--archive", where, "--authority", str(authority.root)]) == 0
    assert "2 sealed, 1 with a timestamp" in capsys.readouterr().out
    assert one.path.is_dir()


@pytest.mark.parametrize("wrong", ["https://me:secret@example.org", "example.org", "file:///etc/passwd"])
def test_an_address_that_is_none_is_refused(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, wrong)
    with pytest.raises(ParameterError, match="an http or https address") as refused:
        stamp_missing(tmp_path)
    assert "secret" not in str(refused.value)


def test_without_its_package_a_timestamp_is_not_called_right(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "incidents"
    one = record(root)
    stamp_missing(root)
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    monkeypatch.setattr(timestamp, "find_spec", lambda _: None)
    (finding,) = verify(root).findings
    assert (finding.tampered, verify(root).stamped) == (False, 0)
    assert "rollback-runbooks[timestamps]" in finding.words
    with pytest.raises(ParameterError, match="rfc3161-client"):
        verify(root, Demanded(authority=authority.root))
    (one.path / STAMP).unlink()
    with pytest.raises(NotStamped, match="rfc3161-client"):
        stamp_missing(root)


def test_nothing_is_asked_for_unless_there_is_an_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    root = tmp_path / "incidents"
    record(root)
    begin(root)
    assert (stamp_missing(root), timestamp.wanted()) == ([], False)
    shutil.rmtree(root)
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9/")
    assert stamp_missing(root) == []
