"""Archives are never in the way of a run: what is sealed is sent by a process of its own, and what went wrong is told later."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from rollback_lib.archive import address, background, sending
from rollback_lib.cli import main
from rollback_lib.record.folder import ROOT_VARIABLE
from tests.builders.sealed import record

Folder = Callable[[str], Path]
SENDS = """
import sys
from pathlib import Path
from rollback_lib.archive import background
background.start(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture
def root(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = folder("incidents")
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    return root


def start(root: Path, folder: Path) -> None:
    """As the end of a run does, in a process that ends at once."""
    subprocess.run([sys.executable, "-c", SENDS, root, folder], check=True)


def awaited(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


def test_what_is_sealed_is_sent_after_the_run_has_ended(root: Path, where: str) -> None:
    start(root, record(root).path)
    assert awaited(lambda: not sending.queue(root))
    assert awaited(lambda: background.failure(root) == "")


def test_what_could_not_be_sent_is_told_and_sent_by_hand(
    root: Path, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = record(root)
    with monkeypatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        start(root, one.path)
        assert awaited(lambda: "cannot be reached" in background.failure(root))
        assert main(["incidents", "archive"]) == 3
        said = capsys.readouterr()
        assert "0 records archived, 0 of them locked; 1 waiting." in said.out
        assert "cannot be reached" in said.err
    assert main(["incidents", "archive", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "sent": [str(one.path.relative_to(root))], "locked": 1, "failed": [], "left": 0, "stamped": [], "followed": [],
    }  # fmt: skip
    assert background.failure(root) == ""


def test_a_wrong_address_keeps_no_run_from_ending(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(address.VARIABLE, "s3://me:secret@bucket")
    start(root, record(root).path)
    assert "ROLLBACK_ARCHIVE: an address such as" in background.failure(root)
    assert "secret" not in background.failure(root)


def test_a_store_that_is_slow_delays_no_run(root: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and never answers."""
    one = record(root)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        start(root, one.path)
        assert background.failure(root) == "", "the store has not answered yet, and the run has ended"
        server.settimeout(60)
        connection, _ = server.accept()
        connection.close()
    assert awaited(lambda: background.failure(root) != "")


def test_what_waits_for_its_archive_is_not_pruned(root: Path, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    from rollback_lib.record.retention import prune

    one = record(root)
    waiting = {each.folder for records in sending.queue(root).values() for each in records}
    assert prune(root, timedelta(seconds=-5), "me", spare=waiting) == []
    sending.send(root)
    assert sending.queue(root) == {}
    assert prune(root, timedelta(seconds=-5), "me") == [str(one.path.relative_to(root))]


def test_archives_without_their_packages_are_told_in_a_sentence(root: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record(root)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert "pip install 'rollback-runbooks[archive]'" in sending.send(root).failed[0]
