"""How the findings of one patient come, grow, shrink and go over the studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.phantoms.findings import KINDS, SIDES, SITES, Observation, change_between
from benchmarks.phantoms.randomness import Draws

STUDIES_PER_PATIENT = {1: 0.10, 2: 0.20, 3: 0.22, 4: 0.20, 5: 0.16, 6: 0.12}

_FIRST_LEVELS = {1: 0.42, 2: 0.36, 3: 0.22}
_NEW_LEVELS = {1: 0.55, 2: 0.33, 3: 0.12}
_AT_ONCE = 0.3  # of improvements skip the levels between and end in resolution


@dataclass(frozen=True)
class Profile:
    """Why a patient is examined, and what such patients have.

    ``first``: probability of a finding, per side, on the first study; ``onset``: on each later
    one. ``paired`` findings are mostly the same on both sides. ``days`` between studies.
    """

    weight: float
    first: Mapping[str, float]
    onset: Mapping[str, float]
    portable: float
    days: tuple[int, int]
    paired: frozenset[str] = frozenset()
    lines: Mapping[str, float] = field(default_factory=lambda: {"internal jugular": 2, "picc": 1})


PROFILES = {
    "heart failure": Profile(
        0.20,
        {
            "cardiomegaly": 0.85,
            "edema": 0.6,
            "effusion": 0.35,
            "pacemaker": 0.18,
            "atelectasis": 0.1,
        }
        | {"sternotomy_wires": 0.25},
        {"edema": 0.25, "effusion": 0.12, "atelectasis": 0.05, "pacemaker": 0.04},
        portable=0.45,
        days=(2, 60),
        paired=frozenset(["effusion"]),
    ),
    "infection": Profile(
        0.20,
        {"opacity": 0.5, "effusion": 0.15, "atelectasis": 0.08, "cardiomegaly": 0.08},
        {"opacity": 0.12, "effusion": 0.06, "atelectasis": 0.05, "central_line": 0.05},
        portable=0.3,
        days=(2, 40),
    ),
    "surgery": Profile(
        0.17,
        {"sternotomy_wires": 0.7, "endotracheal_tube": 0.4, "enteric_tube": 0.35}
        | {"central_line": 0.4, "atelectasis": 0.35, "effusion": 0.25, "pneumothorax": 0.1}
        | {"cardiomegaly": 0.3, "pacemaker": 0.08},
        {"pneumothorax": 0.09, "effusion": 0.08, "atelectasis": 0.08, "opacity": 0.05}
        | {"endotracheal_tube": 0.1, "enteric_tube": 0.12, "central_line": 0.08},
        portable=0.85,
        days=(1, 5),
        paired=frozenset(["effusion", "atelectasis"]),
    ),
    "trauma": Profile(
        0.15,
        {"pneumothorax": 0.5, "opacity": 0.15, "effusion": 0.15, "endotracheal_tube": 0.1},
        {"pneumothorax": 0.12, "effusion": 0.05, "atelectasis": 0.05},
        portable=0.55,
        days=(1, 7),
    ),
    "cancer": Profile(
        0.14,
        {"nodule": 0.45, "central_line": 0.3, "effusion": 0.18, "opacity": 0.06},
        {"nodule": 0.08, "effusion": 0.07, "opacity": 0.05, "central_line": 0.08}
        | {"pneumothorax": 0.04},
        portable=0.15,
        days=(20, 150),
        lines={"port": 4, "picc": 1},
    ),
    "routine": Profile(
        0.30,
        {"cardiomegaly": 0.08, "atelectasis": 0.04, "nodule": 0.05, "pacemaker": 0.03},
        {"opacity": 0.05, "atelectasis": 0.03, "effusion": 0.03},
        portable=0.1,
        days=(30, 300),
    ),
}

_State = dict[tuple[str, str], Observation]


def draw_course(profile: Profile, studies: int, draws: Draws) -> list[tuple[Observation, ...]]:
    """Return what each study shows; the first has no changes, later ones against the one before."""
    mirrored = frozenset(name for name in sorted(profile.paired) if draws.chance(0.75))
    state: _State = {}
    course = []
    for number in range(studies):
        before = dict(state)
        for site in SITES:
            _advance(site, number == 0, state, mirrored, profile, draws)
        course.append(_observe(before, state, compared=number > 0))
    return course


def _advance(
    site: tuple[str, str],
    first: bool,
    state: _State,
    mirrored: frozenset[str],
    profile: Profile,
    draws: Draws,
) -> None:
    name, side = site
    now = state.get(site)
    mirror = state.get((name, "right")) if name in mirrored and side == "left" else None
    if name in mirrored and side == "left":
        level = mirror.level if mirror else 0
    elif now is None:
        levels = _FIRST_LEVELS if first else _NEW_LEVELS
        chance = (profile.first if first else profile.onset).get(name, 0.0)
        level = draws.weighted(levels) if draws.chance(chance) else 0
        level = min(level, len(KINDS[name].severities))
    else:
        level = _next_level(name, now.level, draws)
    if level == 0:
        state.pop(site, None)
        return
    detail = now.detail if now else _detail(name, profile, draws)
    shape = now.shape if now else draws.whole(0, 2**31 - 1)
    proposed = Observation(name, side, level, None, detail, shape)
    if _visible(proposed, state):
        state[site] = proposed


def _next_level(name: str, level: int, draws: Draws) -> int:
    kind = KINDS[name]
    move = draws.fraction()
    if move < kind.worse:
        return min(level + 1, len(kind.severities))
    if move >= kind.worse + kind.better:
        return level
    if kind.lasting:
        return max(level - 1, 1)
    return 0 if draws.chance(_AT_ONCE) else level - 1


def _detail(name: str, profile: Profile, draws: Draws) -> str:
    if name == "central_line":
        return draws.weighted(profile.lines)
    return draws.pick(KINDS[name].details)


def _visible(proposed: Observation, state: _State) -> bool:
    """Tell whether the image can show it beside what the same side (of a device: the chest) has."""
    name, side = proposed.finding, proposed.side
    if KINDS[name].device:
        return not any((name, other) in state for other in SIDES if other != side)
    beside = [seen for (_, where), seen in state.items() if where == side]
    return not any(_hides(seen, proposed) or _hides(proposed, seen) for seen in beside)


def _hides(one: Observation, other: Observation) -> bool:
    if one.finding == "pneumothorax":
        return other.finding in ("opacity", "nodule")
    if one.finding == "opacity":
        return other.finding == "nodule" and one.detail == other.detail
    at_base = other.finding == "atelectasis" or other.detail == "lower"
    under_fluid = (one.level > 1 and at_base) or (one.level > 2 and other.detail == "mid")
    return one.finding == "effusion" and under_fluid


def _observe(before: _State, now: _State, compared: bool) -> tuple[Observation, ...]:
    seen = []
    for site in SITES:
        old, new = before.get(site), now.get(site)
        known = new or old
        if known is None:
            continue
        level = new.level if new else 0
        change = change_between(old.level if old else 0, level) if compared else None
        seen.append(
            Observation(known.finding, known.side, level, change, known.detail, known.shape)
        )
    return tuple(seen)
