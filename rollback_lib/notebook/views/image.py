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
    for candidate in found[:SHOWN_CANDIDATES]:
        where = ["registry"] * candidate.in_registry + ["host"] * (candidate.image is not None) + ["runs now"] * candidate.running
        size = f"{candidate.size / 1e6:.0f} MB" if isinstance(candidate.size, int) else candidate.size or ""
        subject = f"{candidate.commit.subject} ({candidate.commit.author})" if candidate.commit else "no commit that git knows"
        digest = candidate.digest[7:19] if candidate.digest else "none"
        tag = candidate.tag[:12] if candidate.commit and candidate.tag == candidate.commit.sha else candidate.tag
        rows.append(
            (
                tag,
                subject,
                times.ago(candidate.made) if candidate.made else "",
                digest,
                size,
                ", ".join(where),
                candidate.verdict or "not known",
            )
        )
    return table(("tag", "subject", "age", "digest", "size", "where", "verdict"), rows)


def target(chosen: Target) -> View:
    row = chosen.candidate
    subject = f" {row.commit.subject}" if row.commit else ""
    where = "The host has it." if row.image else "It is in the registry, and pulled before anything stops."
    return stack(note("info", f"{row.tag}{subject}\nChosen: {chosen.why}. {where}"), table(("", ""), [("digest", row.digest or "none")]))


VIEWS = {State: state, Candidates: listed, Target: target}
CHOICES = {Candidates: (listed, lambda candidate: candidate.tag or candidate.digest)}
