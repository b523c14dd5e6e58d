"""What speaks for and against each row of the page, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FITS, MAY, NO = "fits", "may fit", "does not fit"
ENOUGH = 3  # points from which on a row fits


@dataclass
class Finding:
    """A row of the page: evidence with its points, most telling first, and what speaks against it. `sure`: something was seen
    that it alone explains. `parameters` are those its notebook would be given; `warnings` say what to look at before."""

    procedure: str
    situation: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    evidence: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sure: bool = False

    def add(self, points: int, words: str, *, sure: bool = False) -> None:
        """Note what speaks for it, or, with points below 0, against it."""
        self.evidence.append((points, words))
        self.sure = self.sure or sure

    @property
    def points(self) -> int:
        return sum(points for points, _ in self.evidence)

    @property
    def fit(self) -> str:
        """In a word, whether it fits."""
        return FITS if self.points >= ENOUGH else MAY if self.points > 0 else NO

    @property
    def speaks_for(self) -> list[str]:
        return [words for points, words in sorted(self.evidence, key=lambda one: -one[0]) if points > 0]

    @property
    def speaks_against(self) -> list[str]:
        return [words for points, words in sorted(self.evidence, key=lambda one: one[0]) if points <= 0]
