"""What compose says of its files, as it is read; values only ever as secrets."""

import json

import pytest

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import Refused
from rollback_lib.facts import compose
from rollback_lib.secrets.secret import Secret

WAY = Compose("/opt/x", ("/opt/x/a.yml", "/opt/x/b.yml"), "x", ("/etc/x.env",))
CONFIG = json.dumps(
    {
        "name": "x",
        "services": {
            "api": {"image": "ghcr.io/x/api:1@sha256:ab", "environment": {"A": "pa$$ss", "B": None}},
            "db": {"image": "postgres:17"},
            "built": {"build": {"context": "."}},
        },
    }
)


def test_it_is_called_as_the_container_was_started() -> None:
    assert str(WAY.command("ps")) == "env -C /opt/x docker compose -p x -f /opt/x/a.yml -f /opt/x/b.yml --env-file /etc/x.env ps"
    assert WAY.variables == "/etc/x.env"
    assert Compose("/opt/x", ("/opt/x/a.yml",)).variables == "/opt/x/.env"
    moved = WAY.moved("/opt/x", "/tmp/copy")
    assert (moved.directory, moved.files, moved.env_files) == ("/tmp/copy", ("/tmp/copy/a.yml", "/tmp/copy/b.yml"), ("/etc/x.env",))


@pytest.mark.parametrize(("service", "name"), [("api", "ghcr.io/x/api:1@sha256:ab"), ("db", "postgres:17"), ("built", "x-built")])
def test_the_image_of_a_service_and_not_of_what_it_depends_on(service: str, name: str) -> None:
    assert str(compose.image(WAY, service).read(CONFIG)) == name


def test_a_service_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refused, match="have no service 'nobody'"):
        compose.image(WAY, "nobody").read(CONFIG)


def test_dollar_signs_are_as_the_container_gets_them_and_unset_variables_are_none() -> None:
    assert compose.services(CONFIG)["api"].environment == {"A": Secret("pa$ss")}


def test_readers_are_known_by_the_path_of_the_file() -> None:
    raw = {"services": {"api": {"image": "a", "env_file": [{"path": "/opt/x/.env", "required": True}]}, "b": {"env_file": ["/o"]}, "c": {}}}
    found = compose.written(WAY).read(json.dumps(raw))
    assert {name: one.env_files for name, one in found.items()} == {"api": ("/opt/x/.env",), "b": ("/o",), "c": ()}


def test_the_content_that_compose_is_to_read_is_in_no_command() -> None:
    readers = {"api": compose.Written("a", ("/opt/x/.env",), Secret('{"env_file": ["/opt/x/.env"], "environment": {"K": "in-the-files"}}'))}
    fact = compose.meant_with(WAY, readers, "/opt/x/.env", Secret("A=in-the-content\n"))
    assert fact.input is not None
    assert fact.input.reveal().startswith(b"A=in-the-content\n")
    assert not any(word in str(fact.commands[0]) for word in ("in-the-content", "in-the-files"))
    assert "/dev/shm/rollback-" in str(fact.commands[0])
