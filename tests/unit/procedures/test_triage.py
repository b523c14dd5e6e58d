"""What triage reads and weighs, without a host."""

from typing import Any

import pytest

from rollback_lib.commands.psql import Postgres
from rollback_lib.facts import caddy, schema
from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.inside_container import Answer
from rollback_lib.notebook.views.triage import _answer
from rollback_lib.procedures.code.look import asked_for, migration
from rollback_lib.procedures.common.finding import ENOUGH, FITS, MAY, NO, Finding
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.env.triage import host_of
from rollback_lib.procedures.registry import procedure
from rollback_lib.procedures.triage.diagnosis import diagnose
from tests.builders.stack import STACK
from tests.builders.triage import BEFORE, RUNS, facts, without

DUMP = """
CREATE TABLE public.agents (
    id integer NOT NULL,
    "Odd ""name" text,
    voice character varying(10) DEFAULT 'x; y'::text,
    CONSTRAINT agents_voice CHECK ((voice <> ''::text))
);
CREATE TABLE public."Big One" (
    n numeric
);
CREATE UNLOGGED TABLE public.part PARTITION OF public.whole FOR VALUES IN (1);
"""


def test_the_tables_of_a_dump_are_read_from_its_definitions() -> None:
    assert schema.tables(DUMP) == {
        "public.agents": {"id", 'Odd "name', "voice"}, 'public."Big One"': {"n"}, "public.part": frozenset(),
    }  # fmt: skip
    gap = schema.difference({"a": frozenset("xy"), "b": frozenset()}, {"a": frozenset("xz"), "c": frozenset("q")})
    assert (gap.gone, gap.new, bool(gap)) == (("b", "a.y"), ("c", "a.z"), True)
    assert not schema.difference({"a": frozenset("x")}, {"a": frozenset("x")})


def test_backups_without_definitions_say_nothing() -> None:
    assert schema.of_backups("/backup/x*", Postgres("c", "u")).read("/backup/x\t1700000000\t\n") == []


def test_where_caddy_sends_requests() -> None:
    config = """{"apps": {"http": {"servers": {"srv0": {"routes": [
        {"match": [{"host": ["a.example"]}],
         "handle": [{"handler": "subroute", "routes": [{"handle": [{"upstreams": [{"dial": "a:1"}]}]}]}]},
        {"match": [{"host": ["b.example", "c.example"]}], "handle": [{"upstreams": [{"dial": "b:2"}, {"dial": "b2:2"}]}]},
        {"handle": []}]}}}}}"""
    assert caddy.upstreams("caddy").read(config) == {"a.example": ("a:1",), "b.example": ("b:2", "b2:2"), "c.example": ("b:2", "b2:2")}
    assert caddy.upstreams("caddy").read("null") == {}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('+    os.environ["STREAM_URL"]', ("STREAM_URL",)),
        ("+  url = os.environ.get('A_KEY', '')", ("A_KEY",)),
        ('+x = os.getenv("TOKEN_2")', ("TOKEN_2",)),
        ("+const u = process.env.API_URL;", ("API_URL",)),
        ("+ENV.fetch('RAILS_KEY')", ("RAILS_KEY",)),
        ('-    os.environ["GONE"]', ()),
        ("+++ b/environ.py", ()),
        ("     os.environ['CONTEXT']", ()),
    ],
)
def test_variables_that_a_patch_asks_for(line: str, names: tuple[str, ...]) -> None:
    assert asked_for(line) == names


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("postgresql://dyniq:pa55@voice-postgre-1/dyniq", "voice-postgre-1"),
        ("redis://cache:6379/0", "cache"),
        ("amqp://user:p@ss@queue:5672", "queue"),
        ("postgresql://user:p/ss@db/x", ""),  # where the password ends nobody knows
        ("https://api.example.com/v1", ""),
        ("http://10/", ""),
        ("http://127.0.0.1:80", ""),
        ("sk-no-address", ""),
        ("see http://one and http://two", "one"),
    ],
)
def test_only_the_host_of_an_address_is_ever_taken_out_of_a_value(value: str, host: str) -> None:
    assert host_of(value) == host


@pytest.mark.parametrize(
    ("path", "is_one"),
    [("db/migrations/0042_add.py", True), ("alembic/versions/x.py", True), ("schema.sql", True), ("src/migrate/x.go", True),
     ("api/migration_notes.md", False), ("server.py", False)],
)  # fmt: skip
def test_paths_that_change_a_schema(path: str, is_one: bool) -> None:
    assert migration(path) is is_one


def test_a_row_fits_by_the_sum_of_what_speaks_for_and_against_it() -> None:
    one = Finding("env", "Bad env change")
    assert one.fit == NO
    one.add(1, "a hint")
    assert one.fit == MAY
    one.add(4, "a proof", sure=True)
    one.add(-1, "a doubt")
    assert (one.fit, one.points, one.sure) == (FITS, 4, True)
    assert (one.speaks_for, one.speaks_against) == (["a proof", "a hint"], ["a doubt"])


@pytest.mark.parametrize("before", range(100, 170, 7))
def test_no_half_of_a_secret_is_left_where_a_line_is_cut(before: int) -> None:
    said = f"OperationalError {'x' * before} postgresql://app:Tr0ub4dor-and-3-more@db/x"
    found = Symptoms((), (), (), (), (), (said,))
    answer = _answer(Answer((8000,), 500, said))
    assert [part for part in ("Tr0u", "app:") if part in str(found.errors) + answer] == []
    assert found.refused


# -- which rows of the page fit ---------------------------------------------------------------------------------------

ERROR, MISSING_TABLE = "ZeroDivisionError: division by zero", 'ProgrammingError: relation "calls" does not exist'
ONE_DATABASE = STACK.model_copy(update={"databases": STACK.databases[:1]})
GONE = {"voice": {"gone": ("calls",)}}
NO_WAY, ASKS_NEW, ASKS_OLD = "OperationalError: could not connect", "KeyError: 'NEW_TOKEN'", "KeyError: 'STREAM_URL'"


def to(*dials: str) -> dict[str, tuple[str, ...]]:
    """Upstreams of Caddy that send the requests of agents-api to these addresses."""
    return {"agents-api.dyniq.ai": dials}


# What differs from a stack where everything works (tests/builders/triage.py; times are hours ago) → the rows that fit, the smallest
# rollback first; all rows with points above 0, the best first, with their points; and the strongest evidence for the first of them.
SCENARIOS = [
    ("nothing is wrong", {}, "", "", ""),
    ("all was changed just now, and nothing is wrong",
     {"code": {"came": 0.2}, "env": {"changed": 0.2, "made": 0.1}, "proxy": {"changed": 0.2}, "schemas": GONE},
     "", "", ""),
    # code: when it came, what it says, and what is known of it
    ("deployed just now", {"ill": ERROR, "code": {"came": 0.2}}, "code", "code 5, env 1", "what runs came here: commit bbbbbbb"),
    ("deployed today", {"ill": ERROR, "code": {"came": 5}}, "code", "code 4, env 1", "no later change of the service is known"),
    ("deployed a month ago", {"ill": ERROR}, "code", "code 3, env 1", "ZeroDivisionError"),
    ("deployed just now, and it says nothing", {"ill": "no", "code": {"came": 0.2}},
     "code", "code 4, env 1", "what runs came here: commit bbbbbbb"),
    ("deployed just now, in a container of before", {"ill": ERROR, "code": {"came": 0.2, "made": 5}},
     "code", "code 3, env 1", "what runs came here: commit bbbbbbb"),
    ("deployed just now, and healthy here before", {"ill": ERROR, "code": {"came": 0.2, "known": "healthy"}},
     "", "env 1", "the container was made after that"),
    ("bad here before", {"ill": ERROR, "code": {"known": "bad"}}, "code", "code 5, env 1", "found bad here before (3f2a9c)"),
    ("the image is older than the commit", {"ill": ERROR, "code": {"came": 0.2, "image": 5}},
     "", "env 1", "the container was made after that"),
    ("asks for a variable that never was", {"ill": ASKS_NEW, "code": {"came": 5}},
     "code", "code 5, env 1", "asks for NEW_TOKEN, which no version of the env file has"),
    ("asks for one that only the changed env file has", {"ill": "no", "code": {"came": 5, "asks": ("DATABASE_URL",)}},
     "code", "code 5, env 1", "what runs came here"),
    ("cannot reach something", {"ill": NO_WAY, "code": {"came": 0.2}}, "code", "code 4, env 2", "what runs came here"),
    ("its image comes from a registry", {"ill": ERROR, "code": {"came": 0.2, "registry": True}},
     "image", "image 5, env 1", "what runs came here"),
    ("another service is ill", {"down": ("ruben-api",), "code": {"came": 0.2}},
     "", "redeploy 1", "`docker start docker-ruben-api-1` may be all it takes"),
    # env: when it was changed, who has it, and what it names
    ("env changed just now", {"ill": "no", "env": {"changed": 0.2, "made": 0.1}},
     "env", "env 4, code 1", "DATABASE_URL, LEVEL, STREAM_URL"),
    ("env changed today", {"ill": "no", "env": {"changed": 5, "made": 4}},
     "env", "env 3, code 1", "no later change of the service is known"),
    ("env changed just now, in no container yet", {"ill": "no", "env": {"changed": 0.2}},
     "", "code 1", "the container was made of it then"),
    ("env changed just now, and the container has another value", {"ill": "no", "env": {"changed": 0.2, "made": 0.1, "holds": "1"}},
     "env", "env 5, code 1", "it was changed"),
    ("env names a host that is none", {"ill": NO_WAY, "env": {"host": "voice-postgre-1"}},
     "env", "env 6, code 2", "DATABASE_URL names the host voice-postgre-1"),
    ("env names a host that is none, as when it was healthy", {"ill": NO_WAY, "env": {"host": "voice-postgre-1", "verdict": "healthy"}},
     "", "code 2, env 1", "no later change of the service is known"),
    ("env lost a variable", {"ill": ASKS_OLD, "env": {"changed": 5, "made": 4}},
     "env", "env 7, code 2", "asks for STREAM_URL, which an older version of the file has"),
    ("env changed today, and something cannot be reached", {"ill": NO_WAY, "env": {"changed": 5, "made": 4}},
     "env", "env 4, code 1", "cannot reach or log in to something: OperationalError"),
    ("the same, and the database is down", {"ill": NO_WAY, "env": {"changed": 5, "made": 4}, "schemas": {"voice": {"answers": False}}},
     "env", "env 3, code 1", "the container was made after that"),
    ("no other version of env is known", {"ill": "no", "env": {"changed": 0.2, "made": 0.1, "before": None}},
     "", "code 2", "the container was made of it then"),
    ("compose cannot read env", {"ill": "no", "env": {"unreadable": "line 3"}}, "env", "env 5, code 2", "compose cannot read it: line 3"),
    ("compose cannot read env, and what runs works", {"cut_off": True, "env": {"unreadable": "line 3"}},
     "env", "env 3", "compose cannot read it: line 3"),
    ("nobody reads env", {"ill": "no", "env": {"changed": 0.2, "made": 0.1, "read": False}},
     "", "code 1", "the container was made of it then"),
    # code and env at once
    ("env changed after a deploy", {"ill": "no", "code": {"came": 0.3, "made": 0.1}, "env": {"changed": 0.1, "made": 0.05}},
     "env code", "env 4, code 3", "it was changed"),
    ("env changed before a deploy that asks for a variable", {"ill": ASKS_NEW, "code": {"came": 0.1}, "env": {"changed": 0.3, "made": 0.1}},
     "code", "code 6, env 2", "asks for NEW_TOKEN"),
    ("env changed after a deploy, and names a host that is none",
     {"ill": NO_WAY, "code": {"came": 0.3, "made": 0.1}, "env": {"changed": 0.1, "made": 0.05, "host": "gone"}},
     "env", "env 9, code 2", "DATABASE_URL names the host gone"),
    # the schema of a database
    ("a table is gone, and missed", {"ill": MISSING_TABLE, "schemas": GONE}, "database", "voice 5, code 2, env 1", "gone: calls"),
    ("a table is gone, and not missed", {"ill": "no", "schemas": GONE}, "database", "voice 3, code 2, env 1", "gone: calls"),
    ("a table is new, and another missed", {"ill": MISSING_TABLE, "schemas": {"voice": {"new": ("calls",)}}},
     "database", "voice 3, code 2, env 1", "misses a table or column: ProgrammingError"),
    ("a table is new, and none is missed", {"ill": "no", "schemas": {"voice": {"new": ("calls",)}}},
     "", "code 2, env 1, voice 1", "the container was made of it then"),
    ("a table is gone in what nobody ill uses", {"ill": MISSING_TABLE, "schemas": {"n8n": {"gone": ("calls",)}}},
     "", "code 2, env 1", "the container was made of it then"),
    ("a table is missed, and none was changed", {"ill": MISSING_TABLE}, "", "code 2, env 1", "the container was made of it then"),
    ("a table is missed, and there is no backup", {"ill": MISSING_TABLE, "schemas": {"voice": {"backups": False}}},
     "", "code 2, env 1", "the container was made of it then"),
    ("a table is missed since a deploy of today", {"ill": MISSING_TABLE, "code": {"came": 5}, "schemas": GONE},
     "database", "voice 5, code 2, env 1", "gone: calls"),
    ("a table is missed since a deploy of just now", {"ill": MISSING_TABLE, "code": {"came": 0.2}, "schemas": GONE},
     "code database", "voice 5, code 4, env 1", "gone: calls"),
    ("a table is missed by code that was bad here", {"ill": MISSING_TABLE, "code": {"known": "bad"}, "schemas": GONE},
     "code database", "voice 5, code 4, env 1", "gone: calls"),
    # the Caddyfile
    ("Caddy sends to a port where nobody listens", {"cut_off": True, "proxy": {"upstreams": to("agents-api:9000")}},
     "caddyfile", "caddyfile 4", "and agents-api listens on 8000"),
    ("Caddy sends to no container", {"cut_off": True, "proxy": {"upstreams": to("agent-api:8000")}},
     "caddyfile", "caddyfile 4", "to agent-api:8000, and no container has that name"),
    ("Caddy knows the host no more", {"cut_off": True, "proxy": {"upstreams": {"agents-api.dyniq.ai": None}}},
     "caddyfile", "caddyfile 4", "Caddy knows no host agents-api.dyniq.ai"),
    ("Caddy sends to no container, as when it was healthy",
     {"cut_off": True, "proxy": {"verdict": "healthy", "upstreams": to("agent-api:8000")}},
     "", "", ""),
    ("the Caddyfile was changed just now", {"cut_off": True, "proxy": {"changed": 0.2}},
     "", "caddyfile 2", "its version new subject came here"),
    ("the Caddyfile was changed today", {"cut_off": True, "proxy": {"changed": 5}}, "", "caddyfile 1", "its version new subject came here"),
    ("the Caddyfile was edited just now, and not loaded", {"cut_off": True, "proxy": {"changed": 0.2, "committed": False, "loaded": False}},
     "caddyfile", "caddyfile 3", "uncommitted"),
    ("the Caddyfile was bad here before", {"cut_off": True, "proxy": {"verdict": "bad (3f2a9c)"}},
     "caddyfile", "caddyfile 3", "found bad here (new)"),
    ("Caddy does not accept the file", {"cut_off": True, "proxy": {"wrong": "line 7"}},
     "caddyfile", "caddyfile 4", "Caddy does not accept the file: line 7"),
    ("Caddy does not accept the file, and goes on with what it had", {"ill": "no", "proxy": {"wrong": "line 7"}},
     "caddyfile", "caddyfile 3, code 2, env 1", "Caddy does not accept the file: line 7"),
    ("Caddy is stopped by its file", {"cut_off": True, "down": ("caddy",), "proxy": {"running": False, "wrong": "line 7"}},
     "caddyfile", "caddyfile 6, redeploy 1", "Caddy does not accept the file: line 7"),
    ("Caddy is not running", {"cut_off": True, "down": ("caddy",), "proxy": {"running": False}},
     "", "caddyfile 2, redeploy 1", "Caddy is not running"),
    # the stack around it
    ("the proxy is off a network", {"off": "n8n_default"},
     "redeploy", "redeploy 4", "not on their networks: docker-caddy-1 on n8n_default"),
    ("the proxy remembers a network that is gone", {"cut_off": True, "gone": "old_default"},
     "redeploy", "redeploy 3", "on a network that is gone"),
    ("a service has no container", {"cut_off": True, "missing": ("ruben-api",)},
     "redeploy", "redeploy 3", "services without a container: ruben-api"),
    ("one service is down", {"cut_off": True, "down": ("ruben-api",)}, "", "redeploy 1", "not running: docker-ruben-api-1"),
    ("two services are down", {"cut_off": True, "down": ("agents-api", "ruben-api")},
     "", "redeploy 2", "not running: docker-agents-api-1, docker-ruben-api-1"),
    ("two are down, and one is missing",
     {"cut_off": True, "down": ("agents-api", "caddy"), "missing": ("ruben-api",), "proxy": {"running": False}},
     "redeploy", "redeploy 5, caddyfile 2", "services without a container: ruben-api"),
    # several things at once
    ("code, the Caddyfile and a network", {"ill": ERROR, "code": {"came": 0.2}, "proxy": {"wrong": "line 7"}, "off": "n8n_default"},
     "caddyfile code redeploy", "code 5, redeploy 4, caddyfile 3, env 1", "what runs came here"),
    ("a schema and the Caddyfile", {"ill": MISSING_TABLE, "cut_off": True, "schemas": GONE, "proxy": {"wrong": "line 7"}},
     "caddyfile database", "voice 5, caddyfile 3, code 2, env 1", "gone: calls"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "fits", "ranked", "ground"), [row[1:] for row in SCENARIOS], ids=[row[0] for row in SCENARIOS])
def test_what_fits_what_is_seen(changes: dict[str, Any], fits: str, ranked: str, ground: str) -> None:
    found = diagnose(facts(**changes))
    spoken_for = [one for one in found.findings if one.points > 0]
    assert ", ".join(f"{one.parameters.get('database', one.procedure)} {one.points}" for one in spoken_for) == ranked
    assert " ".join(one.procedure for one in found.fitting) == fits
    assert any(ground in words for one in spoken_for[:1] for words in one.speaks_for) or (ground, ranked) == ("", "")
    assert [one.procedure for one in found.findings if one.fit == MAY] == [one.procedure for one in spoken_for if one.points < ENOUGH]


# The same of all rows, where something speaks against one.
AGAINST = [
    ({"cut_off": True}, "caddyfile 0, env -1, code -1, redeploy -1, voice -2, n8n -2"),
    ({"ill": "no", "code": {"known": "healthy"}}, "env 1, caddyfile -1, redeploy -1, voice -2, n8n -2, code -4"),
    ({"ill": "no", "code": {"came": 0.2, "image": 5}}, "env 1, caddyfile -1, redeploy -1, voice -2, n8n -2, code -4"),
    ({"ill": "no", "env": {"changed": 5}}, "code 1, caddyfile -1, redeploy -1, env -2, voice -2, n8n -2"),
    ({"ill": "no", "env": {"before": None}}, "code 2, env 0, caddyfile -1, redeploy -1, voice -2, n8n -2"),
    ({"ill": "no", "schemas": {"voice": {"answers": False}}}, "code 2, env 1, voice 0, caddyfile -1, redeploy -1, n8n -2"),
    ({"ill": "no", "schemas": {"voice": {"backups": False}}}, "code 2, env 1, voice 0, caddyfile -1, redeploy -1, n8n -2"),
    ({"cut_off": True, "schemas": GONE}, "caddyfile 0, voice 0, env -1, code -1, redeploy -1, n8n -2"),
    ({"cut_off": True, "proxy": {"verdict": "healthy"}}, "env -1, code -1, redeploy -1, voice -2, n8n -2, caddyfile -4"),
]


@pytest.mark.parametrize(("changes", "ranked"), AGAINST)
def test_what_speaks_against_a_row_ranks_it_below_the_others(changes: dict[str, Any], ranked: str) -> None:
    found = diagnose(facts(**changes)).findings
    assert ", ".join(f"{one.parameters.get('database', one.procedure)} {one.points}" for one in found) == ranked


def test_rows_that_nothing_tells_apart_begin_with_the_smallest_rollback() -> None:
    found = [one.procedure for one in diagnose(facts()).findings]
    assert found == ["caddyfile", "env", "code", "database", "database", "redeploy"]
    assert found == sorted(found, key=lambda one: procedure(one).size)


@pytest.mark.parametrize(
    ("changes", "procedure", "said"),
    [
        ({"looks": {"env": Unanswered("no such file")}}, "env", "not known: no such file"),
        ({"stack": without("env")}, "env", "the stack names no env file"),
        ({"looks": {"caddyfile": Unanswered("no such file")}}, "caddyfile", "not known: no such file"),
        ({"stack": without("caddyfile")}, "caddyfile", "the stack names no Caddyfile"),
        ({"looks": {"redeploy": Unanswered("docker does not answer")}}, "redeploy", "not known: docker does not answer"),
        ({"looks": {"code": Unanswered("not a git repository")}}, "code", "not known: not a git repository"),
        ({"stack": ONE_DATABASE, "looks": {"database voice": Unanswered("no such container")}}, "database", "not known: no such container"),
    ],
)
def test_what_is_not_known_speaks_for_nothing(changes: dict[str, Any], procedure: str, said: str) -> None:
    found = diagnose(facts(ill=ERROR, **changes))
    (one,) = [one for one in found.findings if one.procedure == procedure]
    assert (one.points, one.speaks_against) == (0, [said])
    assert procedure not in [fitting.procedure for fitting in found.fitting]


def test_code_warns_of_a_schema_that_is_newer_than_itself() -> None:
    found = diagnose(facts(ill=ERROR, code={"came": 0.2, "migrations": ("db/migrations/2.sql",)}, schemas={"voice": {"new": ("calls",)}}))
    (code,) = [one for one in found.findings if one.procedure == "code"]
    assert "the tree changes db/migrations/2.sql" in code.warnings[0]
    assert "the schema of voice is newer than its backup" in code.warnings[1]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "healthy: every route passes, every container runs, on every network"),
        ({"ill": ERROR, "code": {"came": 0.2}}, "not healthy: Bad code deploy; roll back with code"),
        (
            {"ill": MISSING_TABLE, "code": {"came": 0.2}, "schemas": GONE},
            "not healthy, 2 things at once: Bad code deploy (code) and Database migration issue (voice) (database); begin with code, then "
            "look again",
        ),
        (
            {"cut_off": True, "down": ("caddy",), "proxy": {"running": False}},
            "not healthy, and no row of the page fits: nearest is caddyfile, redeploy; see what is wrong, and fix that",
        ),
        ({"ill": "no", "looks": {"code": Unanswered("x")}, "env": {"read": False}},
         "not healthy, and no row of the page fits; see what is wrong, and fix that"),
    ],
)  # fmt: skip
def test_the_diagnosis_in_a_sentence(changes: dict[str, Any], reason: str) -> None:
    assert diagnose(facts(**changes)).reason == reason


def test_what_is_to_be_done_is_a_command_line_for_each_row_that_fits() -> None:
    found = diagnose(facts(ill=MISSING_TABLE, code={"came": 0.2}, schemas=GONE))
    assert found.next("my stack.yaml") == (
        f"Bad code deploy: look with `rollback run code --stack 'my stack.yaml' -p target={BEFORE}`",
        "Database migration issue (voice): look with `rollback run database --stack 'my stack.yaml' -p database=voice`",
    )


def test_what_was_found_bad_is_named_even_where_every_route_passes() -> None:
    rows = {row.name: row for row in diagnose(facts(code={"known": "bad"})).rows}
    assert f"agents-api runs {RUNS[:7]}, which was found bad here" in rows["release"].found
    assert "(3f2a9c)" in rows["release"].found
    assert "rollback run code" in rows["release"].do
    assert "release" not in {row.name for row in diagnose(facts(code={"known": "healthy"})).rows}


def test_an_env_file_that_was_found_bad_speaks_for_itself() -> None:
    def of_env(verdict: str) -> Finding:
        found = diagnose(facts(ill="no", env={"verdict": verdict})).findings
        return next(one for one in found if one.procedure == "env")

    assert any(words.startswith("the file is one that was found bad (m0)") for words in of_env("bad (m0)").speaks_for)
    assert of_env("bad (m0)").points == of_env("").points + 2
