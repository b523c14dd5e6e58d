"""A stack file is whole or not there, and takes no other's place."""

from pathlib import Path

import pytest

from rollback_lib.discovery import place
from rollback_lib.errors import ParameterError
from rollback_lib.stack import schema


def test_it_is_written_with_the_schema_beside_it(tmp_path: Path) -> None:
    file = place.free(tmp_path, "shop")
    place.put(file, "stack: {}\n")
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"shop.yaml": "stack: {}\n", schema.FILE: schema.text()}


def test_one_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("mine\n")
    with pytest.raises(ParameterError, match=r"shop.yaml is there, and is not overwritten; give another name with --name"):
        place.free(tmp_path, "shop")
    with pytest.raises(ParameterError, match="is not overwritten"):  # it came meanwhile
        place.put(file, "ours\n")
    assert file.read_text() == "mine\n"
    assert {one.name for one in tmp_path.iterdir()} == {"shop.yaml", schema.FILE}


def test_a_link_that_leads_nowhere_is_there_too(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ParameterError, match="is not overwritten"):
        place.free(tmp_path, "shop")


@pytest.mark.parametrize("name", ["", "Shop", "a/b", "../a", "a b", "-a", "a" * 64])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParameterError, match="a name of small letters"):
        place.free(tmp_path, name)


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rollback_lib.discovery.place.os.fsync", full)
    with pytest.raises(ParameterError, match="cannot be written \\(No space left on device\\)"):
        place.put(tmp_path / "shop.yaml", "stack: {}\n")
    assert [one.name for one in tmp_path.iterdir()] == [schema.FILE]
    with pytest.raises(ParameterError, match="there is no folder"):
        place.free(tmp_path / "parameters", "shop")
