"""Dumps of mariadb-dump and mysqldump: told apart by their heads, and read to their ends."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.facts import backups, schema
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.backups.header import Header, read
from rollback_lib.facts.live import LiveHost
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from tests.builders.recorded import Here

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
HEAD = "-- Host: localhost    Database: shop\n-- ------\n-- Server version\t{}\n"
TABLE = "CREATE TABLE `a` (\n  `id` int(11) NOT NULL,\n  `b c` text,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\n"
COMMENTS = 60 * "--\n"
END = "-- Dump completed on 2026-01-02  3:04:05\n"
ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", '"': '\\"'}


def found(path: Path) -> Contents:
    backup = Backup(str(path), 1, NOW, backups.PLAIN, "11.8.9", "", "", True, "", of="MariaDB")
    return LiveHost(Here(), Redactor(), Key()).ask(backups.of_mysqldump(backup)).result()


@pytest.mark.parametrize(
    ("first", "server", "header"),
    [
        ("-- MariaDB dump 10.20-11.8.9-MariaDB, for debian-linux-gnu (x86_64)", "11.8.9-MariaDB-0+deb13u1 from Debian",
         Header("11.8.9", "11.8.9", "shop", of="MariaDB")),
        ("-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)", "10.11.6-MariaDB-1",
         Header("10.11.6", "10.11.6", "shop", of="MariaDB")),
        ("-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)", "8.0.36", Header("8.0.36", "8.0.36", "shop", of="MySQL")),
    ],
)  # fmt: skip
def test_the_head_says_of_which_server_a_dump_is(first: str, server: str, header: Header) -> None:
    start = f"/*!999999\\- enable the sandbox mode */ \n{first}\n--\n{HEAD.format(server)}"
    assert read(backups.PLAIN, start.encode()) == header


values = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20), min_size=1, max_size=6)


@given(values, st.booleans())
def test_rows_are_counted_whatever_they_are(tmp_path_factory: pytest.TempPathFactory, texts: list[str], one_a_line: bool) -> None:
    rows = [f"({number},'{''.join(ESCAPES.get(char, char) for char in text)}')" for number, text in enumerate(texts)]
    data = "INSERT INTO `a` VALUES" + ("\n" + ",\n".join(rows) if one_a_line else " " + ",".join(rows)) + ";\n"
    file = tmp_path_factory.mktemp("dump") / "dump.sql"
    file.write_text(f"{TABLE}CREATE TABLE `n``one` (\n  `id` int\n);\n{data}{data}{END}", newline="")
    assert found(file) == Contents({"a": 2 * len(texts), "n`one": 0}, len(file.read_bytes()), "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE, "its last line is not there"),
        (f"{TABLE}{END}{TABLE}", "its last line is not there"),
        (END, "it has no table"),
        (f"CREATE DATABASE `shop`;\nUSE `shop`;\n{TABLE}{END}", ""),
        (f"USE `shop`;\n{TABLE}USE `other`;\n{END}", "line 7 of it, USE, would lead out of the database"),
        (f"{TABLE}{COMMENTS}USE `shop`;\n{END}", "line 66 of it, USE, would lead out"),
        (f"{TABLE}\\! touch x\n{END}", "would lead out of the database"),
        (f"CHANGE MASTER TO MASTER_LOG_FILE='x';\n{TABLE}{END}", "line 1 of it, CHANGE MASTER, would lead out"),
        (f"SET @@GLOBAL.GTID_PURGED='x';\n{TABLE}{END}", "line 1 of it, SET @@GLOBAL"),
        (f"{TABLE}DELIMITER ;;\n{END}", "it has triggers, procedures, functions or events, which do not move"),
        (f"{TABLE}/*!50001 CREATE VIEW `v` AS SELECT\n 1 AS `id` */;\n{END}", "it has views, which do not move"),
        (f"{TABLE}CREATE SEQUENCE `s` start with 1;\n{END}", "it has sequences and system-versioned tables"),
        (f"{TABLE}INSERT INTO `a` VALUES (1,'USE `x`;\\nUSE `y`; (');\n{END}", ""),
    ],
)  # fmt: skip
def test_what_would_lead_out_of_the_database_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "dump.sql"
    file.write_text(text)
    wrong = found(file).wrong
    assert said in wrong
    assert bool(said) == bool(wrong)


def test_triage_reads_tables_between_the_data_and_leaves_out_what_is_cut_off(tmp_path: Path) -> None:
    data = "INSERT INTO `a` VALUES\n(1,'x');\n"
    (tmp_path / "shop-1.sql").write_text(f"{TABLE}{data}{TABLE.replace('`a`', '`z`')}{END}")
    (tmp_path / "shop-2.sql").write_text(f"{TABLE}{data}")
    (one,) = LiveHost(Here(), Redactor(), Key()).ask(schema.of_mysqldumps(f"{tmp_path}/shop-*")).result()
    assert (dict(one.tables), one.path) == ({"a": {"id", "b c"}, "z": {"id", "b c"}}, f"{tmp_path}/shop-1.sql")
