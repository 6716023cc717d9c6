"""Writes findings and impression from what a study shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.phantoms import phrases
from benchmarks.phantoms.findings import KINDS, Observation
from benchmarks.phantoms.randomness import Draws

# Orders that radiologists report in: around the lungs or from the heart outwards.
_ORDERS = (
    ("devices", "lungs", "pleura", "heart", "bones"),
    ("lungs", "pleura", "heart", "bones", "devices"),
    ("devices", "heart", "lungs", "pleura", "bones"),
    ("heart", "lungs", "pleura", "bones", "devices"),
)
_IN_LUNGS = ("opacity", "atelectasis", "nodule", "edema")
_AROUND_LUNGS = ("effusion", "pneumothorax")


@dataclass(frozen=True)
class _Group:
    """One statement's worth: an observation, or the same one on both sides."""

    seen: Observation
    both: bool

    @property
    def finding(self) -> str:
        return self.seen.finding


def write_report(observations: Sequence[Observation], draws: Draws) -> tuple[str, str]:
    """Return findings and impression, every word of which is true of the study and its prior."""
    groups = _grouped(observations)
    sections = {
        "devices": [_device_sentence(g.seen, draws) for g in groups if KINDS[g.finding].device],
        "lungs": _lungs(groups, draws),
        "pleura": _pleura(groups, draws),
        "heart": _heart(groups, draws),
        "bones": [draws.pick(phrases.BONES_NORMAL)] if draws.chance(0.55) else [],
    }
    order = draws.pick(_ORDERS)
    findings = " ".join(_sentence(text) for name in order for text in sections[name])
    return findings, _impression(groups, draws)


def _grouped(observations: Sequence[Observation]) -> list[_Group]:
    groups: list[_Group] = []
    for seen in observations:
        last = groups[-1] if groups else None
        if last and not last.both and _twins(last.seen, seen):
            groups[-1] = _Group(seen, both=True)
        else:
            groups.append(_Group(seen, both=False))
    return groups


def _twins(one: Observation, other: Observation) -> bool:
    alike = (one.finding, one.level, one.change, one.detail)
    if alike != (other.finding, other.level, other.change, other.detail):
        return False
    return one.finding in phrases.NOUNS and bool(phrases.NOUNS[one.finding][1])


def _fill(template: str, group: _Group, draws: Draws) -> str:
    seen = group.seen
    noun = draws.pick(phrases.NOUNS[seen.finding][1 if group.both else 0])
    bare = noun.format(side=seen.side, zone=seen.detail)
    return template.format(
        np=f"{seen.severity} {bare}",
        bare=bare,
        size=seen.severity,
        a="" if group.both or seen.finding in phrases.MASS_NOUNS else "a ",
        is_="are" if _plural(group) else "is",
        has="have" if _plural(group) else "has",
        grown=draws.pick(phrases.GROWN[seen.finding]),
        shrunk=draws.pick(phrases.SHRUNK[seen.finding]),
    )


def _plural(group: _Group) -> bool:
    return group.both and group.finding not in phrases.MASS_NOUNS


def _finding_sentences(groups: Sequence[_Group], names: Sequence[str], draws: Draws) -> list[str]:
    return [
        _fill(draws.pick(phrases.FINDING_SENTENCES[group.seen.change]), group, draws)
        for name in names
        for group in groups
        if group.finding == name
    ]


def _device_sentence(seen: Observation, draws: Draws) -> str:
    nouns = phrases.DEVICE_NOUNS.get(seen.finding) or phrases.DEVICE_NOUNS[seen.detail]
    wires = seen.finding == "sternotomy_wires"
    template = draws.pick(phrases.DEVICE_SENTENCES[seen.change])
    if wires:
        template = template.replace("a new ", "new ").replace("of a ", "of ")
    noun = draws.pick(nouns).format(side=seen.side)
    return template.format(
        a="" if wires else "an " if noun[0] in "aeiou" else "a ",
        device=noun,
        tail=draws.pick(phrases.DEVICE_TAILS[seen.finding]),
        is_="are" if wires else "is",
        has="have" if wires else "has",
    ).replace(" a e", " an e")


def _lungs(groups: Sequence[_Group], draws: Draws) -> list[str]:
    said = {group.finding for group in groups}
    texts = _finding_sentences(groups, _IN_LUNGS, draws)
    if said.isdisjoint(_IN_LUNGS):
        squeezed = not said.isdisjoint(_AROUND_LUNGS)
        return [draws.pick(phrases.NO_OPACITY if squeezed else phrases.LUNGS_CLEAR)]
    if "opacity" not in said:
        texts.append(draws.pick(phrases.NO_OPACITY))
    if "edema" not in said and draws.chance(0.4):
        texts.append(draws.pick(phrases.NO_EDEMA))
    return texts


def _pleura(groups: Sequence[_Group], draws: Draws) -> list[str]:
    said = {group.finding for group in groups}
    texts = _finding_sentences(groups, _AROUND_LUNGS, draws)
    if said.isdisjoint(_AROUND_LUNGS):
        return [draws.pick(phrases.NO_PLEURA)]
    if "effusion" not in said:
        texts.append(draws.pick(phrases.NO_EFFUSION))
    if "pneumothorax" not in said:
        texts.append(draws.pick(phrases.NO_PNEUMOTHORAX))
    return texts


def _heart(groups: Sequence[_Group], draws: Draws) -> list[str]:
    texts = _finding_sentences(groups, ("cardiomegaly",), draws)
    if not texts:
        texts = [draws.pick(phrases.HEART_NORMAL)]
    if draws.chance(0.5) and "cardiomediastinal" not in texts[0]:
        texts.append(draws.pick(phrases.MEDIASTINUM_NORMAL))
    return texts


def _impression(groups: Sequence[_Group], draws: Draws) -> str:
    diseases = [group for group in groups if not KINDS[group.finding].device]
    items = [
        _fill(draws.pick(phrases.IMPRESSION_PHRASES[group.seen.change]), group, draws)
        for group in diseases
    ]
    if not any(group.seen.level for group in diseases):
        items.append(draws.pick(phrases.NOTHING_ACUTE))
    elif all(group.seen.change == "unchanged" for group in diseases) and draws.chance(0.6):
        items.insert(0, draws.pick(phrases.NO_CHANGE))
    items = [_sentence(item) for item in items]
    if len(items) > 1 and draws.chance(0.6):
        items = [f"{number}. {item}" for number, item in enumerate(items, 1)]
    return " ".join(items)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
