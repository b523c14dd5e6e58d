"""The database rollback of MariaDB, on a practice host with a stack of its own (stacks/forum)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab import versions
from rollback_lib.errors import Refused
from rollback_lib.facts import backups
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.link import Link
from rollback_lib.procedures import database
from rollback_lib.procedures.database.kinds import Names
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Database, Stack
from tests.acceptance.stacks.test_stacks import Made
from tests.machine import Done, Machine

TABLES = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema LIKE 'forum%' ORDER BY 1, 2"

HOSTILE = (
    "/*!40000 DELETE FROM `forum`.`posts` */;",
    " USE `forum`; DROP TABLE posts;",
    "/*!40000 USE `forum` */; DELETE FROM posts;",
    "DROP TABLE forum.posts;",
    "RENAME TABLE forum.posts TO forum.gone;",
    "CREATE TABLE forum.more (id INT);",
    r"\! touch /tmp/escaped",
    r"\u forum",
    "SET PASSWORD FOR root@localhost = PASSWORD(0x78);",
    "DROP DATABASE forum;",
    "INSERT INTO mysql.db (Host, Db, User) VALUES (1, 1, 1);",
    "GRANT ALL ON *.* TO CURRENT_USER;",
)


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

    def section(self, **changes: object) -> Database:
        (found,) = Stack.load(str(self.file)).databases
        return found.model_copy(update=changes)

    @contextmanager
    def asked(self) -> Iterator[LiveHost]:
        link = Link.to(Stack.load(str(self.file)))
        try:
            yield LiveHost(link, Redactor(), Key())
        finally:
            link.close()

    def refused(self, target: str, **changes: object) -> str:
        """Why a rollback to that backup is refused."""
        stack = Stack.load(str(self.file)).model_copy(update={"databases": [self.section(**changes)]})
        with self.asked() as host, pytest.raises(Refused) as error:
            database.examine(host, database.document(host, stack), target)
        return str(error.value)


@pytest.fixture
def forum(clean: Machine) -> Forum:
    versions.bring(clean.host.container, "mariadb")
    return Forum(clean, "forum")


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


@pytest.mark.whole
def test_what_could_not_end_well_is_refused_and_nothing_is_touched(forum: Forum) -> None:
    """Dumps that are cut off, of another database, of several, with what does not move; a live database with such; and its users."""
    forum.dump("/backup/whole.sql")
    forum.sql("CREATE DATABASE other; CREATE TABLE other.things (id INT PRIMARY KEY); INSERT INTO other.things VALUES (1)")
    forum.sql("CREATE VIEW named AS SELECT name FROM authors; CREATE TRIGGER t BEFORE INSERT ON posts FOR EACH ROW SET NEW.text = 'x'")
    forum.dump("/backup/forum-fixed.sql")
    forum.sql("DROP TRIGGER t; DROP VIEW named")
    forum.dump("/backup/forum-other.sql", "other")
    forum.dump("/backup/forum-both.sql", "--databases", "forum", "other")
    forum.machine.ssh("""cd /backup; head -c -300 whole.sql >forum-cut.sql; gzip <whole.sql | head -c 900 >forum-cut.sql.gz
        : >forum-none.sql; cp $(ls voice-[0-9]*.sql | head -n 1) forum-postgres.sql
        sed 's/^-- Dump completed/USE `forum`;\\nDELETE FROM posts;\\n&/' whole.sql >forum-use.sql""")
    before = forum.rows(), forum.databases(), forum.users(), forum.sql(TABLES)
    for name, said in {
        "forum-cut.sql": "it is cut off", "forum-cut.sql.gz": "it is cut off", "forum-none.sql": "it is empty",
        "forum-fixed.sql": "triggers, procedures, functions or events and views", "forum-other.sql": "has none of the tables of forum",
        "forum-both.sql": "CREATE DATABASE, would lead out of the database", "forum-use.sql": "USE, would lead out of the database",
        "forum-gone.sql": "is among those of /backup/forum-*", "forum-postgres.sql": "it is a dump of Postgres",
    }.items():  # fmt: skip
        assert said in forum.refused(name)
    for made, said, gone in (
        ("CREATE VIEW named AS SELECT name FROM authors", "forum has 1 views", "DROP VIEW named"),
        ("CREATE TRIGGER t BEFORE INSERT ON posts FOR EACH ROW SET NEW.text = 'x'", "forum has 1 triggers", "DROP TRIGGER t"),
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM visits", "forum has 1 events", "DROP EVENT e"),
        ("CREATE FUNCTION f() RETURNS INT RETURN 1", "forum has 1 procedures and functions", "DROP FUNCTION f"),
        ("CREATE SEQUENCE s", "forum has 1 sequences and system-versioned tables", "DROP SEQUENCE s"),
        ("CREATE TABLE other.mine (id INT, FOREIGN KEY (id) REFERENCES forum.posts (id))", "foreign keys lead from forum to another",
         "DROP TABLE other.mine"),
        ("CREATE TABLE m (id INT) ENGINE=MEMORY", "tables of the storage engine MEMORY", "DROP TABLE m"),
    ):  # fmt: skip
        forum.sql(made)
        assert said in forum.refused("forum-1.sql")
        forum.sql(gone)
    assert (forum.rows(), forum.databases(), forum.users(), forum.sql(TABLES)) == before
    # A user who may not do it, and a password that is not the one of the container any more. This one goes the whole way.
    assert "does not let forum in" in forum.refused("forum-1.sql", user="forum")
    forum.sql("DROP DATABASE other; ALTER USER root@localhost IDENTIFIED BY 'another'")
    done = forum.restored()
    assert (done.status, done.record["verdict"]) == (3, "refused")
    assert "does not let root in" in done.record["reason"]


@pytest.mark.whole
def test_a_dump_that_would_write_elsewhere_cannot(forum: Forum) -> None:
    """Whatever a reader of dumps may miss: the server does not let the restore write to any other database."""
    users = forum.users()
    forum.dump("/backup/whole.sql")
    was = forum.rows(), forum.sql(TABLES)
    kind, names = database.kind_of(forum.section()), Names("forum", "forum__restore_abc123", "forum__before_abc123", "/tmp/oid")
    for line in HOSTILE:
        forum.machine.ssh(
            f"""cat >/tmp/line <<'END'\n{line}\nEND\nsed '/^UNLOCK TABLES;/r /tmp/line' /backup/whole.sql >/backup/forum-9.sql"""
        )
        with forum.asked() as host:
            (backup,) = host.ask(backups.listing("/backup/forum-9.sql")).result()
        forum.machine.ssh(kind.access.sql("CREATE DATABASE forum__restore_abc123").shell())
        ran = forum.machine.ssh(f"{kind.restore(None, backup, names, 'abc123').shell()} 2>&1 || echo failed", check=False)
        assert ran.endswith("failed"), (line, ran)
        forum.machine.ssh(kind.drop(names.restored).shell())
        assert (forum.rows(), forum.sql(TABLES), forum.users(), forum.databases()) == (*was, users, {"forum"}), line
    assert "escaped" not in forum.machine.ssh("docker exec forum-db-1 ls /tmp; ls /tmp")
    # A run that meets one leaves nothing, either.
    done = forum.restored("-p", "target=forum-9.sql")
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out + done.err
    assert (forum.rows(), forum.users(), forum.databases()) == (was[0], users, {"forum"})


@pytest.mark.whole
def test_a_dump_of_one_database_with_its_name_in_it_is_restored_beside(forum: Forum) -> None:
    """And readiness and triage know the kind: healthy but empty, then a restore for trial."""
    good = forum.rows()
    forum.dump("/backup/forum-2.sql", "--databases", "forum", "--add-drop-database")
    forum.machine.ssh("gzip /backup/forum-2.sql")
    forum.run("break-database")
    found = forum.look()
    assert (found["healthy"], "database" in found["fits"]) == (False, True), found
    done = forum.restored("-p", "target=forum-2.sql.gz")
    assert done.status == 0, done.out + done.err
    assert (forum.rows(), forum.healthy()) == (good, True)
    rows = {row["name"]: row for row in forum.apply("readiness").record["found"]["rows"]}
    assert rows["restore of forum"]["level"] == "green", rows
    assert "mariadb -u root -p" in rows["kept beside forum"]["do"]
    assert "__restore_" not in " ".join(forum.databases())


@pytest.mark.whole
def test_a_session_that_holds_the_tables_is_ended(forum: Forum) -> None:
    good = forum.rows()
    forum.run("break-database")
    bad = forum.rows()
    hold = "docker exec -i forum-db-1 sh -c 'MYSQL_PWD=$(cat /run/secrets/user) exec mariadb -u forum forum'"
    forum.machine.host.exec(f"(printf 'BEGIN; SELECT * FROM posts LIMIT 1; SELECT SLEEP(600);' | nohup {hold} >/dev/null 2>&1 &)")
    done = forum.restored()
    assert done.status == 0, done.out + done.err
    assert (forum.rows(), forum.healthy()) == (good, True)
    undone = forum.undo(done)
    assert (undone.status, forum.rows()) == (0, bad), undone.out + undone.err


@pytest.mark.whole
def test_a_swap_that_fails_changes_nothing(forum: Forum) -> None:
    """Somebody makes a trigger just when the restore is done: a table that has one does not move, so none does."""
    forum.run("break-database")
    bad = forum.rows()
    make = "MYSQL_PWD=\\$(cat /run/secrets/root) exec mariadb forum -e 'CREATE TRIGGER t BEFORE INSERT ON posts FOR EACH ROW SET @x = 1'"
    forum.machine.host.exec(f"""cat >/tmp/make <<'END'
until ls /var/lib/rollback/forum/jobs/*/prepare/exit; do sleep 0.02; done
docker exec forum-db-1 sh -c "{make}"
END
nohup sh /tmp/make >/dev/null 2>&1 &""")
    done = forum.restored()
    assert done.status in (3, 4), done.out + done.err
    assert "does not move with the tables, so nothing was moved" in done.out + done.err + done.record["reason"]
    assert (forum.rows(), forum.databases()) == (bad, {"forum"})


@pytest.mark.whole
def test_a_release_brings_its_database_back(forum: Forum) -> None:
    good = forum.rows()
    rows = {row["name"]: row for row in forum.apply("readiness").record["found"]["rows"]}
    assert (rows["known good"]["level"], rows["restore of forum"]["level"]) == ("green", "green"), rows
    forum.run("break-database")
    bad = forum.rows()
    done = forum.apply("release", databases="forum", accept_loss="true")
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert (forum.rows(), forum.healthy()) == (good, True)
    undone = forum.undo(done)
    assert (undone.status, forum.rows()) == (0, bad), undone.out + undone.err
