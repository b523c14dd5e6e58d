"""What the short look says of a database, and what it makes of the rows of readiness."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollback_lib.discovery import check
from rollback_lib.facts import backups, postgres
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row
from tests.builders.compose_host import server
from tests.builders.stack import STACK

VOICE = STACK.databases[0]


def backup(hours: float = 1.0, **changes: Any) -> backups.Backup:
    known = {"size": 10, "format": backups.PLAIN, "version": "17.1", "by": "17.1", "database": "", "whole": True, "wrong": ""}
    return backups.Backup("/backup/voice-1.sql", changed=datetime.now(UTC) - timedelta(hours=hours), **{**known, **changes})


def rows(found: postgres.Server | None, *newest: backups.Backup) -> list[tuple[str, str]]:
    made = [check._server(VOICE, found), check._backup(VOICE, list(newest))]
    assert all(row.do for row in made if row.level == RED)
    return [(row.level, row.found) for row in made]


@pytest.mark.parametrize(
    ("found", "level", "words"),
    [
        (server("dyniq"), GREEN, "dyniq is let in by voice-postgres-1, as a superuser; Postgres 17.0"),
        (server("other"), RED, "voice-postgres-1 has no database dyniq"),
        (server("dyniq", superuser=False), RED, "dyniq is no superuser in voice-postgres-1"),
        (None, RED, "voice-postgres-1 does not let dyniq in without a password, or does not run"),
    ],
)
def test_a_server_is_asked(found: postgres.Server | None, level: str, words: str) -> None:
    assert rows(found, backup())[0] == (level, words)


@pytest.mark.parametrize(
    ("newest", "level", "words"),
    [
        ({"hours": 1}, GREEN, "voice-1.sql, 1.0 h old; its end is there"),
        ({"hours": 1, "whole": None}, GREEN, "voice-1.sql, 1.0 h old; whether it is whole, only reading it tells"),
        ({"hours": 30}, AMBER, "voice-1.sql, 30.0 h old; its end is there"),
        ({"hours": 60}, RED, "voice-1.sql, 60.0 h old; its end is there"),
        ({"wrong": "it is empty"}, RED, "/backup/voice-1.sql: it is empty"),
    ],
)
def test_the_newest_backup_is_looked_at(newest: dict[str, Any], level: str, words: str) -> None:
    assert rows(server("dyniq"), backup(**newest))[1] == (level, words)


def test_where_there_is_no_backup_it_says_so() -> None:
    assert rows(server("dyniq"))[1] == (RED, "there is none by /backup/voice-*")


def test_one_red_row_is_enough() -> None:
    ready = check.Looked(STACK, (Row("a", GREEN, ""), Row("b", AMBER, "")))
    assert ready.ready
    assert not check.Looked(STACK, (*ready.rows, Row("c", RED, ""))).ready
    assert ready.data() == {"stack": "dyniq-voice", "host": "contabo", "ready": True, "rows": [row.__dict__ for row in ready.rows]}
