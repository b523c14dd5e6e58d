"""What a rollback is to bring about, against what is found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """One line of the verdict: what was asked for and what was found on the host. `settles`: it may need a while. `condition`:
    it tells how well something runs, and not which it is. `decides` is False for one that is shown and does not count. `part` is
    the part of the host it tells of, as in the steps that change it; `between`: while such a step is half done, it may be
    neither as before nor as asked for."""

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
        """✔, ✘, or – for one that is otherwise and does not count."""
        return "✔" if self.asked == self.found else "✘" if self.decides else "–"

    @property
    def words(self) -> str:
        """What is wrong with it."""
        return f"{self.name} is {self.found}, not {self.asked}"
