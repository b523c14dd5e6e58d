"""Hides secrets in everything that the cells of this kernel show: those of all incidents that were opened in it.

The object at the end of a cell is shown by a formatter for its type, which does not know to which incident it belongs. So the secrets of
all incidents are hidden in everything, also those of closed incidents, whose objects can be shown again. This concerns the display only,
not records or hashes.
"""

from rollback_lib.secrets import redactor
from rollback_lib.secrets.redactor import Redactor

_redactors: list[Redactor] = []


def hide(redactor: Redactor) -> None:
    """From now on, hide everything that this redactor knows to be secret."""
    _redactors.append(redactor)


def clean(text: str) -> str:
    """The text with all known secrets hidden, as a cell may show it."""
    for known in _redactors:
        text = known.clean(text)
    return redactor.clean(text)
