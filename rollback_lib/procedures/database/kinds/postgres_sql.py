"""The SQL of a database rollback: to make a database like an existing one, and to swap the names of two databases."""

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import Postgres, connect, identifier, literal
from rollback_lib.facts.postgres import Database

# Settings whose value is a list of names. Quoted as a whole, the list would become a single name.
# (variable_is_guc_list_quote in src/bin/pg_dump/dumputils.c)
_LISTS = ("local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces")
LET_GO = 700  # milliseconds in which sessions have to end; the service has to wait for that long
_PATIENCE = 120  # attempts, half a second apart: a server that was restarted needs time


def create(live: Database, name: str) -> str:
    """The statement that makes a new, empty database with the owner, encoding, locale, tablespace and connection limit of `live`."""
    row = live.locale
    words = [
        f"OWNER {identifier(live.owner)}", "TEMPLATE template0", f"ENCODING {literal(live.encoding)}",
        f"LC_COLLATE {literal(row['datcollate'])}", f"LC_CTYPE {literal(row['datctype'])}",
        f"TABLESPACE {identifier(live.tablespace)}", f"CONNECTION LIMIT {live.connections}",
    ]  # fmt: skip
    provider, locale = row.get("datlocprovider"), row.get("datlocale") or row.get("daticulocale")
    if provider == "i" and locale:
        words += ["LOCALE_PROVIDER icu", f"ICU_LOCALE {literal(locale)}"]
        words += [f"ICU_RULES {literal(row['daticurules'])}"] if row.get("daticurules") else []
    elif provider == "b" and locale:
        words += ["LOCALE_PROVIDER builtin", f"BUILTIN_LOCALE {literal(locale)}"]
    elif provider == "c":  # the column exists since Postgres 15; before that, the provider is always that of template0
        words += ["LOCALE_PROVIDER libc"]
    return f"CREATE DATABASE {identifier(name)} {' '.join(words)}"


def carry_over(live: str, name: str) -> str:
    """The statement that gives the database `name` the settings, grants, comment and template mark of `live`. A dump of a single
    database does not contain them."""
    return f"""DO $carry$
DECLARE
    old constant name := {literal(live)};
    new constant name := {literal(name)};
    one record;
BEGIN
    FOR one IN SELECT CASE WHEN r.rolname IS NULL THEN format('ALTER DATABASE %I', new)
                          ELSE format('ALTER ROLE %I IN DATABASE %I', r.rolname, new) END AS whose,
                      split_part(line, '=', 1) AS setting, substr(line, strpos(line, '=') + 1) AS value
               FROM pg_db_role_setting s CROSS JOIN unnest(setconfig) line LEFT JOIN pg_roles r ON r.oid = s.setrole
               WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = old) LOOP
        IF one.setting IN ({", ".join(map(literal, _LISTS))}) THEN
            PERFORM set_config(one.setting, one.value, true);
            EXECUTE format('%s SET %I FROM CURRENT', one.whose, one.setting);
        ELSE
            EXECUTE format('%s SET %s TO %L', one.whose, one.setting, one.value);
        END IF;
    END LOOP;
    IF (SELECT datacl IS NOT NULL FROM pg_database WHERE datname = old) THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', new);
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', new, (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = old));
        FOR one IN SELECT privilege_type AS privilege, is_grantable AS grantable, g.rolname AS whom
                   FROM pg_database CROSS JOIN aclexplode(datacl) LEFT JOIN pg_roles g ON g.oid = grantee WHERE datname = old LOOP
            EXECUTE format('GRANT %s ON DATABASE %I TO %s%s', one.privilege, new, coalesce(quote_ident(one.whom), 'PUBLIC'),
                           CASE WHEN one.grantable THEN ' WITH GRANT OPTION' ELSE '' END);
        END LOOP;
    END IF;
    EXECUTE format('COMMENT ON DATABASE %I IS %L', new,
                   (SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = old));
    IF (SELECT datistemplate FROM pg_database WHERE datname = old) THEN
        EXECUTE format('ALTER DATABASE %I IS_TEMPLATE true', new);
    END IF;
END $carry$"""


# Run in one database, this query writes the statements that create its extensions in another one.
EXTENSIONS = """SELECT CASE WHEN n.nspname !~ '^pg_' THEN format('CREATE SCHEMA IF NOT EXISTS %I; ', n.nspname) ELSE '' END
    || format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I;', e.extname, n.nspname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"""

# Run in one database, this query writes the statements that move the sequences of another one at least as far.
_SEQUENCES = """SELECT format('SELECT setval(format(''%%I.%%I'', schemaname, sequencename)::regclass, %s) FROM pg_sequences
    WHERE schemaname = %L AND sequencename = %L AND NOT cycle AND increment_by > 0
    AND coalesce(last_value, start_value - 1) < %s AND %s <= max_value;', last_value, schemaname, sequencename, last_value, last_value)
FROM pg_sequences WHERE last_value IS NOT NULL"""


def written_by(postgres: Postgres, statement: str, there: str, here: str) -> Command:
    """The command that runs `statement` in the database `there`, and then runs its output as SQL in the database `here`."""
    run = postgres.psql(here, words=("-o", "/dev/null", "-c", "SET client_min_messages = warning"))
    return postgres.psql(there, words=("-A", "-t")).saying(statement).pipe(*run.argv)


def sequences(postgres: Postgres, maintenance: str, there: str, here: str) -> Command:
    """The command that moves the sequences of the database `here` at least as far as those of `there`: then no number is given out twice,
    and rows can be copied from one to the other. A sequence that cycles or counts down is left alone. Without a database `here`, which a
    swap that was done has renamed, there is nothing to do."""
    enter = f"SELECT {literal(connect(here))} FROM pg_database WHERE datname = {literal(here)};"
    known = f"AND EXISTS (SELECT FROM pg_database WHERE datname = {literal(here)})"
    return written_by(postgres, f"{enter}\n{_SEQUENCES} {known};", there, maintenance)


def swap(postgres: Postgres, maintenance: str, *, live: str, aside: str, incoming: str, needed: bool = True) -> Command:
    """The command that renames `live` to `aside` and `incoming` to `live`, both or neither.

    Postgres does not rename a database that has sessions, and connection pools reconnect at once. So new sessions are refused
    meanwhile and existing ones are ended. Whether the swap succeeds or not, `live` accepts sessions again afterwards. If the swap was done
    already, as by a step that was cut off later, the command only makes sure of that; so it does without `needed`, if there is no
    database `incoming`.
    """
    here, there, new = map(identifier, (live, aside, incoming))
    names = f"({literal(live)}, {literal(incoming)})"
    reopen = f"ALTER DATABASE {here} ALLOW_CONNECTIONS true"
    script = f"""
SET lock_timeout = '{LET_GO} ms';
ALTER DATABASE {here} ALLOW_CONNECTIONS false;
ALTER DATABASE {new} ALLOW_CONNECTIONS false;
DO $end$
DECLARE
    until constant timestamptz := clock_timestamp() + interval '{LET_GO} ms';
BEGIN
    LOOP
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN {names};
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname IN {names});
        IF clock_timestamp() > until THEN
            RAISE EXCEPTION 'sessions do not let go of the database: %; end them on the host, then run again', (
                SELECT string_agg(format('process %s (%s, %s)', pid, coalesce(usename, backend_type), application_name), ', ')
                FROM pg_stat_activity WHERE datname IN {names});
        END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;
END $end$;
BEGIN;
ALTER DATABASE {here} RENAME TO {there};
ALTER DATABASE {new} RENAME TO {here};
ALTER DATABASE {here} ALLOW_CONNECTIONS true;
ALTER DATABASE {there} ALLOW_CONNECTIONS true;
COMMIT;
"""
    gone = f"NOT EXISTS (SELECT FROM pg_database WHERE datname = {literal(incoming)})"
    done = f"{gone} AND EXISTS (SELECT FROM pg_database WHERE datname = {literal(aside)})" if needed else gone
    script = f"SELECT {done} AS done \\gset\n\\if :done\n{reopen};\n\\else\n{script.strip()}\n\\endif\n"
    return postgres.psql(maintenance).saying(script).or_else(patiently(postgres.psql(maintenance, reopen)))


def drop(postgres: Postgres, maintenance: str, name: str) -> Command:
    """The command that drops the database `name`, if there is one."""
    return patiently(postgres.psql(maintenance, f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE)"))


def patiently(command: Command) -> Command:
    """The command, repeated until it succeeds, for a minute at most, since a server that was restarted needs time."""
    script = f'n=0; until "$@"; do n=$((n + 1)); [ "$n" -lt {_PATIENCE} ] || exit 1; sleep 0.5; done'
    return Command.of("sh", "-euc", script, "sh", *command.argv)
