"""What no cell of this kernel shows: the secrets of every incident that was opened in it.

An object that a cell ends in is shown by a formatter of its type, which does not know whose object it is: so that whatever is shown is
free of what any incident knows, closed ones too, since their objects can be shown again. Records and hashes have no part in this.
"""

from rollback_lib.secrets import redactor
from rollback_lib.secrets.redactor import Redactor

_redactors: list[Redactor] = []


def hide(redactor: Redactor) -> None:
    """Show nothing of what this one knows, from now on."""
    _redactors.append(redactor)


def clean(text: str) -> str:
    """`text` as a cell may show it."""
    for one in _redactors:
        text = one.clean(text)
    return redactor.clean(text)
