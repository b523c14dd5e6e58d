"""The JSON schema of a stack file is that of the model, and every stack file of the project is valid by it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from rollback_lib.errors import ParameterError
from rollback_lib.settings import PROJECT
from rollback_lib.stack import schema
from rollback_lib.stack.model import Stack
from tests.builders.stack import STACK_FILE, content

FOLDER = PROJECT / "parameters"
FILES = [*sorted(FOLDER.glob("*.yaml")), STACK_FILE]


def wrong(stack: dict[str, Any]) -> list[str]:
    return [one.json_path for one in Draft202012Validator(schema.schema()).iter_errors({"stack": stack})]


def test_the_file_in_parameters_is_what_the_model_says() -> None:
    Draft202012Validator.check_schema(schema.schema())
    assert (FOLDER / schema.FILE).read_text() == schema.text(), "the model has changed since it was written: run `rollback docs`"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_stack_file_is_valid(file: Path) -> None:
    assert wrong(yaml.safe_load(file.read_text())["stack"]) == []


@pytest.mark.parametrize("file", FILES[:-1], ids=lambda file: file.name)
def test_every_stack_file_names_the_schema_in_its_first_line(file: Path) -> None:
    assert file.read_text().splitlines()[0] == schema.LINE


def test_every_key_of_the_model_is_in_it() -> None:
    known = schema.schema()["$defs"]
    assert set(known["Stack"]["properties"]) == set(Stack.model_fields)
    assert all(one["description"] for one in known["Stack"]["properties"].values())


@pytest.mark.parametrize(
    ("key", "value"),
    [("tree", 5), ("name", "Not A Name"), ("routes", []), ("health", {"passes": 0}), ("unheard", 1), ("required", ["sleep"])],
)
def test_what_it_refuses_the_model_refuses_too(key: str, value: object) -> None:
    assert wrong(content(**{key: value})) != []
    with pytest.raises(ParameterError, match=key):
        Stack.load(content(**{key: value}))


def test_it_is_written_once_and_again_where_it_is_another(tmp_path: Path) -> None:
    file = schema.put_beside(tmp_path)
    before = file.stat().st_mtime_ns
    assert schema.put_beside(tmp_path).stat().st_mtime_ns == before
    file.write_text("{}")
    assert schema.put_beside(tmp_path).read_text() == schema.text()
