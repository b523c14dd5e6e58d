"""Which versions of stores read which files."""

import pytest

from rollback_lib.commands.stores import STORES, store_of, version

KIND = {one.name: one for one in STORES}


@pytest.mark.parametrize(
    ("store", "carried", "held", "reads"),
    [
        ("Postgres", "17.2", "17", True), ("Postgres", "16.9", "17", False), ("Postgres", "18", "17", False),
        ("Postgres", "9.6", "9.5", False), ("Postgres", "9.6.3", "9.6", True), ("Postgres", "", "17", True),
        ("MariaDB", "10.11.6", "10.11.9-MariaDB", True), ("MariaDB", "11.4.2", "10.11.6", True), ("MariaDB", "10.11", "11.4.2", False),
        ("MySQL", "8.0.35", "8.0.36", False), ("MySQL", "8.0.36", "8.0.35", True), ("MySQL", "8.4.1", "8.4.2", True),
        ("MySQL", "8.0.36", "8.4.0", False), ("MySQL", "8.4.0", "8.0.36", True), ("MongoDB", "7.0.2", "8.0.1", False),
    ],
)  # fmt: skip
def test_a_version_reads_what_its_own_kind_of_store_wrote(store: str, carried: str, held: str, reads: bool) -> None:
    assert KIND[store].reads(version(carried), version(held)) is reads


@pytest.mark.parametrize(
    ("head", "carried", "reads"),
    [("REDIS0011\xfa", "7.0.15", False), ("REDIS0010", "7.0.15", True), ("REDIS0009", "6.2", True), ("REDIS0099", "6.2", True),
     ("hello", "6.2", True)],
)  # fmt: skip
def test_a_snapshot_of_redis_names_the_oldest_release_that_reads_it(head: str, carried: str, reads: bool) -> None:
    redis = KIND["Redis"]
    assert redis.reads(version(carried), redis.read(head)) is reads


@pytest.mark.parametrize(
    ("environment", "image", "found"),
    [
        ({"PG_MAJOR": "17", "PG_VERSION": "17.2-1.pgdg120+1"}, "postgres:latest", ("Postgres", (17,))),
        ({"MARIADB_VERSION": "1:11.4.2+maria~ubu2404"}, "mariadb", ("MariaDB", (11, 4, 2))),
        ({}, "pgvector/pgvector:0.8.0-pg16", ("Postgres", (16,))), ({}, "postgis/postgis:16-3.4", ("Postgres", (16,))),
        ({}, "ghcr.io/x/timescaledb-ha:pg15.4", ("Postgres", (15,))), ({}, "mysql:8.0", ("MySQL", (8, 0))),
        ({}, "postgres", ("Postgres", ())), ({}, "mongo-express:1.0", None), ({}, "bitnami/redis-exporter:1", None), ({}, "caddy:2", None),
    ],
)  # fmt: skip
def test_an_image_tells_its_version_by_its_variables_or_its_tag(environment: dict, image: str, found: tuple | None) -> None:
    store = store_of(environment, image)
    assert (store and (store.name, store.carried(environment, image))) == found


def test_every_kind_reads_what_its_files_say() -> None:
    assert KIND["Postgres"].read("17\n") == (17,)
    assert KIND["MariaDB"].read("11.8.3-MariaDB") == (11, 8, 3)
