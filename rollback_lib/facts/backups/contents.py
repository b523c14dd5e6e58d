"""What is in a backup: all of it is read, as a restore would."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import Postgres
from rollback_lib.facts.backups.backup import ARCHIVES, CUSTOM, DIRECTORY, GZIP, ZSTD, Backup, Contents
from rollback_lib.facts.backups.sources import said
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.postgres import TIMESCALE
from rollback_lib.facts.tables import LARGE_OBJECTS, Kind

READING = 1800.0  # seconds for reading a whole backup
KEEP = 16 * 1024 * 1024  # bytes at each end of an answer; a backup may have thousands of tables
_CUT = "ROLLBACK: THE STREAM BROKE OFF"
# Passes nothing on but the last line before that mark, on a line of its own.
_LAST = r"""{ before = last; last = $0 } END { if (last == cut) printf "\n%s %s\n", cut, before }"""
# Reads SQL as psql does, and the data of COPY line by line. Finds the tables, how many rows they have, whether the end is there, and
# whether there is a command of psql's own. Such a command begins with a backslash, outside of strings, quoted names, comments and
# dollar-quoted text. `inside` is the mark that began what psql is in; `e` stands for a string in which backslashes escape.
# (src/fe_utils/psqlscan.l)
_SCAN = r"""
function part_of_a_name(c) { return c != "" && (c ~ /[A-Za-z0-9_$]/ || c > "~") }
function enter(mark) { inside = mark; since = NR }
# The mark that begins at a dollar; where that is of a name, or begins nothing, the stretch to be passed over.
function dollar(text, at,    from, end, rest) {
    for (from = at; from > 1 && part_of_a_name(substr(text, from - 1, 1)); from--) continue
    if (substr(text, from, at - from) ~ /[^0-9]/) {
        for (end = at; part_of_a_name(substr(text, end + 1, 1)); end++) continue
        return substr(text, at, end - at + 1)
    }
    end = index(substr(text, at + 1), "$")
    rest = substr(text, at + 1, end - 1)
    if (!end || rest ~ /^[0-9]/) return "$"
    gsub(/[A-Za-z0-9_]/, "", rest)
    if (rest ~ /[ -~\t]/) return "$"
    enter(substr(text, at, end + 1))
    return inside
}
# A stretch of a line that has no quote in it; true where the rest of the line is a comment or a command.
function stretch(text,    at, mark) {
    while (text != "") {
        if (inside == "'" || inside == "e") return 0
        if (inside == "*") {
            if (!match(text, /\/\*|\*\//)) return 0
            depth += substr(text, RSTART, 1) == "/" ? 1 : -1
            if (!depth) inside = ""
            text = substr(text, RSTART + 2)
        } else if (inside != "") {
            if (!(at = index(text, inside))) return 0
            text = substr(text, at + length(inside)); inside = ""
        } else {
            if (!match(text, /["$\\]|--|\/\*/)) return 0
            at = RSTART; mark = substr(text, at, RLENGTH)
            if (mark == "--") return 1
            if (mark == "\\" && substr(text, at + 1, 1) !~ /[;:]/) { 
                match(substr(text, at + 1), /^[A-Za-z]+|^./); told("\\" substr(text, at + 1, RLENGTH > 0 ? RLENGTH : 0)); return 1
            }
            if (mark == "/*") { enter("*"); depth = 1 }
            if (mark == "\"") enter(mark)
            if (mark == "$") mark = dollar(text, at)
            text = substr(text, at + (mark == "\\" ? 2 : length(mark)))
        }
    }
    return 0
}
function line(text,    number, k, parts, closed) {
    number = split(text, parts, "'")
    if (inside == "" && number % 2 && text !~ /["$\\]|--|\/\*/) return
    for (k = 1; k <= number; k++) {
        if (stretch(parts[k])) return
        if (k == number) return
        if (inside == "'") { inside = ""; closed = "'" }
        else if (inside == "e") { match(parts[k], /\\*$/); if (RLENGTH % 2 == 0) { inside = ""; closed = "e" } }
        else if (inside == "") {
            if (closed != "" && parts[k] == "") enter(closed)
            else if (parts[k] ~ /[Ee]$/ && !part_of_a_name(substr(parts[k], length(parts[k]) - 1, 1))) enter("e")
            else enter(plain)
        }
    }
}
function told(what) { if (!command) command = NR ": " what }
BEGIN { plain = "'" }
index($0, cut) == 1 { broken = 1; why = substr($0, length(cut) + 2); gsub(/\t/, " ", why); next }
{ bytes += length($0) + 1 }
copying { if ($0 == "\\." || $0 == "\\.\r") copying = 0; else rows[name]++; next }
{ sub(/\r$/, "") }
/^-- PostgreSQL database dump complete/ { complete = 1 }
inside != "" { line($0); next }
/^[Cc][Oo][Pp][Yy] / && tolower($0) ~ / from stdin[^']*;$/ { name = substr($0, 6); rows[name] += 0; copying = 1; next }
/^\\(un)?restrict / { next }
/^CREATE (UNLOGGED )?TABLE / { made[substr($0, index($0, "TABLE ") + 6)] = 1 }
/^CREATE MATERIALIZED VIEW / { views[substr($0, 26)] = 1 }
/^CREATE FOREIGN TABLE / { foreign[substr($0, 22)] = 1 }
/^INSERT INTO / { name = substr($0, 13); sub(/ (VALUES|OVERRIDING)( .*)?$/, "", name); rows[name]++ }
/^SELECT pg_catalog.lo_create\(/ { objects++ }
/^(CREATE|DROP) DATABASE / { told($1 " " $2) }
/^CREATE SUBSCRIPTION / { subscription = 1 }
/^CREATE EXTENSION (IF NOT EXISTS )?"?timescaledb"?[ ;]/ { timescale = 1 }
/^SET standard_conforming_strings = off/ { plain = "e" }
/^SET standard_conforming_strings = on/ { plain = "'" }
/^-- PostgreSQL database cluster dump/ { cluster = 1 }
{ line($0) }
END {
    printf "bytes\t%.0f\ncomplete\t%d\nbroken\t%d\ncluster\t%d\ncommand\t%s\n", bytes, complete, broken, cluster, command
    printf "why\t%s\n", why
    printf "open\t%s\nsubscription\t%d\ntimescale\t%d\nobjects\t%d\n", inside == "" ? "" : since, subscription, timescale, objects
    for (name in made) printf "table\t%s\n", name
    for (name in views) printf "view\t%s\n", name
    for (name in foreign) printf "foreign\t%s\n", name
    for (name in rows) printf "rows\t%d\t%s\n", rows[name], name
}
"""
_TABLE = re.compile(r'((?:"(?:[^"]|"")+"|[^\s".(]+)\.(?:"(?:[^"]|"")+"|[^\s".(]+))')
# Prints statements from the table of contents of a directory. In it each text follows its length, whose last byte is a zero.
_TOC = r"""tr '\000' '\n' <"$1/toc.dat" | LC_ALL=C grep -aE '^(CREATE (EXTENSION|SUBSCRIPTION|FOREIGN TABLE) |COPY )' | cut -c -300"""


def stream(backup: Backup, postgres: Postgres) -> Command:
    """A command that prints the backup as SQL. Not for a backup in directory format."""
    if backup.format == CUSTOM:
        restore = Command.of("docker", "exec", "-i", postgres.container, "pg_restore", "-f", "-")
        return raw(backup).pipe(*restore.argv) if backup.source else restore.reading(backup.path)
    return unpacked(backup)


def unpacked(backup: Backup) -> Command:
    """A command that prints a backup that is SQL."""
    unpack = {GZIP: ("gzip", "-dc"), ZSTD: ("zstd", "-dcq")}.get(backup.format or "", ())
    if backup.source:
        return raw(backup).pipe(*unpack) if unpack else raw(backup)
    return Command.of(*(unpack or ("cat",)), backup.path)


def raw(backup: Backup) -> Command:
    """A command that prints the bytes of a backup as they are stored."""
    return backup.source.stream(backup.identity) if backup.source else Command.of("cat", backup.path)


def contents(backup: Backup, postgres: Postgres) -> Fact[Contents]:
    """The contents of a backup, found by reading all of it as a restore would. Of a directory, only the table of contents is read, and
    its tables are not known before it is restored."""
    missing = f"{backup.path} could not be read"
    if backup.format == DIRECTORY:
        toc = Command.of("sh", "-c", _TOC, "sh", backup.path)
        return Fact((toc,), lambda out: Contents({}, backup.size, _wrong_in(out)), missing=missing, keep=KEEP)
    return Fact((scanned(stream(backup, postgres), _SCAN),), lambda out: _contents(out, by_psql=backup.format not in ARCHIVES),
                missing=missing, deadline=READING, keep=KEEP, spoken=hidden)  # fmt: skip


def hidden(found: Contents, hide: Callable[[str], str]) -> Contents:
    """The contents without the secrets that a program may have printed."""
    return replace(found, wrong=hide(found.wrong))


def scanned(source: Command, scan: str) -> Command:
    """A command that reads what `source` prints by an awk script, which also gets to know if that fails, and why."""
    # The commands' standard error goes through _LAST, which tells the reader at the end if they failed, and why.
    run = f"{{ {{ {source.shell()}; }} >&6 || echo '{_CUT}'; }} 2>&1"
    script = f"{{ {run} | awk -v cut='{_CUT}' \"$2\" >&6; }} 6>&1 | LC_ALL=C awk -v cut='{_CUT}' \"$1\""
    return Command.of("sh", "-c", script, "sh", scan, _LAST)


def _contents(out: str, *, by_psql: bool) -> Contents:
    lines = [line.split("\t", 2) for line in out.splitlines()]
    known = {line[0]: line[1] for line in lines if line[0] not in ("table", "rows", "view", "foreign")}
    rows = {_table(line[1]): 0 for line in lines if line[0] == "table"}
    rows |= {_table(line[2]): int(line[1]) for line in lines if line[0] == "rows"}
    rows |= {LARGE_OBJECTS: int(known["objects"])} if known["objects"] != "0" else {}
    others = {_table(line[1]): kind for word, kind in (("view", Kind.VIEW), ("foreign", Kind.FOREIGN)) for line in lines if line[0] == word}
    wrong = ""
    if known["broken"] == "1":
        wrong = "it is cut off: it cannot be read to its end" + (f" ({said(known['why'])})" if known["why"] else "")
    elif known["cluster"] == "1":
        wrong = "it is a dump of a whole server, not of one database"
    elif known["complete"] != "1":
        wrong = "it is cut off: its last line is not there"
    elif known["command"] and by_psql:
        line, _, word = known["command"].partition(": ")
        how = "take that out of it" if word.startswith("\\") and word != "\\connect" else "make it without --create"
        wrong = f"line {line} of it, {word}, would lead out of the database it is restored into; {how}"
    elif known["open"] and by_psql:
        wrong = f"what begins in line {known['open']} of it, a string, a name or a comment, does not end"
    else:
        wrong = _unfit(known["timescale"] == "1", known["subscription"] == "1", rows.keys() & others.keys())
    return Contents(rows, int(known["bytes"]), wrong, others)


def _wrong_in(toc: str) -> str:
    """Why a directory cannot be restored, from its table of contents; "" if it can."""
    extension = re.search(r"^CREATE EXTENSION (IF NOT EXISTS )?timescaledb[ ;]", toc, re.MULTILINE) is not None
    subscription = re.search(r"^CREATE SUBSCRIPTION ", toc, re.MULTILINE) is not None
    foreign, filled = (
        {_table(text) for text in re.findall(rf"^{word} (.*)", toc, re.MULTILINE)} for word in ("CREATE FOREIGN TABLE", "COPY")
    )
    return _unfit(extension, subscription, foreign & filled)


def _unfit(timescale: bool, subscription: bool, elsewhere: Iterable[str]) -> str:
    """Why a backup is not restored although it is complete; "" if it is."""
    if timescale:
        return f"it has the extension {TIMESCALE}, whose restore needs special calls before and after"
    if subscription:
        return "it makes a subscription, and so a second receiver of the same rows; make it with --no-subscriptions"
    filled = sorted(elsewhere)
    if filled:
        return f"it has rows of the foreign table {', '.join(filled[:3])}, which would be written to where they lie; make it without them"
    return ""


def _table(text: str) -> str:
    found = _TABLE.match(text)
    return found[1] if found else text
