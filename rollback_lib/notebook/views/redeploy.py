"""Views of the redeploy."""

from rollback_lib.facts import git
from rollback_lib.notebook.view import View, code, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.plan.plan import some
from rollback_lib.procedures.redeploy import Candidates, State, Target

SHOWN_LINES = 12


def state(now: State) -> View:
    rows = []
    for service in sorted(now.services):
        mine = now.of(service)
        on = sorted({name for one in mine for name in now.attachments.of(one.name)})
        up = "\n".join(common.up(one) for one in mine) or "no container"
        rows.append((f"service {service}", f"{up}\non {', '.join(on) or 'no network'}" if mine else up))
    rows.append(("tree", _head(now.head) if now.head else "none"))
    rows.append(("orphans", some(now.orphans) or "none"))
    stale = sorted({one.container for one in now.attachments.stale})
    rows.append(("cannot start, their network is gone", some(stale) or "none"))
    rows.append(("free for images", f"{now.free / 1e6:,.0f} MB" if now.free is not None else "could not be asked"))
    running = {one.name for one in now.containers if one.state == "running"}
    first, *others = sorted(now.logs, key=lambda name: (name in running, name)) or [""]
    shown = common.state(rows, now.probes, now.logs.get(first, [])[-SHOWN_LINES:], first)
    return stack(shown, *(code("\n".join(now.logs[name]), title=f"Last lines of {name}", folded=True) for name in others))


def _head(head: git.Head) -> str:
    return f"{head.sha[:12]} on {head.branch or 'no branch'}" + (f", changed: {some(head.dirty)}" if head.dirty else "")


def candidates(found: Candidates) -> View:
    return table(("service", "image", "how", "containers now"), [(one.service, one.image, one.how, one.runs) for one in found])


def target(one: Target) -> View:
    subject = f"{one.commit.short} {one.commit.subject} ({one.commit.author})" if one.commit else one.name
    dirty = note("warn", f"Uncommitted changes are built as well: {some(one.dirty)}.") if one.dirty else None
    said = note("info", f"{subject}\nChosen: {one.why}. Its files can be read, and all that is mounted into the services is there.")
    return stack(said, dirty) if dirty else said


VIEWS = {State: state, Candidates: candidates, Target: target}
