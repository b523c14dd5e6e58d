"""The figures as tables: all of a part for a terminal, and those of bench/README.md in Markdown."""

from collections.abc import Callable, Iterable, Sequence

from bench.records import HASHES, WALK
from bench.results import Part, Results
from bench.rollbacks import OURS, PAGE
from rollback_lib.text import tables

FAR = 40.0  # milliseconds
NOTHING = "–"  # not measured
WORDS = {
    PAGE: "the runbook's commands", OURS: "**this project, record included**",
    "fabric": "Fabric", "pyinfra": "pyinfra", "ansible": "Ansible",
}  # fmt: skip
Table = Callable[[Results], str]


def summary(part: Part) -> str:
    """The median of every figure, with the least and the most."""
    rows = [
        (part.case, contender, name, f"{part.median(contender, name):.2f}", f"{min(figures):.2f} to {max(figures):.2f}")
        for contender, named in part.measured.items()
        for name, figures in named.items()
    ]
    return "\n".join(tables.lines(rows))


def peers(results: Results) -> str:
    """The code rollback by everybody."""
    near, far = results.part("code"), results.part("code", FAR)
    header = ("Code, cached build", "seconds", "of the runbook", "over 40 ms", "of the runbook", "round trips")
    rows = [(words, *_pair(near, name), *_pair(far, name), _figure(far, name, "round_trips", 0)) for name, words in WORDS.items()]
    return _table(header, rows, near, far)


def rollbacks(results: Results) -> str:
    """Every rollback beside the page."""
    titles = {
        "code": "Code, cached build", "image": "Image, pulled from the registry", "env": "Env (a copy in place of the editor)",
        "caddyfile": "Caddyfile", "release": "Release: code, env and Caddyfile", "kept": "Code, a build of 20 s, image kept",
    }  # fmt: skip
    compared = ("the runbook", "this project", "of the runbook")
    header = ("", *compared, "over 40 ms: the runbook", *compared[1:], "round trips")
    parts = {name: (results.part(name), results.part(name, FAR)) for name in titles}
    rows = [
        (titles[name], _figure(near, PAGE), *_pair(near, OURS), _figure(far, PAGE), *_pair(far, OURS), _figure(far, OURS, "round_trips", 0))
        for name, (near, far) in parts.items()
    ]
    return _table(header, rows, *(part for pair in parts.values() for part in pair))


def outage(results: Results) -> str:
    titles = {"outage-code": "Code, cached build", "outage-image": "Image", "outage-env": "Env", "redeploy": "Redeploy, a build of 20 s"}
    parts = {name: results.part(name) for name in titles}
    header = ("Seconds of failed requests", "the runbook", "this project", "of the runbook")
    rows = [(titles[name], _figure(part, PAGE, "outage"), *_pair(part, OURS, "outage")) for name, part in parts.items()]
    return _table(header, rows, *parts.values())


def traffic(results: Results) -> str:
    part = results.part("traffic")
    titles = {PAGE: "the runbook's restart", OURS: "this project's reload"}
    header = ("Caddyfile, 200 requests a second, each over a connection of its own", "sent", "failed")
    rows = [(words, _figure(part, name, "sent", 0), _figure(part, name, "failed", 0)) for name, words in titles.items()]
    return _table(header, rows, part)


def start(results: Results) -> str:
    """What a person waits for."""
    cases = ("start", "triage", "open")
    near, far = ([results.part(case, distance) for case in cases] for distance in (0, FAR))
    shown = {
        "`python -c pass`, for comparison": (0, "python -c pass", "seconds"),
        "`rollback --version`": (0, "rollback --version", "seconds"),
        "`rollback run --help`": (0, "rollback run --help", "seconds"),
        "`rollback check`": (0, "rollback check", "seconds"),
        "`rollback run code`: until the first cell runs": (0, "rollback run code", "first_cell"),
        "`rollback run code`: the plan, and its record": (0, "rollback run code", "seconds"),
        "`rollback run triage`": (1, "rollback run triage", "seconds"),
        "`rollback open`: until JupyterLab says its address": (2, "rollback open", "address"),
        "`rollback open`: until a browser shows the state": (2, "rollback open", "seconds"),
        "JupyterLab alone: until a browser shows a table that was saved": (2, "jupyter lab", "seconds"),
    }
    rows = [(words, _figure(near[case], one, name), _figure(far[case], one, name)) for words, (case, one, name) in shown.items()]
    return _table(("", "seconds", "over 40 ms"), rows, *near, *far)


def memory(results: Results) -> str:
    part = results.part("memory")
    header = ("Code rollback, all processes together", "RSS", "PSS", "output not kept", "seconds")
    rows = [
        (f"with {name}", *(_unit(part, name, figure, "MB", 0) for figure in ("rss_mb", "pss_mb", "not_kept_mb")), _figure(part, name))
        for name in (part.measured if part else ())
    ]
    return _table(header, rows, part)


def database(results: Results) -> str:
    parts = [results.part(name) for name in ("database", "sources", "database-10gb")]
    header = ("Restore", "the other tool", "this project", "of the other", "whole run", "client cut off", "memory (PSS)")
    rows = []
    for part in filter(None, parts):
        for backup in dict.fromkeys(contender.rpartition(", ")[0] for contender in part.measured):
            theirs, ours = f"{backup}, peer", f"{backup}, {OURS}"
            rows.append(
                (backup, _unit(part, theirs, "restore", "s", 1), _unit(part, ours, "restore", "s", 1),
                 _ratio(part, (ours, "restore"), (theirs, "restore")), _unit(part, ours, "seconds", "s", 1),
                 _unit(part, ours, "cut_off", "s"), _unit(part, ours, "pss_mb", "MB", 0))
            )  # fmt: skip
    return _table(header, rows, *parts)


def records(results: Results) -> str:
    part = results.part("records")
    beside = {"list": WALK, "search": WALK, "verify": HASHES}
    titles = {"list": "`rollback incidents list`", "search": "`rollback incidents search TEXT`", "verify": "`rollback incidents verify`"}
    named = {WALK: "`find` over the names alone", HASHES: "`sha256sum` of every file"}
    rows = [
        (titles[name], _figure(part, name), f"{_ratio(part, (name, 'seconds'), (other, 'seconds'))} of {named[other]}")
        for name, other in beside.items()
    ]
    return _table(("10,000 records", "seconds", "beside"), rows, part)


def machine(results: Results) -> str:
    """The machine, in a sentence."""
    on = results.machine
    return f"Measured on {on.cores} cores and {on.memory / 1024:.0f} GB, Linux {on.kernel}, Docker {on.docker}, Python {on.python}."


TABLES: dict[str, Table] = {
    "machine": machine, "rollbacks": rollbacks, "peers": peers, "outage": outage, "traffic": traffic, "start": start, "memory": memory,
    "database": database, "records": records,
}  # fmt: skip


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *parts: Part | None) -> str:
    """A table in Markdown, and a line that says when it was measured."""
    measured = [part for part in parts if part]
    if not measured:
        return "Not measured yet."
    when = sorted({f"{part.at:%Y-%m-%d}, commit {part.commit}" for part in measured})
    rounds = sorted({part.rounds for part in measured})
    lines = [header, ["---"] * len(header), *rows]
    number = f"{rounds[0]} to {rounds[-1]} rounds" if len(rounds) > 1 else tables.count(rounds[0], "round")
    medians = f"Medians of {number}; {'; '.join(when)}."
    return "\n".join([*("| " + " | ".join(cells) + " |" for cells in lines), "", medians])


def _figure(part: Part | None, contender: str, name: str = "seconds", digits: int = 2) -> str:
    figure = part.median(contender, name) if part else None
    return NOTHING if figure is None else f"{figure:,.{digits}f}"


def _unit(part: Part | None, contender: str, name: str, unit: str, digits: int = 2) -> str:
    figure = _figure(part, contender, name, digits)
    return figure if figure == NOTHING else f"{figure} {unit}"


def _pair(part: Part | None, contender: str, name: str = "seconds") -> tuple[str, str]:
    """A figure, and its ratio to that of the page."""
    return _figure(part, contender, name), _ratio(part, (contender, name), (PAGE, name))


def _ratio(part: Part | None, one: tuple[str, str], other: tuple[str, str]) -> str:
    figure, base = (part.median(*one), part.median(*other)) if part else (None, None)
    return NOTHING if figure is None or not base else f"{figure / base:.2f}"
