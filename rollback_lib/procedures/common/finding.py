"""A finding of triage: what speaks for and against one row of the runbook's decision tree."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FITS, MAY, NO = "fits", "may fit", "does not fit"
ENOUGH = 3  # with this many points or more, a row fits


@dataclass
class Finding:
    """A row of the decision tree. `situation` is its text and `procedure` the rollback that it leads to. `evidence` holds points with a
    sentence each; points above 0 speak for the row. `sure` is True if something was seen that only this row explains. `stands` is
    True if it holds although every route passes. `parameters` are
    for the notebook of the procedure; `warnings` say what to check before running it."""

    procedure: str
    situation: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    evidence: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sure: bool = False
    stands: bool = False

    def add(self, points: int, words: str, *, sure: bool = False) -> None:
        """Add evidence: for the row with points above 0, otherwise against it."""
        self.evidence.append((points, words))
        self.sure = self.sure or sure

    @property
    def points(self) -> int:
        return sum(points for points, _ in self.evidence)

    @property
    def fit(self) -> str:
        """Whether the row fits: FITS, MAY or NO."""
        return FITS if self.points >= ENOUGH else MAY if self.points > 0 else NO

    @property
    def speaks_for(self) -> list[str]:
        return [words for points, words in sorted(self.evidence, key=lambda item: -item[0]) if points > 0]

    @property
    def speaks_against(self) -> list[str]:
        return [words for points, words in sorted(self.evidence, key=lambda item: item[0]) if points <= 0]
