"""What is in a dump of mariadb-dump or mysqldump: all of it is read, as a restore would."""

from rollback_lib.facts.backups.backup import Backup, Contents
from rollback_lib.facts.backups.contents import KEEP, READING, hidden, scanned, unpacked
from rollback_lib.facts.backups.sources import said
from rollback_lib.facts.fact import Fact

LED_INTO = 60  # in so many lines at its head, a dump of one database made with --databases leads into that
# Finds the tables, how many rows they have, whether the end is there, and what cannot be restored. A dump has a newline in no string, so a
# statement begins a line; rows follow `INSERT INTO` in the same line or in those up to the semicolon. With the strings taken out of a line,
# each row has one parenthesis.
_SCAN = r"""
function told(what) { if (!command) command = NR ": " what }
function count(text) {
    if (index(text, "'")) { gsub(/\\./, "", text); gsub(/''/, "", text); gsub(/'[^']*'/, "", text) }
    open = text !~ /;$/
    return gsub(/\(/, "", text)
}
function quoted(text) { match(text, /`([^`]|``)+`/); return substr(text, RSTART, RLENGTH) }
index($0, cut) == 1 { broken = 1; why = substr($0, length(cut) + 2); gsub(/\t/, " ", why); next }
{ bytes += length($0) + 1; sub(/\r$/, "") }
open { rows[name] += count($0); next }
/^-- Dump completed/ { complete = 1; next }
/^[^-\/]/ { complete = 0 }
/^(INSERT|REPLACE) (IGNORE )?INTO `/ {
    name = quoted($0); rest = substr($0, index($0, name) + length(name))
    at = index(rest, "VALUES"); rows[name] += count(substr(rest, at + 6)); next
}
/^CREATE TABLE `/ { made[quoted($0)] = 1; next }
/^USE / || /^CREATE DATABASE / { word = $1 == "USE" ? "USE" : "CREATE DATABASE"; if (seen[word]++ || NR > %LED%) told(word); next }
/^(DROP|ALTER) DATABASE / || /^\/\*![0-9]+ DROP DATABASE/ { if ($0 !~ /DROP DATABASE/ || NR > %LED%) told($1 " DATABASE") }
/^(CHANGE (MASTER|REPLICATION)|SET @@GLOBAL|SET GLOBAL)/ { told($1 " " $2) }
/^(\\|source |system |tee |pager )/ { told(substr($0, 1, 12)) }
/^\/\*!50001 (CREATE |VIEW)|^CREATE .*VIEW `/ { fixed["views"] = 1 }
/^DELIMITER / { fixed["triggers, procedures, functions or events"] = 1 }
/^CREATE SEQUENCE / || /WITH SYSTEM VERSIONING/ { fixed["sequences and system-versioned tables"] = 1 }
END {
    printf "bytes\t%.0f\ncomplete\t%d\nbroken\t%d\ncommand\t%s\nwhy\t%s\n", bytes, complete && !open, broken, command, why
    for (kind in fixed) printf "fixed\t%s\n", kind
    for (name in made) if (!(name in rows)) rows[name] = 0
    for (name in rows) printf "rows\t%d\t%s\n", rows[name], name
}
"""


def contents(backup: Backup) -> Fact[Contents]:
    """The contents of a dump, found by reading all of it."""
    read = scanned(unpacked(backup), _SCAN.replace("%LED%", str(LED_INTO)))
    return Fact((read,), _contents, missing=f"{backup.path} could not be read", deadline=READING, keep=KEEP, spoken=hidden)


def _contents(out: str) -> Contents:
    lines = [line.split("\t", 2) for line in out.splitlines()]
    known = {line[0]: line[1] for line in lines if line[0] not in ("rows", "fixed")}
    rows = {line[2][1:-1].replace("``", "`"): int(line[1]) for line in lines if line[0] == "rows"}
    fixed = sorted(line[1] for line in lines if line[0] == "fixed")
    wrong = ""
    if known["broken"] == "1":
        wrong = "it is cut off: it cannot be read to its end" + (f" ({said(known['why'])})" if known["why"] else "")
    elif known["complete"] != "1":
        wrong = "it is cut off: its last line is not there"
    elif known["command"]:
        line, _, word = known["command"].partition(": ")
        how = "make it of one database alone" if "DATABASE" in word or word == "USE" else "take that out of it"
        wrong = f"line {line} of it, {word}, would lead out of the database it is restored into; {how}"
    elif fixed:
        wrong = f"it has {' and '.join(fixed)}, which do not move with the tables when the two are swapped"
    elif not rows:
        wrong = "it has no table"
    return Contents(rows, int(known["bytes"]), wrong)
