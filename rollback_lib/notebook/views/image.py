"""Views of the image rollback."""

from rollback_lib.facts.registry import Unavailable
from rollback_lib.notebook.view import Table, View, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.common import SHOWN_CANDIDATES
from rollback_lib.procedures.image import Candidates, State, Target
from rollback_lib.text import times


def state(now: State) -> View:
    container = now.container
    commit = next((commit for commit in now.log if commit.sha == now.running), None)
    made_of = f"{commit.short} {commit.subject} ({commit.author})" if commit else now.running or "no commit that is known"
    tags = f"does not answer: {now.tags.why}" if isinstance(now.tags, Unavailable) else f"{len(now.tags)} tags"
    rows = [
        ("containers", common.replicas(now.replicas)),
        ("image", f"{container.image_name}\n{container.image[7:19]}" if container else "none"),
        ("made of", made_of),
        ("next `up` starts", str(now.named)),
        ("compose files", "\n".join(now.compose.files)),
        ("tag is kept in", f"{now.variable} in {now.compose.variables}" if now.variable else "the compose files themselves"),
        ("registry", f"{now.named.registry}/{now.named.repository}: {tags}"),
    ]
    return common.state(rows, now.probes, now.lines, now.service)


def listed(found: Candidates) -> Table:
    rows = []
    for one in found[:SHOWN_CANDIDATES]:
        where = ["registry"] * one.in_registry + ["host"] * (one.image is not None) + ["runs now"] * one.running
        size = f"{one.size / 1e6:.0f} MB" if isinstance(one.size, int) else one.size or ""
        subject = f"{one.commit.subject} ({one.commit.author})" if one.commit else "no commit that git knows"
        digest = one.digest[7:19] if one.digest else "none"
        tag = one.tag[:12] if one.commit and one.tag == one.commit.sha else one.tag
        rows.append((tag, subject, times.ago(one.made) if one.made else "", digest, size, ", ".join(where), one.verdict or "not known"))
    return table(("tag", "subject", "age", "digest", "size", "where", "verdict"), rows)


def target(one: Target) -> View:
    row = one.candidate
    subject = f" {row.commit.subject}" if row.commit else ""
    where = "The host has it." if row.image else "It is in the registry, and pulled before anything stops."
    return stack(note("info", f"{row.tag}{subject}\nChosen: {one.why}. {where}"), table(("", ""), [("digest", row.digest or "none")]))


VIEWS = {State: state, Candidates: listed, Target: target}
CHOICES = {Candidates: (listed, lambda one: one.tag or one.digest)}
