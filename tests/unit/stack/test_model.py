"""Parameter files: right ones load, wrong ones are refused with file, key and expectation."""

from pathlib import Path

import pytest
import yaml

from rollback_lib.errors import ParameterError
from rollback_lib.settings import PROJECT
from rollback_lib.stack.model import Stack
from tests.builders.stack import content


@pytest.mark.parametrize("name", ["production", "drill"])
def test_a_name_a_path_and_a_mapping_give_the_same_stack(name: str) -> None:
    path = PROJECT / "parameters" / f"{name}.yaml"
    mapping = yaml.safe_load(path.read_text())["stack"]
    assert Stack.load(name) == Stack.load(str(path)) == Stack.load(mapping)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("tree", "opt/dyniq-voice", "tree: an absolute path"),
        ("tree", "/opt/$(reboot)", "tree: an absolute path"),
        ("tree", "/opt/../etc", "tree: an absolute path"),
        ("host", "contabo; reboot", "host: a text that matches"),
        ("host", "-oProxyCommand=reboot", "host: a text that matches"),
        ("name", "Voice Stack", "name: a text that matches"),
        ("code", {"service": "agents api"}, "code.service: a text that matches"),
        ("code", {}, "code: either a service is expected, or a list of services"),
        ("code", {"service": "a", "services": ["b"]}, "code: either a service is expected, or a list of services"),
        ("code", {"services": ["b", "b"]}, "code: either a service is expected, or a list of services, each once"),
        ("compose", {"project": "p", "files": []}, "compose.files: "),
        ("routes", [], "routes: "),
        ("routes", [{"name": "a", "service": "a", "url": "https://u:secret@x/"}], "routes.0.url: an http"),
        ("budgets", {"code": "soon"}, "budgets.code: "),
        ("healt", {}, "healt: this key is not known"),
    ],
)
def test_a_wrong_value_is_refused_and_named(key: str, value: object, said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Stack.load(content(**{key: value}))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "u:secret" not in str(caught.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    wrong = content()
    del wrong["compose_directory"]
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"stack": wrong}))
    with pytest.raises(ParameterError, match=r"mine\.yaml: compose_directory: this key is missing"):
        Stack.load(file)


@pytest.mark.parametrize(("text", "said"), [("stack: [", "line"), ("a: 1", "one top-level key"), ("", "one top-level key")])
def test_a_file_that_is_no_stack(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(ParameterError, match=said):
        Stack.load(file)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ParameterError, match="drill, example, production"):
        Stack.load("nonesuch")
