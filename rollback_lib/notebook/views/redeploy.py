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
        on = sorted({name for container in mine for name in now.attachments.of(container.name)})
        up = "\n".join(common.up(container) for container in mine) or "no container"
        rows.append((f"service {service}", f"{up}\non {', '.join(on) or 'no network'}" if mine else up))
    rows.append(("tree", _head(now.head) if now.head else "none"))
    rows.append(("orphans", some(now.orphans) or "none"))
    stale = sorted({attachment.container for attachment in now.attachments.stale})
    rows.append(("cannot start, their network is gone", some(stale) or "none"))
    rows.append(("free for images", f"{now.free / 1e6:,.0f} MB" if now.free is not None else "could not be asked"))
    running = {container.name for container in now.containers if container.state == "running"}
    first, *others = sorted(now.logs, key=lambda name: (name in running, name)) or [""]
    shown = common.state(rows, now.probes, now.logs.get(first, [])[-SHOWN_LINES:], first)
    return stack(shown, *(code("\n".join(now.logs[name]), title=f"Last lines of {name}", folded=True) for name in others))


def _head(head: git.Head) -> str:
    return f"{head.sha[:12]} on {head.branch or 'no branch'}" + (f", changed: {some(head.dirty)}" if head.dirty else "")


def candidates(found: Candidates) -> View:
    return table(
        ("service", "image", "how", "containers now"),
        [(candidate.service, candidate.image, candidate.how, candidate.runs) for candidate in found],
    )


def target(chosen: Target) -> View:
    subject = f"{chosen.commit.short} {chosen.commit.subject} ({chosen.commit.author})" if chosen.commit else chosen.name
    dirty = note("warn", f"Uncommitted changes are built as well: {some(chosen.dirty)}.") if chosen.dirty else None
    said = note("info", f"{subject}\nChosen: {chosen.why}. Its files can be read, and all that is mounted into the services is there.")
    return stack(said, dirty) if dirty else said


VIEWS = {State: state, Candidates: candidates, Target: target}
