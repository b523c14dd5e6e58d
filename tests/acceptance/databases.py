"""Helpers that look at the databases of the practice host."""

import re

from tests.machine import Done, Machine

ACCEPT = ("-p", "database=voice", "-p", "accept_loss=true")
ODD = 'My "odd" n\\ame; a=b'


def sql(machine: Machine, statement: str, database: str = "dyniq", server: str = "voice") -> str:
    """What psql prints for a statement, unaligned."""
    user = {"voice": "dyniq", "n8n": "n8n"}[server]
    argv = f"docker exec -i -e PGDATABASE='{database}' {server}-postgres-1 psql -X -A -t -q -v ON_ERROR_STOP=1 -U {user} -f -"
    return machine.ssh(f"{argv} <<'EOF'\n{statement}\nEOF")


def databases(machine: Machine, server: str = "voice") -> set[str]:
    return set(sql(machine, "SELECT datname FROM pg_database WHERE NOT datistemplate", "postgres", server).splitlines())


def content(machine: Machine) -> str:
    """The content of the live database, as a dump without the parts that differ from one dump to the next."""
    text = machine.ssh("docker exec voice-postgres-1 pg_dump -U dyniq dyniq")
    return re.sub(r"(?m)^(\\(un)?restrict .*|SELECT pg_catalog.setval.*)$", "", text)


def run(machine: Machine, *words: str, **options: object) -> Done:
    return machine.apply(*ACCEPT, *words, procedure="database", **options)
