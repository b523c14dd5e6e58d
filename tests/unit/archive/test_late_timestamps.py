"""Timestamps that came after their records were archived: each follows in an object of its own, locked and in the chain."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rollback_lib.archive import address, audit, background, bundle, sending, store
from rollback_lib.archive.ledger import FILE, Ledger
from rollback_lib.archive.reading import Archive
from rollback_lib.record.audit import Audit
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.contents import FILE as MANIFEST
from rollback_lib.record.contents import STAMP
from rollback_lib.record.proofs import Demanded
from rollback_lib.record.timestamp import VARIABLE, stamp_missing
from rollback_lib.run.sealing import seal
from tests.builders.authority import Authority
from tests.builders.s3 import S3
from tests.builders.sealed import record

Folder = Callable[[str], Path]
AWAY = "http://127.0.0.1:9/"


@pytest.fixture
def authority(real_authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv(VARIABLE, real_authority.address)
    return real_authority


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive in a folder, without locks."""
    (tmp_path / "archive").mkdir()
    monkeypatch.setenv(address.VARIABLE, f"file://{tmp_path}/archive")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "archive"


def while_away(root: Path, monkeypatch: pytest.MonkeyPatch) -> sending.Sent:
    """Send what is queued while the authority does not answer."""
    with monkeypatch.context() as patched:
        patched.setenv(VARIABLE, AWAY)
        return background.send(root)


def verified(where: str, root: Path, authority: Authority) -> Audit:
    return audit.verify(store.opened(where), root, Demanded(authority=authority.root))[0]


def objects(files: Path) -> list[Path]:
    return sorted(files.rglob("*.tar.gz"))


def test_a_timestamp_that_comes_later_follows_its_record_locked(
    s3: S3, bucket: str, where: str, folder: Folder, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, nowhere = folder("incidents"), folder("nowhere")
    one = record(root)
    done = while_away(root, monkeypatch)
    assert (len(done.sent), done.locked, done.left) == (1, 1, 0)
    assert "gives no timestamp" in done.failed[0]
    assert [one.words for one in verified(where, nowhere, authority).findings] == ["it has no timestamp"]
    cached = Archive(where).folder_of(one.id)
    assert not (cached / STAMP).exists()

    done = background.send(root)
    place = str(one.path.relative_to(root))
    assert (done.sent, done.followed, done.failed, done.left) == ((), (place,), (), 0)
    assert background.send(root).followed == ()
    listed = s3.call("list_objects_v2", Bucket=bucket)["Contents"]
    assert [each["Key"].rpartition("/")[2] for each in listed] == [f"00000{n}-{one.path.name}.tar.gz" for n in (1, 2)]
    for each in listed:
        assert s3.call("get_object_retention", Bucket=bucket, Key=each["Key"])["Retention"]["Mode"] == "COMPLIANCE"
    for known in (root, nowhere):
        found = verified(where, known, authority)
        assert (found.records, found.stamped, found.findings) == (1, 1, ())
    assert (Archive(where).folder_of(one.id) / STAMP).read_bytes() == (one.path / STAMP).read_bytes()
    assert [each["incident"] for each in Archive(where).incidents()] == [one.id]


def test_a_lost_ledger_knows_again_which_timestamps_were_sent(
    files: Path, folder: Folder, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder("incidents")
    record(root)
    while_away(root, monkeypatch)
    background.send(root)
    record(root)
    background.send(root)
    (root / FILE).unlink()
    record(root)
    done = background.send(root)
    assert (done.followed, done.left, len(objects(files))) == ((), 0, 4), "what is there is not sent again"
    assert len(Ledger(root).stamped) == 3
    assert verified(f"file://{files}", root, authority).findings == ()


def test_a_record_that_is_sealed_again_has_the_timestamp_of_its_last_seal(
    files: Path, folder: Folder, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder("incidents")
    one = record(root)
    while_away(root, monkeypatch)
    background.send(root)
    Chain(root).enter(OPENED, one.path, one.record())
    one.event("resumed", who="me")
    seal(one, root)
    while_away(root, monkeypatch)
    assert not (Archive(f"file://{files}").folder_of(one.id) / STAMP).exists(), "that one is of the seal before"
    assert [each.words for each in verified(f"file://{files}", root, authority).findings] == ["it has no timestamp"]
    background.send(root)
    assert (Archive(f"file://{files}").folder_of(one.id) / STAMP).exists()
    found = verified(f"file://{files}", root, authority)
    assert (found.records, found.stamped, found.findings) == (1, 2, ())


def test_what_is_done_to_a_late_timestamp_is_found(
    files: Path, folder: Folder, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, nowhere = folder("incidents"), folder("nowhere")
    record(root)
    while_away(root, monkeypatch)
    background.send(root)
    record(root)
    background.send(root)
    first, late, last = objects(files)

    def words() -> list[str]:
        return [each.words for each in verified(f"file://{files}", nowhere, authority).findings]

    assert words() == []
    whole = late.read_bytes()
    late.unlink()
    assert "1 bundle of its writer before it: gone" in words()
    late.write_bytes(whole)
    first_whole = first.read_bytes()
    first.unlink()
    assert "it is the timestamp of a record that is not there" in words()
    first.write_bytes(first_whole)

    entry = bundle.entry(whole)
    for stamp, said in (
        ((next(root.rglob(f"*/{STAMP}"))).read_bytes() + b"\0", "its timestamp is not the one that was sent"),
        (b"none", "its timestamp is not the one that was sent"),
    ):  # fmt: skip
        manifest = next(one for one in root.rglob(MANIFEST) if one.parent.name == entry.folder.rpartition("/")[2]).parent
        late.write_bytes(bundle.pack(entry, manifest, {STAMP: stamp}))
        assert said in words()
    last_entry = bundle.entry(last.read_bytes())
    assert (last_entry.late, last_entry.stamp != "") == (False, True)


def test_an_entry_of_before_reads_and_hashes_as_it_did(files: Path, folder: Folder) -> None:
    root = folder("incidents")
    record(root)
    sending.send(root)
    (one,) = objects(files)
    content = json.loads(bundle.entry(one.read_bytes()).text)
    assert "stamp" not in content
    assert "late" not in content
    assert verified_without(f"file://{files}", root) == []


def verified_without(where: str, root: Path) -> list[str]:
    return [one.words for one in audit.verify(store.opened(where), root)[0].findings]


def test_a_stack_that_has_no_archive_any_more_sends_no_timestamp(
    files: Path, folder: Folder, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder("incidents")
    record(root)
    while_away(root, monkeypatch)
    monkeypatch.delenv(address.VARIABLE)
    stamp_missing(root)
    assert sending.queue(root) == {}
