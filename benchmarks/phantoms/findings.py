"""What a phantom can show: findings, their sides and sizes, and how they change."""

from __future__ import annotations

from dataclasses import dataclass

SIDES = ("right", "left")
UNSIDED = "none"  # the side of what has none, as in the temporal direction metric
CHANGES = ("new", "worse", "better", "unchanged", "resolved")

_SIZES = ("small", "moderate", "large")
_GRADES = ("mild", "moderate", "severe")
_DEVICE = ("present",)


@dataclass(frozen=True)
class Kind:
    """A finding: where it can be, how much of it there can be, how it moves between studies.

    ``worse``, ``better``: probability that it is one level up or down on the next study.
    ``lasting`` findings may shrink but never vanish.
    """

    severities: tuple[str, ...]
    worse: float
    better: float
    sides: tuple[str, ...] = (UNSIDED,)
    details: tuple[str, ...] = ("",)
    lasting: bool = False
    detail_name: str = ""

    @property
    def device(self) -> bool:
        """Whether this is a device rather than a disease."""
        return self.severities == _DEVICE


KINDS = {
    "effusion": Kind(_SIZES, 0.25, 0.30, SIDES),
    "pneumothorax": Kind(_SIZES, 0.20, 0.40, SIDES),
    "opacity": Kind(_SIZES, 0.22, 0.36, SIDES, ("upper", "mid", "lower"), detail_name="zone"),
    "atelectasis": Kind(_GRADES, 0.20, 0.32, SIDES),
    "nodule": Kind(_SIZES, 0.28, 0.10, SIDES, ("upper", "mid"), lasting=True, detail_name="zone"),
    "edema": Kind(_GRADES, 0.25, 0.36),
    "cardiomegaly": Kind(_GRADES, 0.16, 0.10, lasting=True),
    "pacemaker": Kind(_DEVICE, 0.0, 0.0, ("left", "right")),
    "central_line": Kind(
        _DEVICE, 0.0, 0.25, SIDES, ("internal jugular", "picc", "port"), detail_name="type"
    ),
    "endotracheal_tube": Kind(_DEVICE, 0.0, 0.45),
    "enteric_tube": Kind(_DEVICE, 0.0, 0.40),
    "sternotomy_wires": Kind(_DEVICE, 0.0, 0.0),
}
SITES = tuple((name, side) for name, kind in KINDS.items() for side in kind.sides)


@dataclass(frozen=True)
class Observation:
    """A finding at one site of one study: present, or resolved since the prior (level 0).

    ``change`` is None where there is no prior. ``shape`` seeds the irregularities of the drawing
    and stays the same as long as the finding lasts.
    """

    finding: str
    side: str
    level: int
    change: str | None
    detail: str
    shape: int

    @property
    def severity(self) -> str:
        """The word for the level; "none" where the finding has resolved."""
        return KINDS[self.finding].severities[self.level - 1] if self.level else "none"


def change_between(before: int, now: int) -> str:
    """Return the change from one level to another, of which one at least is not 0.

    >>> change_between(0, 2), change_between(3, 2), change_between(1, 0)
    ('new', 'better', 'resolved')
    """
    if before == now:
        return "unchanged"
    if not before:
        return "new"
    if not now:
        return "resolved"
    return "worse" if now > before else "better"


def truth(observations: tuple[Observation, ...]) -> dict[str, dict[str, dict[str, object]]]:
    """Return ``{finding: {side: {severity, level, change, …}}}`` as it is written beside a report.

    >>> truth((Observation("opacity", "left", 2, "worse", "lower", 7),))
    {'opacity': {'left': {'severity': 'moderate', 'level': 2, 'change': 'worse', 'zone': 'lower'}}}
    """
    table: dict[str, dict[str, dict[str, object]]] = {}
    for seen in observations:
        entry: dict[str, object] = {
            "severity": seen.severity,
            "level": seen.level,
            "change": seen.change,
        }
        if seen.detail:
            entry[KINDS[seen.finding].detail_name] = seen.detail
        table.setdefault(seen.finding, {})[seen.side] = entry
    return table
