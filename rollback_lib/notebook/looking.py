"""A single look at the host of a stack, without an incident: who holds it, and what was changed there last. Nothing is changed."""

from dataclasses import dataclass

from rollback_lib.facts import holder
from rollback_lib.facts.account import account
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner
from rollback_lib.notebook import redaction
from rollback_lib.procedures import triage
from rollback_lib.procedures.common import known_secrets
from rollback_lib.procedures.common.change import Change
from rollback_lib.procedures.triage.changes import changes
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class Looked:
    """Who holds the stack, None for nobody, and what was changed, newest first."""

    owner: Owner | None
    changes: tuple[Change, ...]


def look(known: Stack) -> Looked:
    """What the host of the stack says now. What is secret there is hidden in every output from then on. Raises RollbackError."""
    redactor = Redactor(known.model_dump_json())
    redaction.hide(redactor)
    way = Link.to(known)
    try:
        host = LiveHost(way, redactor, Key(), once=True)
        asked = host.ask(account(known))
        known_secrets.protect(host, known, redactor)
        there = known.at(asked.result().state)
        owner = host.ask(holder.holder(there.state))
        found = changes(triage.document(host, there))
        return Looked(owner.result(), tuple(found))
    finally:
        way.close()
