"""What the start page says of the past: its charts, and the records that wait for their archive."""

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from rollback_lib.archive import address, background, sending
from rollback_lib.notebook import start
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.record.manifest import seal
from rollback_lib.settings import HOME_VARIABLE
from tests.builders.sealed import begin, record
from tests.builders.stack import STACK_FILE


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "incidents"))
    monkeypatch.setenv(address.VARIABLE, f"file://{tmp_path}/archive")
    monkeypatch.setattr("rollback_lib.archive.background.start", lambda *_: None)
    (tmp_path / "incidents").mkdir()
    return tmp_path / "incidents"


def shown() -> str:
    return str(start.latest(str(STACK_FILE)))


def test_records_that_wait_for_their_archive_are_told_with_the_reason(root: Path) -> None:
    assert "archive" not in shown()
    record(root)
    assert "● 1 record waits for its archive: it is sent after the next run" in shown()
    record(root)
    assert "● 2 records wait for their archive: they are sent" in shown()
    background.send(root)
    assert "▲ Records of " in shown()
    assert "is not there; make its bucket or folder first" in shown()
    assert "`rollback incidents archive` sends them." in shown()
    (root.parent / "archive").mkdir()
    background.send(root)
    assert (sending.queue(root), "archive" in shown()) == ({}, False)


def test_a_wrong_address_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(root)
    monkeypatch.setenv(address.VARIABLE, "s3://me:secret@bucket")
    assert "▲ Records are not archived: ROLLBACK_ARCHIVE: an address such as" in shown()
    assert "secret" not in shown()


def test_without_an_archive_nothing_is_told_of_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(root)
    monkeypatch.delenv(address.VARIABLE)
    assert "archive" not in shown()


def test_without_records_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    shown = start.history(str(STACK_FILE))
    assert "No rollback was needed yet. Nothing was practised yet: no readiness run, and no drill." in str(shown)
    assert "<img" not in shown._repr_html_()


def test_it_draws_what_is_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an image with words, since JupyterLab shows no other drawing on a page that it does not trust."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    for procedure, stack, more in (("env", "dyniq-voice", {}), ("image", "other", {}), ("code", "dyniq-voice", {"practice": True})):
        folder = begin(tmp_path, procedure=procedure, stack=stack)
        folder.write_record({**folder.record(), "verdict": "succeeded", "changed": True, "healthy_seconds": 4.0, "practice": False, **more})
        seal(folder.path, tmp_path, folder.record())
    shown = start.history(str(STACK_FILE))
    data, said = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)"', shown._repr_html_())[0]
    assert said.startswith("how often each procedure was needed: env 1; times to healthy; medians: env 4.0 s; of 91 days")
    drawn = ElementTree.fromstring(base64.b64decode(data))
    within = [one for one in drawn if one.tag.endswith("svg")]
    assert len(within) == 3
    ends = [int(one.attrib["y"]) + int(one.attrib["height"]) for one in within]
    assert ends == sorted(ends)
    assert ends[-1] == int(drawn.attrib["viewBox"].split()[3])
    assert "Last practised on" in str(shown)


def test_a_page_about_all_stacks_asks_which_one_is_meant(root: Path) -> None:
    for part in (start.state, start.changes, start.at_work, start.procedures):
        assert "Choose a stack in the table above" in str(part(""))


def test_the_table_of_stacks_has_each_file_also_one_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "incidents"))
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    for folder in ("notebooks", "parameters", "incidents"):
        (tmp_path / folder).mkdir()
    shop = {"name": "shop", "host": "nowhere", "compose_directory": "/opt/shop"}
    shop["routes"] = [{"name": "web", "service": "web", "url": "http://127.0.0.1:9/"}]
    (tmp_path / "parameters" / "shop.yaml").write_text(yaml.safe_dump({"stack": shop}))
    (tmp_path / "parameters" / "wrong.yaml").write_text("stack: {name: wrong}\n")
    (tmp_path / "parameters" / "example.yaml").write_text("stack: {name: to-be-copied}\n")
    shown = str(start.stacks(""))
    assert "✘ Not healthy: shop (web)." in shown
    assert re.search(r"shop: \S+  ✘ no answer web +no rollback yet +▲ never run", shown)
    assert "✘ its file cannot be read: parameters/wrong.yaml: host: this key is missing; add it" in shown
    assert "to-be-copied" not in shown


def test_the_page_of_a_practice_host_asks_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "incidents"))
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    for folder in ("notebooks", "parameters", "incidents"):
        (tmp_path / folder).mkdir()
    for name, practice in (("drill", True), ("other-drill", True), ("production", False)):
        known = {"name": "shop", "host": "nowhere", "compose_directory": "/opt/shop", "practice": practice}
        known["routes"] = [{"name": "web", "service": "web", "url": "http://127.0.0.1:9/"}]
        (tmp_path / "parameters" / f"{name}.yaml").write_text(yaml.safe_dump({"stack": known}))
    assert "production" not in str(start.stacks("drill"))
    assert "other-drill" in str(start.stacks("drill"))
    assert "drill" in str(start.stacks("production"))
