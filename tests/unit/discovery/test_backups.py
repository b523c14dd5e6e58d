"""Which dumps are backups of which database."""

import pytest

from rollback_lib.discovery import backups
from rollback_lib.facts.schedules import Dump


def dump(line: str, **paths: str) -> Dump:
    return Dump("/etc/cron.d/dump", "/usr/local/bin/dump", line, tuple(paths.items()))


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("0 3 * * * root docker exec db pg_dump -U a shop > /backup/shop-$(date +\\%Y\\%m\\%d).sql", "/backup/shop-*.sql"),
        ("pg_dump shop | gzip >/backup/shop-`date +%F`.sql.gz 2>/dev/null", "/backup/shop-*.sql.gz"),
        ('pg_dump -Fc -f "$DIR/shop-${NOW}.dump" shop', "/srv/dumps/shop-*.dump"),
        ("pg_dump --file=/backup/shop.sql shop", "/backup/shop.sql"),
        ("pg_dump shop > ${DIR}/$1.sql", "/srv/dumps/*.sql"),
        ("pg_dump shop | ssh other 'cat > shop.sql'", ""),
        ("PGPASSWORD=secret pg_dump shop >/dev/null", ""),
        ("pg_dumpall >/$(hostname)/all.sql", ""),
    ],
)
def test_a_line_tells_where_it_writes(line: str, pattern: str) -> None:
    assert backups.written_to(dump(line, DIR="/srv/dumps")) == pattern


def test_the_line_of_another_database_does_not_count() -> None:
    lines = [dump("pg_dump shop_archive >/backup/shop_archive-$(date +%F).sql"), dump("pg_dump shop >/backup/shop-$(date +%F).sql")]
    found = backups.pattern(["shop"], lines, [], ["shop_archive"])
    assert found == backups.Pattern("/backup/shop-*.sql", "written by /etc/cron.d/dump, in /usr/local/bin/dump")


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/backup/shop-20261129.sql", "/backup/shop-*"),
        ("/backup/2026-11-29_03-00-00_shop.sql.gz", "/backup/*_shop.sql.gz"),
        ("/backup/shop/daily-1764385200.dump", "/backup/shop/daily-*"),
        ("/backup/shop.sql", "/backup/shop.sql"),
        ("/backup/other-20261129.sql", None),
        ("/backup/workshop-20261129.sql", None),
        ("/backup/my shop/shop-1.sql", None),
    ],
)
def test_the_name_of_a_dump_tells_less(path: str, pattern: str | None) -> None:
    found = backups.pattern(["shop"], [], [path], ["other"])
    assert (found and found.pattern) == pattern
    assert found is None or found.guess
