"""The database rollback of MariaDB, on a practice host with a stack of its own (stacks/forum)."""

import json
from collections.abc import Iterator

import pytest

from lab import versions
from tests.acceptance.stacks.test_stacks import Made
from tests.machine import Done, Machine

TABLES = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema LIKE 'forum%' ORDER BY 1, 2"


class Forum(Made):
    """The stack, and what is in its database."""

    def sql(self, statement: str, database: str = "forum") -> str:
        """What root is answered, a row a line."""
        run = "docker exec -i forum-db-1 sh -c 'MYSQL_PWD=$(cat /run/secrets/root) exec mariadb -N -B \"$1\"' sh"
        return self.machine.ssh(f"{run} {database} <<'END'\n{statement}\nEND")

    def dump(self, file: str, *words: str) -> None:
        run = "docker exec forum-db-1 sh -c 'MYSQL_PWD=$(cat /run/secrets/root) exec mariadb-dump \"$@\"' sh"
        self.machine.ssh(f"{run} {' '.join(words) or 'forum'} >{file}")

    def databases(self) -> set[str]:
        return set(self.sql("SHOW DATABASES LIKE 'forum%'").split())

    def users(self) -> str:
        return self.sql("SELECT user, host FROM mysql.user ORDER BY 1, 2")

    def rows(self, database: str = "forum") -> list[str]:
        """A sum over each table but that of visits, which are written all the time."""
        return self.sql("CHECKSUM TABLE authors, posts; SHOW CREATE TABLE posts", database).replace(database, "forum").splitlines()

    def restored(self, *words: str) -> Done:
        return self._checked(self.machine.apply("-p", "accept_loss=true", *words, procedure="database", stack=self.file))


@pytest.fixture
def forum(clean: Machine) -> Iterator[Forum]:
    versions.bring(clean.host.container, "mariadb")
    yield Forum(clean, "forum")


def test_lost_rows_come_back_and_go_again(forum: Forum) -> None:
    good, users = forum.rows(), forum.users()
    forum.run("break-database")
    bad, last = forum.rows(), int(forum.sql("SELECT MAX(id) FROM visits"))
    assert not forum.healthy()
    done = forum.restored()
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    kept = f"forum__before_{done.record['incident']}"
    assert (forum.databases(), forum.users()) == ({"forum", kept}, users)
    assert (forum.rows(), forum.rows(kept), forum.healthy()) == (good, bad, True)
    assert int(forum.sql("INSERT INTO visits (at) VALUES (NOW()); SELECT MAX(id) FROM visits")) > last
    page = (done.folder / "notebook.html").read_text()
    assert "authors: 0 rows now, 3 rows in the backup" in page
    assert "MariaDB 11.8" in page

    undone = forum.undo(done)
    assert (undone.status, undone.record["verdict"]) == (0, "succeeded"), undone.out + undone.err
    assert forum.databases() == {"forum", f"forum__undone_{done.record['incident']}"}
    assert (forum.rows(), forum.healthy()) == (bad, False)
    again = forum.undo(undone)
    assert again.status == 0, again.out + again.err
    assert (forum.rows(), forum.healthy(), forum.databases()) == (good, True, {"forum", kept})
    json.loads(forum.machine.ssh("cat /var/lib/rollback/forum/restores.jsonl"))
