"""Records that cannot be changed, removed or inserted unseen; lists and searches of many."""

import json
import shutil
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest

from rollback_lib.errors import ParameterError
from rollback_lib.record import chain, manifest
from rollback_lib.record.audit import verify
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.history import folder_of, incidents
from rollback_lib.record.proofs import Demanded
from rollback_lib.record.retention import prune
from rollback_lib.run.sealing import seal
from tests.builders.sealed import begin, record


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "incidents"
    root.mkdir()
    return root


def words(root: Path) -> list[str]:
    done = verify(root)
    assert done.tampered == any(finding.tampered for finding in done.findings)
    return [finding.words for finding in done.findings if finding.tampered]


def test_what_was_not_touched_is_found_whole(root: Path) -> None:
    for _ in range(3):
        record(root)
    begin(root)
    done = verify(root)
    assert (done.records, done.sealed, done.open, done.findings) == (4, 3, 1, ())


@pytest.mark.parametrize("name", ["record.json", "events.jsonl", "report.html", "postmortem.md"])
def test_a_changed_or_a_removed_file_is_found(root: Path, name: str) -> None:
    folder = record(root)
    whole = (folder.path / name).read_text()
    (folder.path / name).write_text(whole.replace("succeeded", "planned"))
    assert words(root) == [f"{name} was changed after it was sealed"]
    (folder.path / name).unlink()
    assert words(root) == [f"{name} was removed"]


def test_an_added_file_a_new_manifest_and_a_link_are_found(root: Path) -> None:
    folder = record(root)
    (folder.path / "more.txt").write_text("evidence")
    assert words(root) == ["more.txt was added after the record was sealed"]
    (folder.path / "more.txt").unlink()
    content = json.loads((folder.path / manifest.FILE).read_text())
    (folder.path / manifest.FILE).write_text(json.dumps({**content, "files": {}}))
    assert words(root) == ["manifest.json is not the one that was sealed"]


def test_a_removed_record_and_one_slipped_in_are_found(root: Path) -> None:
    first, second = record(root), record(root)
    shutil.copytree(second.path, second.path.with_name(second.path.name[:-6] + "abcdef"))
    shutil.rmtree(first.path)
    assert sorted(words(root)) == ["the record is gone: it was removed", "the record is not in the chain: it was inserted"]


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_record_taken_out_of_the_chain_as_well_is_found(root: Path, line: int) -> None:
    for _ in range(2):
        record(root)
    file = root / chain.FILE
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:line] + lines[line + 1 :]))
    assert any("does not follow from the line before it" in one for one in words(root))


def test_records_taken_off_the_end_of_the_chain_are_told_by_its_head(root: Path) -> None:
    record(root)
    folder = record(root)
    head = Chain(root).head
    shutil.rmtree(folder.path)
    lines = (root / chain.FILE).read_text().splitlines(keepends=True)
    (root / chain.FILE).write_text("".join(lines[:-2]))
    assert words(root) == []
    assert head != Chain(root).head


def test_a_crash_is_told_from_tampering(root: Path) -> None:
    folder = begin(root)
    with (folder.path / "events.jsonl").open("a") as file:
        file.write('{"at": "2026-')
    with (root / chain.FILE).open("a") as file:
        file.write('{"at": "2026-')
    done = verify(root)
    assert not done.tampered
    assert sorted(finding.words for finding in done.findings) == [
        "events.jsonl, line 2 is cut short, as by a crash",
        "line 2 was cut short, as by a crash",
    ]
    record(root)  # goes on after both
    assert not verify(root).tampered
    events = (folder.path / "events.jsonl").read_text()
    (folder.path / "events.jsonl").write_text(events.replace("slow answers", "no reason") + '\n{"event": "verdict"}\n')
    assert verify(root).tampered


def test_a_record_that_was_gone_on_with_is_sealed_again(root: Path) -> None:
    folder = record(root)
    Chain(root).enter(OPENED, folder.path, folder.record())
    folder.event("resumed", who="me")
    assert (words(root), verify(root).open) == ([], 1)
    seal(folder, root)
    assert (words(root), verify(root).sealed) == ([], 1)
    folder.event("resumed", who="nobody")
    assert words(root) == ["events.jsonl was changed after it was sealed"]


def test_retention_lets_go_of_files_and_keeps_the_chain(root: Path) -> None:
    old, new = record(root), record(root)
    (old.path / "output").mkdir()
    lines = (root / chain.FILE).read_text()
    assert prune(root, timedelta(days=1), "me") == []
    assert (root / chain.FILE).read_text() == lines
    gone = prune(root, timedelta(seconds=-5), "me")
    assert len(gone) == 2
    assert [file.name for file in old.path.iterdir()] == [manifest.FILE]
    done = verify(root)
    assert (done.findings, done.pruned) == ((), 2)
    assert incidents(root, text="slow answers")
    (new.path / manifest.FILE).unlink()
    assert words(root)


def key(folder: Path, name: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True)
    return folder / name


def test_a_signature_is_made_and_verified(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = key(tmp_path, "mine"), key(tmp_path, "other")
    signers = tmp_path / "signers"
    signers.write_text(f"me@example.org {mine.with_suffix('.pub').read_text()}")
    monkeypatch.setenv(manifest.KEY_VARIABLE, str(mine))
    folder = record(root)
    assert (verify(root, Demanded(signers)).findings, verify(root, Demanded(signers)).signed, verify(root).signed) == ((), 1, 1)
    monkeypatch.setenv(manifest.KEY_VARIABLE, str(other))
    record(root)
    assert [one.words for one in verify(root, Demanded(signers)).findings] == [f"its signature is of nobody in {signers}"]
    shutil.copy(root / Chain(root).entries()[-1]["folder"] / manifest.SIGNATURE, folder.path / manifest.SIGNATURE)
    assert words(root) == ["its signature is not of this manifest"]
    (folder.path / manifest.SIGNATURE).unlink()
    assert "it is not signed" in [one.words for one in verify(root, Demanded(signers)).findings]
    with pytest.raises(ParameterError, match="allowed signers"):
        verify(root, Demanded(tmp_path / "none"))


def test_a_key_that_only_the_agent_has_signs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = key(tmp_path, "mine")
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", mine], check=True)
        mine.unlink()
        monkeypatch.setenv(manifest.KEY_VARIABLE, str(mine.with_suffix(".pub")))
        record(root)
    finally:
        agent.terminate()
        agent.wait()
    assert verify(root).signed == 1


def test_a_signature_that_cannot_be_made_keeps_no_record_from_being_sealed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(manifest.KEY_VARIABLE, str(root / "none"))
    with pytest.raises(manifest.NotSigned, match="could not be signed"):
        record(root)
    assert (verify(root).sealed, verify(root).findings) == (1, ())


def test_records_are_listed_newest_first_and_found_by_what_is_known_of_them(root: Path) -> None:
    record(root)
    record(root, procedure="env", stack="other", because="a mistyped address")
    begin(root, procedure="image")
    assert [one["procedure"] for one in incidents(root)] == ["image", "env", "code"]
    assert [one["verdict"] for one in incidents(root)] == ["open", "succeeded", "succeeded"]
    for options in ({"procedure": "env"}, {"stack": "other"}, {"text": "MISTYPED"}):
        assert [one["procedure"] for one in incidents(root, **options)] == ["env"]
    assert incidents(root, verdict="refused") == []
    today = incidents(root)[0]["opened"][:10]
    from datetime import date

    day = date.fromisoformat(today)
    assert len(incidents(root, since=day, until=day)) == 3
    assert incidents(root, since=day + timedelta(days=1)) == incidents(root, until=day - timedelta(days=1)) == []


def test_a_record_is_found_by_its_id_its_name_and_its_path(root: Path) -> None:
    folder = record(root)
    assert {folder_of(root, one) for one in (folder.id, folder.path.name, str(folder.path))} == {folder.path}
    for wrong in ("", "none", "../..", "*", "$(true)", "a/b"):
        with pytest.raises(ParameterError):
            folder_of(root, wrong)
