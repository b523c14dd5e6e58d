"""Effects: what a rollback has to bring about, compared with what is found on the host."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """One line of the verdict: what was asked for, and what was found on the host.

    `settles`: it may take a while until it is as asked for. `condition`: it says how well something runs, and not what runs. `decides` is
    False if the effect is shown but does not count. `part` is the part of the host that it is about, as in the steps that change it.
    `between`: while such a step is half done, it may be neither as it was before nor as asked for.
    """

    name: str
    asked: str
    found: str
    settles: bool = False
    condition: bool = False
    decides: bool = True
    part: str = ""
    between: bool = False

    @property
    def ok(self) -> bool:
        return not self.decides or self.asked == self.found

    @property
    def sign(self) -> str:
        """✔ if it is as asked for, else ✘, or – if it does not count."""
        return "✔" if self.asked == self.found else "✘" if self.decides else "–"

    @property
    def words(self) -> str:
        """What is wrong, as a sentence."""
        return f"{self.name} is {self.found}, not {self.asked}"
