"""What an operator of the store does to an archive, and what verifying it finds."""

import io
import json
import shutil
import tarfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.archive import audit, bundle, sending, store
from rollback_lib.archive.ledger import FILE
from rollback_lib.archive.s3 import S3 as Bucket
from rollback_lib.errors import ParameterError
from rollback_lib.record import manifest
from rollback_lib.record.chain import FILE as CHAIN
from rollback_lib.record.chain import Chain
from rollback_lib.record.proofs import Demanded
from tests.builders.s3 import S3
from tests.builders.sealed import record

Folder = Callable[[str], Path]
PLACE = "2026/11/30/000000Z-code-abcdef"  # the folder of a record


def words(where: str, root: Path) -> list[str]:
    return sorted(finding.words for finding in audit.verify(store.opened(where), root)[0].findings)


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """The folder of records of a machine that has never sent anything."""
    return tmp_path / "nowhere"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive in a folder, which whoever runs that machine can change at will: it has no versions and no lock."""
    (tmp_path / "archive").mkdir()
    monkeypatch.setenv("ROLLBACK_ARCHIVE", f"file://{tmp_path}/archive")
    return tmp_path / "archive"


def sent(root: Path, number: int) -> None:
    for _ in range(number):
        record(root)
    assert len(sending.send(root).sent) == number


def bundles(files: Path) -> list[Path]:
    return sorted(files.rglob("*.tar.gz"))


def test_locked_objects_that_were_deleted_and_rewritten_are_found_and_read_as_they_were(
    s3: S3, bucket: str, where: str, folder: Folder, nowhere: Path
) -> None:
    sent(folder("incidents"), 3)
    keys = [one["Key"] for one in s3.call("list_objects_v2", Bucket=bucket)["Contents"]]
    s3.call("delete_object", Bucket=bucket, Key=keys[0])
    s3.call("put_object", Bucket=bucket, Key=keys[2], Body=b"nothing happened")
    version = s3.call("list_object_versions", Bucket=bucket, Prefix=keys[1])["Versions"][0]["VersionId"]
    with pytest.raises(Exception, match="AccessDenied"):
        s3.call("delete_object", Bucket=bucket, Key=keys[1], VersionId=version)
    done = audit.verify(store.opened(where), nowhere)[0]
    assert (done.records, sorted(one.words for one in done.findings)) == (3, [
        "it was deleted; the version that was locked is still there, and is read",
        "it was rewritten: there are 2 versions, of which the first is read",
    ])  # fmt: skip
    assert {f"records/{one.folder}" for one in done.findings} == {keys[0], keys[2]}


def test_what_was_put_in_is_found(s3: S3, bucket: str, where: str, folder: Folder, nowhere: Path) -> None:
    root = folder("incidents")
    sent(root, 1)
    (key,) = [one["Key"] for one in s3.call("list_objects_v2", Bucket=bucket)["Contents"]]
    s3.call("put_object", Bucket=bucket, Key="records/note.txt", Body=b"nothing happened")
    s3.call("copy_object", Bucket=bucket, Key=key.replace("000001", "000002"), CopySource={"Bucket": bucket, "Key": key})
    found = words(where, nowhere)
    assert "it is no bundle: it was put in" in found
    assert "its entry is that of another bundle" in found


@pytest.mark.parametrize("number", [0, 1])
def test_a_bundle_that_was_removed_is_found_by_those_after_it(files: Path, folder: Folder, nowhere: Path, number: int) -> None:
    sent(folder("incidents"), 3)
    bundles(files)[number].unlink()
    assert words(f"file://{files}", nowhere) == ["1 bundle of its writer before it: gone"]


def test_bundles_removed_from_the_end_are_found_by_who_sent_them_by_others_and_by_a_noted_head(
    files: Path, folder: Folder, nowhere: Path
) -> None:
    one, other = folder("one"), folder("other")
    sent(one, 2)
    sent(other, 1)
    where = f"file://{files}"
    done, heads = audit.verify(store.opened(where), nowhere)
    assert done.head in heads
    next(files.rglob(f"{sending.writer(Chain(one).log.lines())}/000002-*")).unlink()
    assert words(where, one) == [
        f"it was sent from {one}, and is gone or another one",
        f"its bundle 2, which {sending.writer(Chain(other).log.lines())} saw, is gone or another one",
    ]
    assert words(where, nowhere) == words(where, one)[1:]
    shutil.rmtree(files)
    files.mkdir()
    assert words(where, other) == [f"it was sent from {other}, and is gone or another one"]
    assert not heads & audit.verify(store.opened(where), nowhere)[1]


def test_bundles_that_went_after_their_retention_are_told_and_not_called_tampered(
    s3: S3, where: str, folder: Folder, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = folder("one"), folder("other")
    sent(one, 2)
    sent(other, 1)
    sent(one, 1)
    listed = Bucket.stored
    left = lambda self, since="": [each for each in listed(self, since) if "/000003-" in each.key]  # noqa: E731
    monkeypatch.setattr(Bucket, "stored", left)
    for root in (one, other, nowhere):
        assert audit.verify(store.opened(where), root)[0].tampered

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=731)

    monkeypatch.setattr("rollback_lib.archive.audit.datetime", Later)
    for root in (one, other, nowhere):
        (finding,) = audit.verify(store.opened(where), root)[0].findings
        assert (finding.words, finding.tampered) == ("2 bundles of its writer before it: gone since their retention was over", False)


def changed(content: bytes, name: str, to: Callable[[bytes], bytes]) -> bytes:
    """The bundle with one of its files changed."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as old, tarfile.open(fileobj=made, mode="w:gz") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            text = to(file.read()) if member.name == name else file.read()
            member.size = len(text)
            new.addfile(member, io.BytesIO(text))
    return made.getvalue()


def test_a_bundle_that_was_rewritten_is_found(files: Path, folder: Folder, nowhere: Path) -> None:
    sent(folder("incidents"), 3)
    one = bundles(files)[1]
    whole = one.read_bytes()
    for name, old, new, said in (
        ("record/report.html", b"slow answers", b"no reason", "report.html was changed after it was sealed"),
        ("record/manifest.json", b'"files"', b'"Files"', "manifest.json is not the one that was sealed"),
        ("record/report.html", b"", b"x", "report.html was changed after it was sealed"),
        ("entry.json", b'"others": []', b'"others": [{"writer": "a", "number": 1, "entry": "", "until": ""}]', "its bundle 1, which"),
        ("entry.json", b"T", b"t", "it does not follow from the bundle before it: one of both was replaced"),
        ("entry.json", b"{", b"", "it is no bundle: its entry cannot be read"),
    ):  # fmt: skip
        one.write_bytes(changed(whole, name, lambda text, old=old, new=new: text.replace(old, new) if old else new + text))  # type: ignore[misc]
        assert any(found.startswith(said) for found in words(f"file://{files}", nowhere)), said
    for cut in (0, 20, len(whole) // 2):
        one.write_bytes(whole[:cut])
        assert any(found.startswith("it is no bundle: ") for found in words(f"file://{files}", nowhere))
    one.write_bytes(whole)
    assert words(f"file://{files}", nowhere) == []


def test_a_whole_archive_that_was_written_again_is_found_by_who_sent_it(files: Path, folder: Folder, nowhere: Path) -> None:
    """An operator makes an archive of records of their own, and gives it out for that of another."""
    root, forged = folder("incidents"), folder("forged")
    sent(root, 2)
    ledger = (root / FILE).read_text()
    shutil.rmtree(files)
    files.mkdir()
    shutil.copytree(root, forged, dirs_exist_ok=True)
    (forged / FILE).unlink()
    record(forged)
    sending.send(forged)
    assert words(f"file://{files}", nowhere) == []
    assert (root / FILE).read_text() == ledger
    found = words(f"file://{files}", root)
    assert found.count(f"it was sent from {root}, and is gone or another one") == 2
    assert any("the chain was rewritten or cut" in one for one in found)


def test_a_local_chain_that_was_written_again_is_found_by_its_archive(files: Path, folder: Folder) -> None:
    root = folder("incidents")
    sent(root, 2)
    lines = (root / CHAIN).read_text().splitlines(keepends=True)
    (root / CHAIN).write_text("".join(lines[:-1]))
    (found,) = words(f"file://{files}", root)
    assert found.startswith("line 4 is not the one that ")


def test_two_writers_at_once_have_a_chain_each(s3: S3, bucket: str, where: str, folder: Folder, nowhere: Path) -> None:
    roots = [folder("one"), folder("other")]
    for root in roots:
        for _ in range(4):
            record(root)
    threads = [threading.Thread(target=sending.send, args=(root,)) for root in roots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for root in roots:
        sent(root, 1)
    done = audit.verify(store.opened(where), nowhere)[0]
    assert (done.records, done.findings) == (10, ())
    entries = [bundle.entry(store.opened(where).get(one)) for one in store.opened(where).stored()]
    assert {one.number for one in entries} == {1, 2, 3, 4, 5}
    assert any(one.others for one in entries), "they have seen each other"


def test_a_copy_of_a_folder_that_sends_as_well_is_refused(files: Path, folder: Folder) -> None:
    root = folder("incidents")
    sent(root, 1)
    copy = root.with_name("copy")
    shutil.copytree(root, copy)
    sent(root, 1)
    record(copy)
    assert "a copy of this folder is sending, too" in sending.send(copy).failed[0]
    assert words(f"file://{files}", root) == []


def test_signatures_are_verified_in_an_archive_as_well(files: Path, folder: Folder, nowhere: Path, tmp_path: Path) -> None:
    sent(folder("incidents"), 1)
    signers = tmp_path / "signers"
    with pytest.raises(ParameterError, match="allowed signers"):
        audit.verify(store.opened(f"file://{files}"), nowhere, Demanded(signers))
    signers.write_text("")
    (finding,) = audit.verify(store.opened(f"file://{files}"), nowhere, Demanded(signers))[0].findings
    assert finding.words == "it is not signed"


def with_member(member: tarfile.TarInfo) -> bytes:
    """A bundle that has an entry and this member, which is empty."""
    line = json.dumps({"folder": PLACE, "at": "2026-11-30T00:00:00+00:00"})
    entry = bundle.Entry("me", 1, "", "2026-11-30T00:00:00+00:00", PLACE, "", (line,), 1, "", "", "", ())
    first, made = tarfile.TarInfo("entry.json"), io.BytesIO()
    first.size = len(entry.text)
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        tar.addfile(first, io.BytesIO(entry.text))
        tar.addfile(member)
    return made.getvalue()


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "record/../../evil", "record/a//b", "other/file"])
def test_a_bundle_writes_nothing_outside_of_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(bundle.NoBundle, match="not of the record"):
        bundle.unpack(with_member(tarfile.TarInfo(name)), tmp_path / "deep" / "record")
    assert [one.name for one in tmp_path.rglob("*")] == ["deep", "record"]


def test_a_bundle_with_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(bundle.NoBundle, match="cannot be written"):
        bundle.unpack(with_member(tarfile.TarInfo("record/" + "a" * 300)), tmp_path / "record")


@pytest.mark.parametrize("changes", [
    {"number": "1"}, {"number": None}, {"others": [{"writer": "a"}]}, {"others": 3}, {"folder": "/etc"}, {"folder": "../../../x"},
    {"writer": "a/../b"}, {"until": 3}, {"lines": []}, {"lines": ["{"]}, {"lines": [["a"]]},
    {"lines": [json.dumps({"folder": PLACE})]}, {"lines": [json.dumps({"folder": PLACE, "at": "now"})]},
])  # fmt: skip
def test_an_entry_of_another_shape_is_refused(changes: dict[str, object], tmp_path: Path) -> None:
    whole = json.loads(bundle.entry(with_member(tarfile.TarInfo("record/a"))).text)
    with pytest.raises(bundle.NoBundle):
        bundle.Entry.read(json.dumps({**whole, **changes}).encode())


def test_a_bundle_with_a_link_is_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("record/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(bundle.NoBundle, match="what no bundle has"):
        bundle.unpack(with_member(link), tmp_path / "record")
    assert list((tmp_path / "record").iterdir()) == []


def test_the_entry_is_at_the_beginning_of_a_bundle(files: Path, folder: Folder) -> None:
    sent(folder("incidents"), 1)
    (one,) = bundles(files)
    assert bundle.entry(one.read_bytes()[: bundle.HEAD // 8]) == bundle.entry(one.read_bytes())
    assert json.loads(bundle.entry(one.read_bytes()).text)["number"] == 1
    with tarfile.open(one) as tar:
        assert tar.getnames()[:2] == ["entry.json", f"record/{manifest.FILE}"]


class Together:
    """A store that gives objects only when several are asked for at once."""

    def __init__(self, store: store.Store, number: int) -> None:
        self._store = store
        self._all = threading.Barrier(number)

    def get(self, *words: Any) -> bytes:
        self._all.wait(30)
        return self._store.get(*words)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_bundles_are_verified_side_by_side(files: Path, folder: Folder, nowhere: Path) -> None:
    sent(folder("incidents"), 8)
    done = audit.verify(Together(store.opened(f"file://{files}"), 8), nowhere)[0]
    assert (done.records, done.findings) == (8, ())


def test_of_three_writers_each_has_a_chain_and_all_are_verified_across(files: Path, folder: Folder, nowhere: Path) -> None:
    """Whatever is taken from one of them, others have seen it; only what nobody has seen yet is missed, and its own machine tells of it."""
    roots = {name: folder(name) for name in ("one", "two", "three")}
    for _ in range(2):
        for root in roots.values():
            sent(root, 2)
    where = f"file://{files}"
    names = {name: sending.writer(Chain(root).log.lines()) for name, root in roots.items()}
    seen = {(name, number) for name in names for number in (2, 4)} - {("three", 4)}  # the newest of a writer when another sent something
    assert (audit.verify(store.opened(where), nowhere)[0].records, words(where, nowhere)) == (12, [])
    for name in names:
        for number in range(1, 5):
            one = next(files.rglob(f"{names[name]}/{number:06}-*"))
            whole = one.read_bytes()
            one.unlink()
            found, own = words(where, nowhere), words(where, roots[name])
            assert ("1 bundle of its writer before it: gone" in found) == (number < 4)
            assert any(said.startswith(f"its bundle {number}, which ") for said in found) == ((name, number) in seen)
            assert f"it was sent from {roots[name]}, and is gone or another one" in own
            one.write_bytes(whole)
    shutil.rmtree(next(files.rglob(names["one"])))
    found = words(where, nowhere)
    assert any(said.startswith("its bundle 4, which ") for said in found), "a whole writer that is gone is missed by those who saw it"
    assert words(where, roots["one"]).count(f"it was sent from {roots['one']}, and is gone or another one") == 4
