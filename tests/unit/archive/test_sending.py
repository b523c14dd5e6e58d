"""Sealed records that are sent to a real S3 with object lock: each once, whole, locked; whatever breaks off is sent later."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.archive import address, audit, sending, store
from rollback_lib.archive.ledger import FILE, Ledger
from rollback_lib.archive.s3 import S3 as Bucket
from rollback_lib.errors import ParameterError
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.run.sealing import seal
from tests.builders.s3 import S3
from tests.builders.sealed import begin, record

Folder = Callable[[str], Path]


def keys(s3: S3, bucket: str) -> list[str]:
    return [one["Key"] for one in s3.call("list_objects_v2", Bucket=bucket).get("Contents", [])]


def words(where: str, root: Path) -> list[str]:
    return [finding.words for finding in audit.verify(store.opened(where), root)[0].findings]


def test_sealed_records_are_sent_once_and_locked_until_their_retention_ends(s3: S3, bucket: str, where: str, folder: Folder) -> None:
    root = folder("incidents")
    first = record(root)
    first_stack = '{"retention": {"archive_days": 30}}'
    second = begin(root)
    second.write("stack.json", first_stack)
    seal(second, root)
    begin(root)
    done = sending.send(root)
    assert (len(done.sent), done.locked, done.failed, done.left) == (2, 2, (), 0)
    assert [key.rpartition("/")[2] for key in keys(s3, bucket)] == [
        f"000001-{first.path.name}.tar.gz", f"000002-{second.path.name}.tar.gz",
    ]  # fmt: skip
    for key, days in zip(keys(s3, bucket), (730, 30), strict=True):
        lock = s3.call("get_object_retention", Bucket=bucket, Key=key)["Retention"]
        assert lock["Mode"] == "COMPLIANCE"
        assert abs(lock["RetainUntilDate"] - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=5)
    assert sending.send(root).sent == ()
    assert (len(keys(s3, bucket)), words(where, root)) == (2, [])


def test_a_record_that_is_sealed_again_is_sent_again(s3: S3, bucket: str, where: str, folder: Folder) -> None:
    root = folder("incidents")
    one = record(root)
    sending.send(root)
    Chain(root).enter(OPENED, one.path, one.record())
    one.event("resumed", who="me")
    assert sending.send(root).sent == ()
    seal(one, root)
    assert len(sending.send(root).sent) == 1
    done = audit.verify(store.opened(where), root)[0]
    assert (len(keys(s3, bucket)), done.records, done.findings) == (2, 1, ())


def test_a_record_that_was_changed_is_not_sent_and_keeps_no_other_back(bucket: str, folder: Folder) -> None:
    root = folder("incidents")
    changed, whole = record(root), record(root)
    (changed.path / "report.html").write_text("nothing happened")
    done = sending.send(root)
    assert (done.sent, done.left) == ((str(whole.path.relative_to(root)),), 1)
    assert "report.html is not what was sealed" in done.failed[0]


def test_records_go_to_the_archive_of_their_stack(where: str, folder: Folder, tmp_path: Path) -> None:
    root = folder("incidents")
    own = begin(root)
    own.write("stack.json", f'{{"archive": "file://{tmp_path}/elsewhere"}}')
    seal(own, root)
    record(root)
    done = sending.send(root)
    assert (len(done.sent), done.left) == (1, 1)
    assert "elsewhere is not there; make its bucket or folder first" in done.failed[0], "nothing is written where nothing is mounted now"
    (tmp_path / "elsewhere").mkdir()
    assert len(sending.send(root).sent) == 1
    for one in (where, f"file://{tmp_path}/elsewhere"):
        done = audit.verify(store.opened(one), root)[0]
        assert (done.records, done.findings) == (1, ())


@pytest.mark.parametrize("wrong", ["s3://me:secret@bucket/x", "bucket", "s3://bucket/x?key=1", "s3://", "file:///a/../b"])
def test_an_address_with_credentials_or_none_is_refused(wrong: str, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder("incidents")
    record(root)
    monkeypatch.setenv(address.VARIABLE, wrong)
    with pytest.raises(ParameterError, match=r"ROLLBACK_ARCHIVE: an address such as s3://bucket/folder") as refused:
        sending.send(root)
    assert "secret" not in str(refused.value)


def test_wrong_credentials_and_a_store_that_is_away_are_told_and_the_records_stay_queued(
    s3: S3, bucket: str, where: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder("incidents")
    record(root)
    for name, value, said in (
        ("AWS_ACCESS_KEY_ID", "somebody", "the credentials are wrong"),
        ("AWS_SECRET_ACCESS_KEY", "hush-hush", "the credentials are wrong"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "cannot be reached"),
        (address.VARIABLE, "s3://no-such-bucket/records", "is not there"),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            done = sending.send(root)
        assert (done.sent, done.left) == ((), 1)
        assert said in done.failed[0]
        assert "hush-hush" not in done.failed[0]
    assert sending.send(root).left == 0


def test_a_store_that_stops_in_the_midst_gets_the_rest_later(s3: S3, bucket: str, where: str, folder: Folder) -> None:
    root = folder("incidents")
    for _ in range(3):
        record(root)
    done = sending.send(root, on_record=lambda _: s3.stop())
    assert (len(done.sent), done.left) == (1, 2)
    s3.start()
    assert len(sending.send(root).sent) == 2
    assert (len(keys(s3, bucket)), words(where, root)) == (3, [])


def test_a_sender_that_is_killed_in_the_midst_is_continued_by_the_next(s3: S3, bucket: str, where: str, folder: Folder) -> None:
    root = folder("incidents")
    for _ in range(20):
        record(root)
    sender = subprocess.Popen([sys.executable, "-m", "rollback_lib.archive", str(root)], env=os.environ)
    until = time.monotonic() + 60
    while not Ledger(root).manifests and time.monotonic() < until:
        time.sleep(0.005)
    sender.send_signal(signal.SIGKILL)
    sender.wait()
    before = len(Ledger(root).manifests)
    assert 0 < before < 20, "it was killed in the midst"
    sending.send(root)
    done = audit.verify(store.opened(where), root)[0]
    assert (len(keys(s3, bucket)), done.records, done.findings) == (20, 20, ())


def test_what_was_sent_and_not_noted_is_noted_later(
    s3: S3, bucket: str, where: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the process was killed after the store had the object, and before the ledger did; and as if the ledger was lost."""
    root = folder("incidents")
    record(root)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sending.send(root)
    record(root)
    assert (len(sending.send(root).sent), len(keys(s3, bucket))) == (2, 2)
    (root / FILE).unlink()
    record(root)
    sending.send(root)
    assert (len(keys(s3, bucket)), len(Ledger(root).sent(where)), words(where, root)) == (3, 3, [])


def test_what_is_not_locked_is_not_called_archived(
    s3: S3, bucket: str, where: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that takes the object and forgets the lock, as one did with objects of several parts."""
    root = folder("incidents")
    record(root)
    whole = Bucket.put
    with monkeypatch.context() as patched:
        patched.setattr(Bucket, "put", lambda self, key, content, until: whole(self, key, content, None))
        done = sending.send(root)
    assert (done.sent, done.left) == ((), 1)
    assert "did not lock" in done.failed[0]
    assert not Ledger(root).manifests
    assert words(where, root) == ["it is not locked (1 of 1 are not)"]
    sending.send(root)
    assert (len(keys(s3, bucket)), len(Ledger(root).manifests), words(where, root)) == (1, 1, [])


def test_a_bucket_without_object_lock_takes_records_but_not_after_it_had_it(
    s3: S3, bucket: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder("incidents")
    record(root)
    s3.call("create_bucket", Bucket=f"{bucket}-plain")
    monkeypatch.setenv(address.VARIABLE, f"s3://{bucket}-plain/records")
    done = sending.send(root)
    assert (len(done.sent), done.locked) == (1, 0)
    assert words(f"s3://{bucket}-plain/records", root) == []
    monkeypatch.setenv(address.VARIABLE, f"s3://{bucket}/records")
    record(root)
    sending.send(root)
    record(root)
    monkeypatch.setattr(Bucket, "_has_lock", lambda _: False)
    assert "had object lock and has none now" in sending.send(root).failed[0]


def big(root: Path) -> Any:
    """A sealed record of more than 100 MB, which s3fs would send in parts if it was left to."""
    one = begin(root)
    (one.path / "output").mkdir()
    (one.path / "output" / "build").write_bytes(os.urandom(101 * 2**20))
    seal(one, root)
    return one


def test_a_big_record_is_locked_as_well(s3: S3, bucket: str, where: str, folder: Folder) -> None:
    root = folder("incidents")
    big(root)
    assert sending.send(root).locked == 1
    (key,) = keys(s3, bucket)
    assert "-" not in s3.call("head_object", Bucket=bucket, Key=key)["ETag"], "the object has several parts"
    assert words(where, root) == []


def noisy(root: Path) -> None:
    """A sealed record of some kilobytes that cannot be compressed."""
    one = begin(root)
    (one.path / "noise").write_bytes(os.urandom(20_000))
    seal(one, root)


@contextmanager
def small(folder: Path, size: str) -> Iterator[None]:
    """A file system of that size in `folder`."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False).returncode:
        pytest.skip("a file system can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_folder_that_is_full_gets_the_rest_when_there_is_room(folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root, full = folder("incidents"), tmp_path / "full"
    monkeypatch.setenv(address.VARIABLE, f"file://{full}")
    with small(full, "256k"):
        (full / "fill").write_bytes(os.urandom(63 * 4096))  # a part of a bundle fits
        for _ in range(2):
            noisy(root)
        done = sending.send(root)
        assert (done.sent, done.failed, done.left) == ((), (f"file://{full} is full; make room there, what is queued is sent later",), 2)
        assert [one.name for one in full.rglob("*") if one.is_file()] == ["fill"], "nothing in part is left there"
        assert not Ledger(root).manifests
        (full / "fill").unlink()
        assert len(sending.send(root).sent) == 2
        assert words(f"file://{full}", root) == []


def fill(server: S3, bucket: str) -> None:
    for number in range(1000):
        server.call("put_object", Bucket=bucket, Key=f"other/{number}", Body=os.urandom(2 * 2**20))


@pytest.mark.whole
def test_an_s3_whose_disk_is_full_gets_the_rest_when_there_is_room(folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root, data = folder("incidents"), tmp_path / "data"
    with small(data, "100m"):
        server = S3(data)
        try:
            server.start()
            server.call("create_bucket", Bucket="full", ObjectLockEnabledForBucket=True)
            for variable, value in {**server.environment, address.VARIABLE: "s3://full/records"}.items():
                monkeypatch.setenv(variable, value)
            record(root)
            assert sending.send(root).locked == 1
            with pytest.raises(Exception, match="InternalError"):
                fill(server, "full")
            for _ in range(2):
                noisy(root)
            done = sending.send(root)
            assert (done.sent, done.left) == ((), 2)
            assert "failed (InternalError, which may mean that it is full); what is queued is sent later" in done.failed[0]
            assert words("s3://full/records", root) == [], "what is there is as it was"
            server.stop()
            subprocess.run(["mount", "-o", "remount,size=400m", data], check=True)
            server.start()
            assert sending.send(root).locked == 2
            assert words("s3://full/records", root) == []
        finally:
            server.stop()
