"""The database procedure for MariaDB: what is refused, and what the plan says."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from rollback_lib.commands.mariadb import CLIENT
from rollback_lib.errors import Refused
from rollback_lib.facts import mariadb
from rollback_lib.procedures import database
from rollback_lib.stack.model import Database
from tests.builders.stack import STACK
from tests.unit.procedures import test_database

SHOP = STACK.databases[0].model_copy(update={"kind": "mariadb", "user": "root", "database": "my-shop"})


def live(**changes: object) -> mariadb.Database:
    known = {"name": "my-shop", "oid": 7, "size": 10_000_000, "charset": "utf8mb4", "collation": "utf8mb4_bin", "engines": ("InnoDB",)}
    return mariadb.Database(**{**known, **changes})


def server(*, flavour: str = "MariaDB", version: str = "11.8.9", superuser: bool = True, **changes: object) -> mariadb.Server:
    return mariadb.Server(flavour, version, superuser, {"my-shop": live(**changes)})


def state(**changes: object) -> database.State:
    dump = test_database.backup("shop-1.sql", 1, version="11.8.2", by="11.8.2", of="MariaDB")
    known = {"section": SHOP, "server": server(), "content": test_database.content(test_database.table("calls", 20)), "backups": [dump]}
    return test_database.state(**{**known, "client": "11.8.9", **changes})


def target(now: database.State) -> database.Target:
    return test_database.target(now, rows={"calls": 12})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"container": None}, "there is no container"),
        ({"server": None}, "does not let root in, or does not run. Root's password is taken from MARIADB_ROOT_PASSWORD"),
        ({"server": server(superuser=False)}, "may not do what is needed"),
        ({"server": server(version="10.5.29")}, r"MariaDB 10\.5\.29 .* may move only some of the tables .* 10\.6 or later"),
        ({"server": server(flavour="MySQL", version="5.7.44")}, r"MySQL 8\.0 or later is needed"),
        ({"server": replace(server(), databases={})}, "there is no database my-shop"),
        ({"server": server(fixed=(("views", 2), ("triggers", 1)))}, "my-shop has 2 views and 1 triggers, which do not move"),
        ({"server": server(across=("fk",))}, r"foreign keys lead from my-shop to another database or back \(fk\)"),
        ({"server": server(engines=("InnoDB", "MEMORY"))}, "tables of the storage engine MEMORY"),
        ({"server": server(flavour="MySQL", version="8.4.1", engines=("InnoDB", "MyISAM"))}, "tables of the storage engine MyISAM"),
        ({"server": server(engines=("Aria",), oid=0)}, "has no table of InnoDB"),
    ],
)
def test_what_could_not_end_well_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        database.kind_of(SHOP).usable(state(**changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "12.0.1"}, "it was made of a newer server, 12.0.1, than the one here, 11.8.9"),
        ({"of": "MySQL", "version": "8.4.1"}, "it is a dump of MySQL, and the server here is MariaDB"),
        ({"of": "Postgres", "version": "17.1"}, "it is a dump of Postgres, and the server here is MariaDB"),
    ],
)
def test_a_dump_of_another_server_is_refused(changes: dict[str, str], said: str) -> None:
    now = state()
    (candidate,) = database.candidates(replace(now, backups=[replace(now.backups[0], **changes)]))
    assert candidate.wrong == said


def test_the_plan_says_what_cannot_be_done_and_holds_no_password() -> None:
    now = state()
    plan = database.plan(now, target(now), incident="i1")
    assert ("database", "my-shop in voice-postgres-1, 10 MB, MariaDB 11.8.9") in plan.facts
    assert any(note.startswith("A database cannot be renamed here: its tables move by one statement") for note in plan.notes)
    assert "CREATE DATABASE `my-shop__restore_i1` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" in str(plan.create.commands[2])
    assert "my@002dshop__restore_i1" in str(plan.prepare.commands[0])
    assert plan.loses == ("calls: 20 rows now, 12 rows in the backup",)
    swap, back = plan.swap.commands[1].argv, plan.undo[0].commands[0].argv
    assert swap[-5:] == ("root", "my-shop", "my-shop__before_i1", "my-shop__restore_i1", "yes")
    assert back[-5:] == ("root", "my-shop", "my-shop__undone_i1", "my-shop__before_i1", "no")
    # The password goes from the container's environment to the client's, and never through an argument.
    assert CLIENT.count("$password") == 2
    assert '-p"' not in plan.shell()


def test_a_database_of_mariadb_has_a_name_of_ascii_characters() -> None:
    with pytest.raises(ValidationError, match="database: a name of ASCII characters is expected for mariadb"):
        Database.model_validate({**SHOP.model_dump(), "database": "größe"})
