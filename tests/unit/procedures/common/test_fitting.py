"""Images are compared with the files of the services that they are to start."""

import subprocess
from pathlib import Path

import pytest

from rollback_lib.errors import TargetRefused
from rollback_lib.facts.docker import Mount
from rollback_lib.procedures.common import fitting
from rollback_lib.secrets.secret import Secret
from tests.builders.containers import container
from tests.builders.told import Told

DATA = (Mount("data", "/var/lib/postgresql/data"),)
UPLOADS = (Mount("uploads", "/srv/uploads"),)
OLD = {"db": fitting.Start("sha256:2", "postgres:17")}


def database(**changes: object) -> object:
    known = {"image_name": "postgres:18", "volumes": DATA, "environment": {"PG_MAJOR": Secret("18")}}
    return container("db", **{**known, **changes})


def test_an_image_is_refused_if_it_cannot_read_the_files_that_are_there() -> None:
    host = Told(("docker cp", "18\n"), ("image inspect", '["PATH=/bin","PG_MAJOR=17"]'))
    with pytest.raises(TargetRefused, match="db would start Postgres 17 on the files of Postgres 18, which it cannot read; choose"):
        fitting.refuse(host, fitting.files(host, [database()]), OLD)


def test_the_files_count_and_not_what_was_deployed_onto_them() -> None:
    """Postgres 18 was deployed onto the files of 17, and cannot start: the way back to 17 is open."""
    host = Told(("docker cp", "17\n"), ("image inspect", '["PG_MAJOR=17"]'))
    assert fitting.misfits(host, fitting.files(host, [database(state="restarting")]), OLD) == []


def test_an_image_that_is_not_on_the_host_is_known_by_its_tag() -> None:
    host = Told(("docker cp", "18\n"))
    (found,) = fitting.misfits(host, fitting.files(host, [database()]), {"db": fitting.Start("", "postgres:17.2-alpine")})
    assert found.carried == (17, 2)


@pytest.mark.parametrize("one", [container(volumes=UPLOADS), database(volumes=())])
def test_nothing_is_asked_of_a_service_that_is_no_store_or_keeps_no_files(one: object) -> None:
    host = Told()
    assert fitting.files(host, [one, None]) == {}
    assert host.asked == []


def test_an_application_with_a_client_of_postgres_in_its_image_has_no_files_of_it() -> None:
    host = Told(("docker cp", ""))
    app = container("app", image_name="shop/app:2", volumes=UPLOADS, environment={"PG_MAJOR": Secret("17")})
    assert fitting.files(host, [app]) == {}


def test_a_server_that_runs_can_read_its_files_where_these_say_nothing() -> None:
    mongo = container("db", image_name="mongo:8", volumes=(Mount("db", "/data/db"),), environment={"MONGO_VERSION": Secret("8.0.4")})
    host = Told(("image inspect", '["MONGO_VERSION=7.0.2"]'))
    files = fitting.files(host, [mongo])
    assert [one.words for one in fitting.misfits(host, files, OLD)] == [
        "db would start MongoDB 7.0.2 on the files of MongoDB 8.0, which it cannot read"
    ]


@pytest.mark.parametrize(
    ("wrote", "exact", "said", "ends"),
    [("17", "yes", "PG_MAJOR=17", 0), ("17", "yes", "PG_MAJOR=16", 1), ("17", "yes", "PG_MAJOR=18", 1), ("17", "yes", "PATH=/bin", 0),
     ("11.4", "no", "PG_MAJOR=1:10.11.6+maria", 1), ("10.11", "no", "PG_MAJOR=1:11.4.2+maria", 0), ("8.0.36", "no", "PG_MAJOR=8.0.35-1", 1),
     ("8.0.36", "no", "PG_MAJOR=8.4", 0), ("9.6", "yes", "PG_MAJOR=9.6", 0), ("9.6", "yes", "PG_MAJOR=10", 1)],
)  # fmt: skip
def test_the_host_compares_an_image_that_was_just_pulled(tmp_path: Path, wrote: str, exact: str, said: str, ends: int) -> None:
    """As `Store.reads` does, in the shell of the host."""
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho HOME=/; echo {said}\n")
    docker.chmod(0o755)
    argv = ["sh", "-euc", fitting._CHECK, "sh", "image", "db", "Postgres", wrote, exact, "PG_MAJOR", "PG_VERSION"]
    done = subprocess.run(argv, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.returncode == ends, done.stderr
    assert ("which it cannot read" in done.stderr) == bool(ends)
