"""What is wrong, before anybody asks why: with the services, and with the way to them."""

import re
from dataclasses import dataclass

from rollback_lib.health.probe import Probe
from rollback_lib.secrets.redactor import clean

# What services say when something is amiss, in the words of the libraries that are common.
_ERROR = re.compile(r"(?i)\b(?:\w*error|\w*exception|traceback|fatal|panic)\b")
_UNDEFINED = re.compile(
    r"(?i)UndefinedTable|UndefinedColumn|Unknown column|no such (?:table|column)|"
    r"(?:relation|table|column) [\"'`\w.]+ (?:of relation \S+ )?(?:does not|doesn't) exist"
)
_CONNECTION = re.compile(
    r"(?i)could not translate host name|name or service not known|getaddrinfo|ENOTFOUND|password authentication failed|"
    r"connection refused|ECONNREFUSED|no pg_hba.conf|OperationalError|invalid dsn|could not connect|authentication failed|unauthorized|"
    r"invalid api key"
)
_VARIABLE = re.compile(
    r"KeyError: '([A-Z][A-Z0-9_]{2,})'|"
    r"(?:variable|env(?:ironment)?)\W+([A-Z][A-Z0-9_]{2,})\W+(?:is )?(?:not set|missing|required|undefined)|"
    r"(?:missing|required) (?:environment )?variable:? \W?([A-Z][A-Z0-9_]{2,})"
)


@dataclass(frozen=True)
class Symptoms:
    """`failing` are routes that do not pass. `ill` are services that do not work, asked past the proxy or not running; `cut_off`
    routes whose service works, or answers in another way than the route does. `lost` are containers and networks they should be
    on; `down` containers that are meant to run and do not. `words` is what the ill services said."""

    failing: tuple[Probe, ...]
    ill: tuple[str, ...]
    cut_off: tuple[str, ...]
    lost: tuple[tuple[str, str], ...]
    down: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        return not (self.failing or self.lost or self.down)

    @property
    def last(self) -> str:
        """The last error they said; where none of their lines is one, the last line."""
        return (self.errors or [clean(line).strip()[:160] for line in self.words] or ["they said nothing"])[-1]

    @property
    def undefined(self) -> bool:
        """Whether they miss a table or a column."""
        return any(map(_UNDEFINED.search, self.words))

    @property
    def refused(self) -> bool:
        """Whether they cannot reach or log in to something."""
        return any(map(_CONNECTION.search, self.words))

    @property
    def missing(self) -> tuple[str, ...]:
        """Variables that they ask for and do not have."""
        found = (match for words in self.words for match in _VARIABLE.findall(words))
        return tuple(dict.fromkeys(name for match in found for name in match if name))

    @property
    def errors(self) -> tuple[str, ...]:
        """What they said that is an error, the last ones."""
        return tuple(dict.fromkeys(clean(line).strip()[:160] for line in self.words if _ERROR.search(line)))[-3:]
