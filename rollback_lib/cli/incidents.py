"""`rollback incidents`: the records, listed, shown, searched, verified, handed on, archived, pruned."""

import argparse
import json
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollback_lib.errors import RollbackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollback_lib.record.audit import Audit

_MOST = 1000  # lines of a list, unless all are asked for
_COLUMNS = ("incident", "opened", "procedure", "stack", "verdict", "seconds", "who")


class Tampered(RollbackError):
    """Records are not what was written."""

    status = 5


def add(commands: Any) -> None:
    """The parsers of these commands."""
    from rollback_lib.cli import archived, reading, records, statistics

    incidents = commands.add_parser(
        "incidents", help="the records: list, search, show, diff, report, postmortem, stats, verify, archive, fetch, prune"
    ).add_subparsers(required=True, metavar="ACTION")
    listing = incidents.add_parser("list", help="the records, newest first")
    search = incidents.add_parser("search", help="the records with a text in their verdict, reason, target, people …")
    search.add_argument("text")
    for one in (listing, search):
        one.add_argument("--procedure", default="")
        one.add_argument("--stack", default="")
        one.add_argument("--verdict", default="", help="such as succeeded, refused, failed-partly; open: not sealed")
        one.add_argument("--since", type=records.day, metavar="YYYY-MM-DD")
        one.add_argument("--until", type=records.day, metavar="YYYY-MM-DD")
        one.add_argument("--json", action="store_true", help="all of them, as JSON")
        one.add_argument("--all", action="store_true", help=f"not only the newest {_MOST:,}")
        one.set_defaults(command=_list, text="")
    search.set_defaults(command=_list)
    show = incidents.add_parser("show", help="one record, as its run showed it: state, plan, steps, verdict, what is left to do")
    report = incidents.add_parser("report", help="write the report of a record again, as one HTML file")
    report.add_argument("-o", dest="file", type=Path, default=Path("report.html"), metavar="FILE", help="where to (default: report.html)")
    for one, command in ((show, _show), (report, _report)):
        one.add_argument("incident", metavar="INCIDENT", help="its id, as `rollback incidents list` shows it")
        one.set_defaults(command=command)
    show.add_argument("--json", action="store_true")
    verify = incidents.add_parser("verify", help="find any record that was changed, removed or inserted")
    verify.add_argument(
        "--signers", type=Path, metavar="FILE", help="also demand a signature of one of these (allowed_signers of ssh-keygen)"
    )
    verify.add_argument("--authority", type=Path, metavar="FILE", help="also demand a timestamp of this authority (its certificates, PEM)")
    verify.add_argument("--head", default="", metavar="HASH", help="also demand that this line, noted earlier, is in the chain")
    verify.add_argument("--json", action="store_true")
    verify.set_defaults(command=_verify)
    for one in (listing, search, show, report, verify):
        records.add(one)
    reading.add(incidents)
    statistics.add(incidents)
    archived.add(incidents)
    prune = incidents.add_parser("prune", help="prune old records; the chain keeps their hashes")
    prune.add_argument("--keep", required=True, type=_days, metavar="DAYS", help="how long records are kept: 730d")
    prune.set_defaults(command=_prune)


def _days(text: str) -> timedelta:
    known = re.fullmatch(r"([1-9]\d{0,4})d", text)
    if not known:
        raise argparse.ArgumentTypeError(f"a number of days such as 730d is expected, not {text!r}")
    return timedelta(days=int(known[1]))


def _list(arguments: argparse.Namespace) -> int:
    from rollback_lib.cli import records
    from rollback_lib.secrets.redactor import clean
    from rollback_lib.text import tables

    limited = not arguments.all and not arguments.json
    found = records.of(arguments).incidents(
        procedure=arguments.procedure, stack=arguments.stack, verdict=arguments.verdict, since=arguments.since,
        until=arguments.until, text=arguments.text, most=_MOST + 1 if limited else -1,
    )  # fmt: skip
    if arguments.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return 0
    shown = found[:_MOST] if limited else found
    rows = [_COLUMNS, *(tuple(str(one.get(name, ""))[:40] for name in _COLUMNS) for one in shown)]
    for line in tables.lines(rows):
        print(clean(line))
    if len(shown) < len(found):
        print(f"These are the newest {_MOST:,}. Ask for fewer with --since or --stack, or for --all.", file=sys.stderr)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from rollback_lib.cli import records
    from rollback_lib.terminal.ended import Ended
    from rollback_lib.terminal.printer import printer
    from rollback_lib.terminal.story import tell

    folder = records.folder(records.of(arguments), arguments.incident)
    if arguments.json:
        print(json.dumps(folder.record(), indent=1, ensure_ascii=False))
        return 0
    printer().show((*tell(folder.path, folder.events()), *Ended(folder).lines(steps=True)))
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from rollback_lib.cli import reading, records

    known = records.of(arguments)
    folder = records.folder(known, arguments.incident)
    reading.write(arguments.file, reading.report(known, folder, arguments.incident))
    draft = arguments.file.with_suffix(".md")
    reading.write_draft(known, folder, arguments.incident, draft)
    print(f"The report is {arguments.file}, the draft of a post-mortem {draft}.")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    with tqdm(desc="records", unit="", disable=not sys.stderr.isatty(), leave=False) as bar:
        done, heads, where = _verified(arguments, on_record=lambda: _step(bar))
    cut_off = arguments.head != "" and arguments.head not in heads
    if arguments.json:
        print(json.dumps({**done.__dict__, "findings": [one.__dict__ for one in done.findings], "head_found": not cut_off}, indent=1))
    else:
        _tell(done, where)
    if cut_off:
        raise Tampered(f"the line {arguments.head} is not in the chain of {where}: records were removed from its end, or it was rewritten")
    if done.tampered:
        raise Tampered(f"records in {where} are not what was written; see the lines marked ✘")
    return 0


def _verified(arguments: argparse.Namespace, on_record: "Callable[[], None]") -> "tuple[Audit, set[str], str]":
    """What came of the verification, every hash that may have been noted as a head, and where the records are."""
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.record.proofs import Demanded

    root, demanded = incidents_root(), Demanded(arguments.signers, arguments.authority)
    if arguments.archive:
        from rollback_lib.archive import address, audit, store

        opened = store.opened(address.named(arguments.archive))
        return *audit.verify(opened, root, demanded, on_record=on_record), opened.address
    from rollback_lib.record import audit as audit_of_folder
    from rollback_lib.record.chain import Chain
    from rollback_lib.record.log import line_hash

    done = audit_of_folder.verify(root, demanded, on_record=on_record)
    return done, {line_hash(line) for line in Chain(root).log.lines()}, str(root)


def _step(bar: Any) -> None:
    bar.update()


def _tell(done: "Audit", where: str) -> None:
    from rollback_lib.text import tables

    for one in done.findings:
        print(f"{'✘' if one.tampered else '▲'} {one.folder}: {one.words}")
    signed = (f", {done.signed} signed" if done.signed else "") + (f", {done.stamped} with a timestamp" if done.stamped else "")
    many = tables.count(done.records, "record")
    print(f"{many} in {where}: {done.sealed} sealed{signed}, {done.open} open or cut off, {done.pruned} pruned.")
    print(f"head {done.head or 'none'}: noted elsewhere and given with --head next time, it proves that nothing was removed from its end.")


def _prune(arguments: argparse.Namespace) -> int:
    from rollback_lib.archive import sending
    from rollback_lib.record.folder import incidents_root, who
    from rollback_lib.record.retention import prune
    from rollback_lib.text import tables

    root = incidents_root()
    waiting = {record.folder for records in sending.queue(root).values() for record in records}
    gone = prune(root, arguments.keep, who(), spare=waiting)
    print(f"{tables.count(len(gone), 'record')} pruned; the manifests and their places in the chain stay.")
    if waiting:
        print(f"{tables.count(len(waiting), 'record')} stay, whatever their age, until they are archived: `rollback incidents archive`.")
    return 0
