"""`rollback init HOST` and `rollback check`: what is refused before a host is contacted, and what is written."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rollback_lib.cli import main
from rollback_lib.discovery import check
from rollback_lib.errors import ConnectionRefused
from rollback_lib.facts import live
from rollback_lib.host import link
from rollback_lib.procedures.common.rows import GREEN, RED, Row
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack
from tests.builders.stack import STACK_FILE
from tests.builders.told import Told
from tests.unit.discovery.test_stack_file import practice_host, shop, told_of_shop


class Linked:
    """A link to the host that is told; `contacted` are the aliases that were."""

    contacted: ClassVar[list[tuple[str, bool]]] = []
    told: Told

    def __init__(self, alias: str, *_: object, sudo: bool = False) -> None:
        self.contacted.append((alias, sudo))

    @classmethod
    def to(cls, stack: Stack) -> "Linked":
        return cls(stack.host)

    def close(self) -> None: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of stack files, in a runbook folder of its own; the hosts are told."""
    monkeypatch.setenv("ROLLBACK_HOME", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(link, "Link", Linked)
    monkeypatch.setattr(live, "LiveHost", lambda *_: Linked.told)
    monkeypatch.setattr(Linked, "contacted", [])
    monkeypatch.setattr(check, "look", lambda _, stack: check.Looked(stack, (Row("host", GREEN, "was reached"),)))
    (tmp_path / "parameters").mkdir()
    return tmp_path / "parameters"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["root@1.2.3.4"], "'root@1.2.3.4': an alias of your OpenSSH configuration is expected"),
        (["contabo", "--ssh-config", "/nowhere"], "--ssh-config /nowhere: there is no such file"),
        (["contabo", "--name", "Shop"], "--name 'Shop': a name of small letters"),
        (["contabo", "--name", "taken"], "taken.yaml is there, and is not overwritten"),
    ],
)
def test_bad_words_contact_nobody(folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "taken.yaml").write_text("mine\n")
    assert main(["init", *words]) == 2
    assert said in capsys.readouterr().err
    assert Linked.contacted == []
    assert [(one.name, one.read_text()) for one in folder.iterdir()] == [("taken.yaml", "mine\n")]


def test_the_file_is_written_and_looked_at(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Linked.told = practice_host()
    monkeypatch.setattr("rollback_lib.procedures.common.known_secrets.known", lambda *_: {})
    monkeypatch.setattr("rollback_lib.facts.account.account", lambda _: _account())
    assert main(["init", "contabo", "--project", "docker"]) == 0
    assert Stack.load("dyniq-voice").host == "contabo"
    said = capsys.readouterr().out
    assert f"{folder / 'dyniq-voice.yaml'} was written" in said
    assert "dyniq-voice on contabo: ready to plan" in said


def _account() -> Any:
    from rollback_lib.facts.account import Account
    from rollback_lib.facts.fact import Fact

    return Fact((), lambda _: Account("root", "/var/lib/rollback/x", ""))


def test_several_projects_are_listed_where_nobody_can_be_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Linked.told = practice_host()
    assert main(["init", "contabo"]) == 3
    assert "there are 6 compose projects on contabo; say which one is meant with --project NAME: docker in" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_a_person_chooses_by_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rollback_lib.cli import discover

    said = iter(["", "9", "x", "2"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: next(said))
    from rollback_lib.discovery.project import Offer

    assert discover._asked([Offer("a", ("/a",), ("x",)), Offer("b", ("/b",), ("y",))], "h") == "b"


def test_an_incomplete_file_is_written_and_what_is_missing_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Linked.told = told_of_shop(shop(ports={}))
    assert main(["init", "shop-1"]) == 7
    said = capsys.readouterr().out
    assert "shop.yaml: routes: this key is missing; add it" in said
    assert "`rollback check --stack shop`" in said
    assert "# not found: routes" in (folder / "shop.yaml").read_text()


def test_a_host_that_is_not_reached_leaves_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ConnectionRefused("shop-1 cannot be reached")

    monkeypatch.setattr(link, "Link", refused)
    assert main(["init", "shop-1"]) == 3
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("level", "status"), [(GREEN, 0), (RED, 7)])
def test_check_says_how_it_is_and_in_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], level: str, status: int
) -> None:
    Linked.told = Told()
    monkeypatch.setattr("rollback_lib.procedures.common.known_secrets.known", lambda *_: {"env:TOKEN": Secret("a-secret-of-the-host")})
    monkeypatch.setattr("rollback_lib.facts.account.account", lambda _: _account())
    row = Row("route api", level, "401: a-secret-of-the-host", "" if level == GREEN else "find out why")
    monkeypatch.setattr(check, "look", lambda _, stack: check.Looked(stack, (row,)))
    assert main(["check", "--stack", str(STACK_FILE)]) == status
    plain = capsys.readouterr().out
    assert ("→ find out why" in plain) == (status == 7)
    assert main(["check", "--stack", str(STACK_FILE), "--json"]) == status
    out = capsys.readouterr().out
    assert json.loads(out)["ready"] == (status == 0)
    assert "a-secret-of-the-host" not in plain + out
