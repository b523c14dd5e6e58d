"""The database rollback on the practice host: what is in the databases before and after, and what a client meets meanwhile."""

import json
import re
from pathlib import Path

import pytest

from lab.writer import Writer, interruption
from tests.acceptance.databases import ACCEPT, ODD, content, databases, run, sql
from tests.faults import FAULTS, power_cut
from tests.machine import Machine
from tests.marks import whole


@pytest.mark.quiet
def test_from_broken_to_healthy_and_back_while_a_client_writes(migrated: Machine) -> None:
    day = migrated.backup_day()
    # What is kept beside the tables, and in no dump of one database.
    sql(migrated, """CREATE ROLE reader; CREATE ROLE "odd role";
        ALTER DATABASE dyniq SET work_mem = '5MB'; ALTER DATABASE dyniq SET search_path = "odd schema", public;
        ALTER ROLE reader IN DATABASE dyniq SET statement_timeout = '7s'; ALTER DATABASE dyniq SET app.greeting = 'it''s a\\b';
        GRANT CONNECT ON DATABASE dyniq TO "odd role" WITH GRANT OPTION; REVOKE TEMPORARY ON DATABASE dyniq FROM PUBLIC;
        ALTER DATABASE dyniq CONNECTION LIMIT 77; COMMENT ON DATABASE dyniq IS 'it''s the \\ voice';
        CREATE EXTENSION pg_trgm SCHEMA pg_catalog""")  # fmt: skip
    beside = """SELECT datconnlimit, datacl, shobj_description(oid, 'pg_database'), datdba, datcollate, encoding,
        (SELECT array_agg((setrole, setconfig)::text ORDER BY 1) FROM pg_db_role_setting WHERE setdatabase = pg_database.oid)
        FROM pg_database WHERE datname = 'dyniq'"""
    before, agents = sql(migrated, beside), migrated.container()["Id"]
    last_call = int(sql(migrated, "SELECT max(id) FROM calls"))

    with Writer(migrated.host) as writer:
        done = run(migrated, "--on-failure", "undo")

    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    kept = f"dyniq__before_{done.record['incident']}"
    assert databases(migrated) == {"postgres", "dyniq", kept}
    assert migrated.health()[0] == 200
    assert sql(migrated, beside) == before
    assert "pg_trgm" in sql(migrated, "SELECT string_agg(extname, ',') FROM pg_extension")
    # The client was cut off for less than a second, and what was acknowledged to it before the swap is in the kept database.
    assert interruption(writer.writes) <= 1.0, interruption(writer.writes)
    old = set(map(int, sql(migrated, "SELECT detail->>'n' FROM events WHERE kind = 'lab-writer'", kept).split()))
    new = set(map(int, sql(migrated, "SELECT detail->>'n' FROM events WHERE kind = 'lab-writer'").split()))
    acknowledged = {write.number for write in writer.writes}
    assert acknowledged <= old | new
    assert len((old | new) - acknowledged) <= 1  # one may have been written, and cut off before it was told so
    assert max(old) < min(new)
    # Rows are the backup's; sequences go on where the old database was.
    assert sql(migrated, "SELECT count(*) FROM agents") == "12"
    assert f"{2300:,}" in (done.folder / "notebook.html").read_text()
    assert int(sql(migrated, "INSERT INTO calls (agent_id, started_at, seconds) VALUES (1, now(), 1) RETURNING id")) == last_call + 1
    assert migrated.container()["Id"] == agents  # it connected again by itself
    assert [event["by"] for event in done.events if event["event"] == "accepted"] == ["parameter"]
    ledger = json.loads(migrated.ssh("cat /var/lib/rollback/dyniq-voice/restores.jsonl"))
    assert ledger["path"] == f"/backup/voice-{day}.sql"

    # The way back, by hand, from the record alone; what was restored is kept, too. Twice is as good as once.
    for _ in range(2):
        migrated.ssh((done.folder / "undo.sh").read_text())
        assert databases(migrated) == {"postgres", "dyniq", f"dyniq__undone_{done.record['incident']}"}
    assert "assistants" in sql(migrated, "SELECT string_agg(relname, ',') FROM pg_class WHERE relkind = 'r'")
    assert sql(migrated, beside) == before
    planned = migrated.rollback("-p", "database=voice", procedure="database")
    assert "restored here" in (planned.folder / "notebook.html").read_text()


def test_plan_mode_changes_nothing_and_says_what_would_be_lost(migrated: Machine) -> None:
    before, was = migrated.listing(), content(migrated)
    oids = sql(migrated, "SELECT oid, datname FROM pg_database", "postgres")
    done = migrated.rollback("-p", "database=voice", procedure="database")
    assert (done.status, done.record["verdict"]) == (0, "planned")
    assert (migrated.listing(), content(migrated)) == (before, was)
    assert sql(migrated, "SELECT oid, datname FROM pg_database", "postgres") == oids
    page = (done.folder / "notebook.html").read_text()
    assert "public.assistants: 12 rows now, not there in the backup" in page
    assert "public.calls: 2,325 rows now, 2,300 rows in the backup" in page


def test_without_acceptance_nothing_is_swapped_and_nothing_stays(migrated: Machine, tmp_path: Path) -> None:
    was, logins = content(migrated), migrated.logins()
    done = migrated.apply("-p", "database=voice", procedure="database")
    assert (done.status, done.folder, migrated.logins()) == (2, None, logins)
    assert "-p accept_loss=true" in done.err
    # Papermill goes as far as the gate.
    words = ("-p", "mode", "apply", "-p", "confirm", "contabo", "-p", "database", "voice")
    ran = migrated.papermill(tmp_path / "out.ipynb", *words, notebook="05_database")
    assert ran.returncode == 1
    assert "nobody accepted what would be lost" in ran.stderr
    assert json.loads((migrated.folders()[0] / "record.json").read_text())["verdict"] == "refused"
    assert databases(migrated) == {"postgres", "dyniq"}
    assert content(migrated) == was


@pytest.mark.whole
def test_the_other_database_of_the_page_and_names_that_need_quoting(clean: Machine) -> None:
    # The page's n8n database, and one whose name no shell and no SQL takes as it is.
    last = sql(clean, "DELETE FROM execution_entity; SELECT max(id) FROM workflow_entity", "n8n", "n8n")
    done = clean.apply("-p", "database=n8n", "-p", "accept_loss=true", procedure="database")
    assert done.status == 0, done.out + done.err
    assert sql(clean, "SELECT count(*), (SELECT max(id) FROM workflow_entity) FROM execution_entity", "n8n", "n8n") == f"1000|{last}"

    quoted = ODD.replace('"', '""')
    sql(clean, f"""CREATE ROLE "o'wner" SUPERUSER; CREATE DATABASE "{quoted}" OWNER "o'wner" """)
    table = '"o.s"."t(a) ""b"'
    sql(clean, f'CREATE SCHEMA "o.s"; CREATE TABLE {table} ("c d" timestamptz); INSERT INTO {table} VALUES (now())', ODD)
    sql(clean, """CREATE TABLE parts (n integer) PARTITION BY RANGE (n); CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
        INSERT INTO parts SELECT n FROM generate_series(1, 5) n""", ODD)  # fmt: skip
    clean.ssh(f"docker exec -e PGDATABASE='{ODD}' voice-postgres-1 pg_dump -U dyniq --load-via-partition-root >/backup/odd-1.sql")
    sql(clean, f"DELETE FROM {table}", ODD)
    stack = clean.edited_stack(lambda one: one["databases"][0].update(database=ODD, backups="/backup/odd-?.sql"))
    done = run(clean, stack=stack)
    assert done.status == 0, done.out + done.err
    assert sql(clean, f"SELECT count(*) FROM {table}", ODD) == "1"
    assert ODD + f"__before_{done.record['incident']}" in databases(clean)
    clean.ssh((done.folder / "undo.sh").read_text())
    assert sql(clean, f"SELECT count(*) FROM {table}", ODD) == "0"


def test_what_was_restored_stays_when_nobody_can_say_what_is_lost_and_is_gone_on_with(migrated: Machine) -> None:
    """The server's container is paused just when the restore is done."""
    migrated.host.exec("""nohup sh -c 'until ls /var/lib/rollback/dyniq-voice/jobs/*/prepare/exit; do sleep 0.02; done
        docker pause voice-postgres-1' >/dev/null 2>&1 &""")
    done = run(migrated)
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out + done.err
    restored = f"dyniq__restore_{done.record['incident']}"
    assert f"what was restored stays as {restored}" in done.record["reason"]
    migrated.ssh("docker unpause voice-postgres-1")
    assert databases(migrated) == {"postgres", "dyniq", restored}
    resumed = migrated.resume(done.folder, "--accept-loss")
    assert resumed.status == 0, resumed.out + resumed.err
    assert databases(migrated) == {"postgres", "dyniq", f"dyniq__before_{done.record['incident']}"}
    assert migrated.health()[0] == 200


def test_what_holds_rows_and_is_no_table_is_in_the_list_of_losses(clean: Machine) -> None:
    sql(
        clean,
        """SELECT count(lo_create(0)) FROM generate_series(1, 3); CREATE MATERIALIZED VIEW report AS SELECT * FROM calls;
        CREATE FOREIGN DATA WRAPPER far; CREATE SERVER far FOREIGN DATA WRAPPER far; CREATE FOREIGN TABLE elsewhere (n integer) SERVER far;
        CREATE UNLOGGED TABLE scratch AS SELECT 1 AS n""",
    )
    clean.ssh("docker exec voice-postgres-1 pg_dump -U dyniq dyniq >/backup/voice-late.sql")
    sql(clean, "SELECT lo_create(0); DELETE FROM calls WHERE id % 2 = 0; REFRESH MATERIALIZED VIEW report; DELETE FROM scratch")
    done = run(clean, "-p", "target=voice-late.sql")
    assert done.status == 0, done.out + done.err
    plan = json.loads((done.folder / "plan.json").read_text())
    assert "large objects: 4 now, 3 in the backup" in plan["loses"]
    assert "The rows of foreign tables lie elsewhere and are not touched: public.elsewhere." in plan["notes"]
    (looked,) = [event["found"] for event in done.events if event["event"] == "looked" and event["found"]["name"] == event["found"]["old"]]
    rows = {one["table"]: (one["old"]["rows"], one["new"]["rows"]) for one in looked["tables"]}
    assert rows["public.report"] == rows["public.calls"]
    assert rows["public.report"][0] < rows["public.report"][1]
    assert (rows["public.scratch"], rows["large objects"]) == ((0, 1), (4, 3))
    assert sql(clean, "SELECT count(*) FROM pg_largeobject_metadata") == "3"


def test_what_a_swap_would_break_is_refused_while_planning(clean: Machine) -> None:
    def planned(said: str, *words: str) -> None:
        before = databases(clean)
        done = clean.rollback("-p", "database=voice", *words, procedure="database")
        assert (done.status, done.record["verdict"]) == (3, "refused"), done.out
        assert said in done.record["reason"], done.record["reason"]
        assert databases(clean) == before

    dump = "docker exec voice-postgres-1 pg_dump -U dyniq"
    sql(clean, "CREATE SUBSCRIPTION feed CONNECTION 'dbname=nowhere password=of-a-feed-4711' PUBLICATION p WITH (connect = false)")
    clean.ssh(f"""{dump} dyniq >/backup/voice-feed.sql; {dump} -Fd -f /tmp/feed dyniq
        docker cp -q voice-postgres-1:/tmp/feed /backup/voice-feed; docker exec voice-postgres-1 rm -r /tmp/feed""")
    planned("dyniq gets rows by logical replication (subscription feed)")
    sql(clean, "ALTER SUBSCRIPTION feed SET (slot_name = NONE)")
    sql(clean, "DROP SUBSCRIPTION feed")
    for name in ("voice-feed.sql", "voice-feed"):
        planned("it makes a subscription", "-p", f"target={name}")

    clean.ssh("""docker exec -i voice-postgres-1 sh -c 'cd /usr/share/postgresql/17/extension; echo "SELECT 1;" >timescaledb--1.sql
        printf "default_version = 1\nrelocatable = true\n" >timescaledb.control'""")
    sql(clean, "CREATE EXTENSION timescaledb")
    planned("dyniq has the extension timescaledb, whose restore needs special calls before and after")


def stop_a_session(machine: Machine) -> None:
    """Open a session of the live database and stop its process. The process id is in /tmp/stopped."""
    machine.ssh("""docker exec -d voice-postgres-1 psql -U dyniq -d dyniq -c 'SELECT pg_sleep(600)'
        until pid=$(docker top voice-postgres-1 -eo pid,args | awk '/dyniq dyniq.*SELECT/ {print $1}'); [ "$pid" ]; do sleep 0.1; done
        kill -STOP $pid; echo $pid >/tmp/stopped""")


@pytest.mark.quiet
@pytest.mark.whole
def test_a_session_that_does_not_let_go_leaves_everything_as_it_was(migrated: Machine) -> None:
    """A backend that is stopped takes no request to end: the swap gives up, and the service goes on with what it had."""
    stop_a_session(migrated)
    was, oid = content(migrated), sql(migrated, "SELECT oid FROM pg_database WHERE datname = 'dyniq'", "postgres")
    with Writer(migrated.host) as writer:
        done = run(migrated)
    assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out
    assert "sessions do not let go of the database: process" in done.record["reason"]
    assert interruption(writer.writes) <= 1.5
    assert sql(migrated, "SELECT oid FROM pg_database WHERE datname = 'dyniq'", "postgres") == oid
    # Postgres drops no database while one of its processes is stopped, and the reason says that something is left.
    assert "could not all be removed" in done.record["reason"]
    migrated.ssh("kill -CONT $(cat /tmp/stopped)")
    assert {line for line in was.splitlines() if "lab-writer" not in line} <= set(content(migrated).splitlines())


@pytest.mark.parametrize("when", ["restore", *whole("swap")])
def test_the_container_restarts_in_the_middle(migrated: Machine, when: str) -> None:
    """While the backup is restored, or once connections are held off: afterwards the live database answers, as it was."""
    was = content(migrated)
    day = migrated.backup_day()
    if when == "restore":
        migrated.ssh(f"""cd /backup; awk '/^-- PostgreSQL database dump complete/ {{ print "SELECT pg_sleep(30);" }} {{ print }}' \
            voice-{day}.sql >voice-slow.sql""")
        sign = "dyniq dyniq__restore_.*SELECT"
    else:
        stop_a_session(migrated)  # it holds the swap up for long enough
        sign = "dyniq postgres .* DO"
    # The server dies at once, and Docker starts the container again.
    migrated.host.exec(f"""server=$(docker inspect --format '{{{{.State.Pid}}}}' voice-postgres-1)
        seen='pgrep -f "^postgres: {sign}"'
        nohup sh -c "until $seen && sleep 0.1 && $seen; do sleep 0.02; done; kill -9 $server" >/dev/null 2>&1 &""")
    done = run(migrated, *(("-p", "target=voice-slow.sql") if when == "restore" else ()))
    assert (done.status, done.record["verdict"]) == ((3, "refused") if when == "restore" else (4, "failed-restored")), done.out
    assert databases(migrated) == {"postgres", "dyniq"}
    assert content(migrated) == was


@pytest.mark.whole
def test_a_swap_that_was_killed_once_it_was_done_is_resumed(migrated: Machine) -> None:
    """Both names are changed; what comes after that in the step was not begun."""
    with migrated.stopped_in("database", "swap", 2, *ACCEPT) as scene:
        FAULTS["job killed"].strike(scene)
        scene.run.wait()
    (folder,) = migrated.folders()
    resumed = migrated.resume(folder, "--accept-loss")
    assert resumed.status == 0, resumed.out + resumed.err
    assert databases(migrated) == {"postgres", "dyniq", f"dyniq__before_{resumed.record['incident']}"}
    assert migrated.health()[0] == 200
    last = int(sql(migrated, "SELECT max(id) FROM calls", f"dyniq__before_{resumed.record['incident']}"))
    assert int(sql(migrated, "INSERT INTO calls (agent_id, started_at, seconds) VALUES (1, now(), 1) RETURNING id")) == last + 1
    # The undo is as good as that of any other run.
    undone = migrated.undo(folder)
    assert undone.status == 0, undone.out + undone.err
    assert databases(migrated) == {"postgres", "dyniq", f"dyniq__undone_{resumed.record['incident']}"}


@pytest.mark.whole
@pytest.mark.parametrize("step", ["create", "restore"])
def test_a_restore_whose_host_dies_with_its_runner_is_resumed(migrated: Machine, step: str) -> None:
    with migrated.stopped_in("database", step, 2 if step == "create" else 1, *ACCEPT) as scene:
        power_cut(scene)
    resumed = migrated.resume(migrated.folders()[-1], "--accept-loss")
    assert (resumed.status, resumed.record["verdict"]) == (0, "succeeded"), resumed.out + resumed.err
    assert databases(migrated) == {"postgres", "dyniq", f"dyniq__before_{resumed.record['incident']}"}
    assert migrated.health()[0] == 200


def test_a_disk_that_is_too_small_or_fills_up(migrated: Machine) -> None:
    """The server's data on a small disk: refused beforehand where it is known, and undone where it is not."""
    migrated.ssh("""docker stop -t 1 voice-postgres-1; cd /var/lib/docker/volumes/voice_postgres_data; cp -a _data copy
        mount -t tmpfs -o size=120m tmpfs _data; cp -a copy/. _data/; chown --reference=copy _data; chmod --reference=copy _data
        docker start voice-postgres-1; until docker exec voice-postgres-1 pg_isready -U dyniq; do sleep 0.1; done""")
    day = migrated.backup_day()
    was = content(migrated)
    # 200 MB of SQL that is small as it lies there, and rows that take far more than their text.
    migrated.ssh(f"""cd /backup; grep -v '^.unrestrict' voice-{day}.sql | sed '/^-- PostgreSQL database dump complete/,$d' >head.tmp
        {{ cat head.tmp; yes 'SELECT 1;                                                                  ' | head -n 2500000
           echo '-- PostgreSQL database dump complete'; }} | sed '/^.restrict/d' | gzip -1 >voice-large.sql.gz
        {{ sed '/^.restrict/d' head.tmp; echo 'CREATE TABLE public.filler AS'
           echo 'SELECT repeat(md5(n::text), 20) FROM generate_series(1, 400000) n;'
           echo '-- PostgreSQL database dump complete'; }} >voice-fills.sql; rm head.tmp""")
    done = run(migrated, "-p", "target=voice-large.sql.gz")
    assert done.status == 3, done.out
    assert "MB free, and a restore beside the live database takes about" in done.record["reason"]
    done = run(migrated, "-p", "target=voice-fills.sql")
    assert done.status == 3, done.out
    assert "step restore failed" in done.record["reason"]
    assert databases(migrated) == {"postgres", "dyniq"}
    assert content(migrated) == was


@pytest.mark.whole
@pytest.mark.parametrize("policy", ["undo", "stop"])
def test_a_backup_with_which_the_service_is_not_well(migrated: Machine, policy: str) -> None:
    """Made after the bad migration: it is restored and swapped in as asked, and health never comes."""
    migrated.ssh("docker exec voice-postgres-1 pg_dump -U dyniq dyniq >/backup/voice-late.sql")
    oid = sql(migrated, "SELECT oid FROM pg_database WHERE datname = 'dyniq'", "postgres")
    quick = migrated.edited_stack(lambda stack: stack["health"].update(deadline=2.0))
    done = run(migrated, "-p", "target=voice-late.sql", "--on-failure", policy, stack=quick)
    if policy == "stop":
        assert (done.status, done.record["verdict"]) == (5, "failed-partly"), done.out
        migrated.ssh((done.folder / "undo.sh").read_text())
    else:
        assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out
    assert re.search("agents-api.* did not pass", done.record["reason"])
    assert sql(migrated, "SELECT oid FROM pg_database WHERE datname = 'dyniq'", "postgres") == oid
    assert databases(migrated) == {"postgres", "dyniq", f"dyniq__undone_{done.record['incident']}"}


@pytest.mark.whole
def test_a_service_that_does_not_connect_again_is_made_anew(migrated: Machine) -> None:
    """It answers from the connection it once had: with the old one gone it fails until it is started anew."""
    once = 'global KEPT; KEPT = connection = KEPT or psycopg2.connect(os.environ["DATABASE_URL"])'
    migrated.commit("Keep the connection", rf"""sed -i -e 's/^PROMPTS/KEPT = None\nPROMPTS/' \
        -e 's/connection = psycopg2.connect.*/{once}/' -e 's/connection.close()/pass/' agents_api/server.py""", deploy=True)  # fmt: skip
    agents = migrated.container()["Id"]
    done = run(migrated)
    assert done.status == 0, done.out + done.err
    assert migrated.health()[0] == 200
    assert migrated.container()["Id"] != agents


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-p", "accept_loss=true"), "database: one of voice, n8n is expected"),
        (("-p", "accept_loss=true", "-p", "database=postgres"), "database: one of voice, n8n is expected"),
        (("-p", "accept_loss=true", "-p", "database=voice", "-p", "target=../etc/passwd;"), "a backup's name or path is expected"),
        (("-p", "database=voice", "-p", "accept_loss=maybe"), "say so with -p accept_loss=true"),
    ],
)
def test_bad_parameters_reach_no_host(clean: Machine, words: tuple[str, ...], said: str) -> None:
    before = clean.logins()
    done = clean.apply(*words, procedure="database")
    assert (done.status, done.folder) == (2, None)
    assert said in done.err
    assert clean.logins() == before
