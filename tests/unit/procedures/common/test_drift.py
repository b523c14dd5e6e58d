"""Drift: what containers have and the compose files do not give."""

from rollback_lib.procedures.common import drift
from rollback_lib.secrets.secret import Secret
from tests.builders.containers import container, service

A, B = Secret(b"1"), Secret(b"2")


def found(images: dict[str, dict[str, Secret]], **given: Secret) -> tuple[str, ...]:
    mine = container(environment={"PATH": A, "MODE": B})
    return drift.of_service([mine], service(mine.image_name, environment=given), images)


def test_what_neither_the_image_nor_a_file_sets_would_be_lost() -> None:
    image = container().image
    assert found({image: {"PATH": A}}, MODE=B) == ()
    assert found({image: {}}, MODE=B) == ("docker-agents-api-1 has the variables PATH, which no file sets: a new container would not",)
    assert found({image: {"PATH": A}}, MODE=A) == ("docker-agents-api-1 has other values of MODE than the files give",)


def test_of_an_unknown_image_the_rest_may_come_from_it() -> None:
    assert found({}, MODE=B) == ()
    assert found({}, MODE=A) == ("docker-agents-api-1 has other values of MODE than the files give",)
    assert found({}, MODE=B, NEW=A) == ("docker-agents-api-1 does not have NEW, which the files give",)
