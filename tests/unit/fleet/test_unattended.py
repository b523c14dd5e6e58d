"""What an alert may begin without a person: what the stack file names, and never what loses data."""

from pathlib import Path

import pytest
import yaml

from rollback_lib.errors import ParameterError
from rollback_lib.fleet.unattended import unattended
from rollback_lib.settings import HOME_VARIABLE, PROJECT
from rollback_lib.stack.model import Stack

FILE = "parameters/a.yaml"


def content(*names: str) -> dict[str, dict[str, object]]:
    known = yaml.safe_load((PROJECT / "parameters" / "production.yaml").read_text())["stack"]
    return {"stack": {**known, "unattended": list(names)}}


@pytest.fixture
def runbooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for part in ("notebooks", "parameters"):
        (tmp_path / part).mkdir()
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return tmp_path


def test_only_what_the_stack_file_names_begins_without_a_person(runbooks: Path) -> None:
    (runbooks / FILE).write_text(yaml.safe_dump(content("code", "release")))
    assert unattended(FILE, "code", {"target": "abc"})
    assert unattended(FILE, "release", {})
    assert not unattended(FILE, "image", {})


def test_what_loses_data_waits_for_a_person(runbooks: Path) -> None:
    (runbooks / FILE).write_text(yaml.safe_dump(content("release")))
    assert not unattended(FILE, "release", {"databases": "restore"})
    assert not unattended(FILE, "release", {"accept_loss": "true"}), "nobody has accepted it"


def test_without_the_key_everything_waits_for_a_person() -> None:
    assert Stack.load("production").unattended == []


@pytest.mark.parametrize("name", ["database", "undo", "cod"])
def test_a_procedure_that_loses_data_or_is_none_is_refused_in_the_file(name: str) -> None:
    with pytest.raises(ParameterError, match=r"unattended\.0: input should be 'code', 'image'"):
        Stack.load(content(name)["stack"])
