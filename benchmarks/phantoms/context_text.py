"""Writes what the reader of a study was told: indication, history, comparison, technique."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from benchmarks.phantoms.findings import UNSIDED, Observation
from benchmarks.phantoms.randomness import Draws

_COMPLAINTS = {
    "heart failure": (
        "shortness of breath",
        "dyspnea and leg swelling",
        "orthopnea",
        "weight gain",
    ),
    "infection": ("fever and cough", "productive cough", "fever and chills", "hypoxia"),
    "surgery": ("recent cardiac surgery", "ventilator support", "recent bypass surgery"),
    "trauma": ("chest pain after a fall", "blunt chest trauma", "motor vehicle accident"),
    "cancer": ("known malignancy", "weight loss", "ongoing chemotherapy", "hemoptysis"),
    "routine": ("positive tuberculin test", "preoperative evaluation", "chest pain", "dizziness"),
}
_HISTORIES = {
    "heart failure": ("Congestive heart failure.", "Ischemic cardiomyopathy.", "Hypertension."),
    "infection": ("Diabetes.", "Chronic obstructive pulmonary disease.", "Immunosuppression."),
    "surgery": ("Coronary artery disease.", "Aortic valve replacement.", "Intensive care."),
    "trauma": ("Rib pain.", "No relevant history."),
    "cancer": ("Lung cancer.", "Breast cancer.", "Lymphoma.", "Colon cancer."),
    "routine": ("No relevant history.", "Hypertension.", "Former smoker."),
}
_NAMES = {
    "effusion": "pleural effusion",
    "pneumothorax": "pneumothorax",
    "opacity": "pneumonia",
    "atelectasis": "atelectasis",
    "nodule": "lung nodule",
    "edema": "pulmonary edema",
    "cardiomegaly": "cardiomegaly",
}
_PLACED = {
    "pacemaker": "Check after pacemaker placement.",
    "central_line": "Check of line position.",
    "endotracheal_tube": "Check of tube position after intubation.",
    "enteric_tube": "Check of feeding tube position.",
}
_QUESTIONS = ("Evaluate for {name}.", "Please assess for {name}.", "Question of {name}.")
_FOLLOW_UPS = ("Follow-up of {name}.", "Please reassess {name}.", "Known {name}, follow-up.")
_COMPARISONS = ("Chest radiograph from {day}.", "Radiograph of {day}.", "Prior study of {day}.")
_UNAVAILABLE = (
    "Outside chest radiograph, not available for review.",
    "Outside hospital study, images not available.",
)
_NO_COMPARISON = ("None.", "None.", "None available.")
_TECHNIQUES = {
    "PA": ("PA view of the chest.", "Upright PA chest radiograph.", "Frontal PA chest radiograph."),
    "AP": ("Portable AP view of the chest.", "AP chest radiograph.", "Single portable AP view."),
}
_MONTHS = tuple("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())  # noqa: SIM905


@dataclass(frozen=True)
class Person:
    """What is said of a patient beside their findings."""

    profile: str
    sex: str
    age: int
    history: str


def draw_person(profile: str, draws: Draws) -> Person:
    """Return a patient of the profile."""
    age = draws.whole(22, 60) if profile == "trauma" else draws.whole(38, 88)
    history = draws.pick(_HISTORIES[profile])
    return Person(profile, draws.pick(("man", "woman")), age, history)


def write_context(
    person: Person,
    view: str,
    observations: Sequence[Observation],
    before: Sequence[Observation],
    prior_date: date | None,
    draws: Draws,
) -> Mapping[str, str]:
    """Return the context sections; ``before`` is what the prior showed, empty without one."""
    context = {"indication": _indication(person, observations, before, draws)}
    if draws.chance(0.5):
        context["history"] = person.history
    context["comparison"] = _comparison(prior_date, draws)
    if draws.chance(0.8):
        context["technique"] = draws.pick(_TECHNIQUES[view])
    return context


def _indication(
    person: Person,
    observations: Sequence[Observation],
    before: Sequence[Observation],
    draws: Draws,
) -> str:
    who = f"{person.age}-year-old {person.sex} with {draws.pick(_COMPLAINTS[person.profile])}."
    known = [seen for seen in before if seen.level and seen.finding in _NAMES]
    if known and draws.chance(0.8):
        return f"{who} {_about(known, _FOLLOW_UPS, draws)}"
    placed = [seen for seen in observations if seen.level and seen.change in (None, "new")]
    placed = [seen for seen in placed if seen.finding in _PLACED]
    if placed and draws.chance(0.35):
        return f"{who} {_PLACED[draws.pick(placed).finding]}"
    # A question often names what is there, at times something that is not.
    asked = [seen for seen in observations if seen.finding in _NAMES and seen.change != "unchanged"]
    if asked and draws.chance(0.7):
        return f"{who} {_about(asked, _QUESTIONS, draws)}"
    if draws.chance(0.3):
        name = draws.pick(("pneumonia", "acute process", "effusion", "pneumothorax"))
        return f"{who} {draws.pick(_QUESTIONS).format(name=name)}"
    return who


def _about(choices: Sequence[Observation], templates: Sequence[str], draws: Draws) -> str:
    """Return a sentence on one or two of the observations."""
    chosen = [draws.pick(choices), draws.pick(choices)]
    names = dict.fromkeys(_name(seen) for seen in chosen)
    return draws.pick(templates).format(name=" and ".join(names))


def _name(seen: Observation) -> str:
    name = _NAMES[seen.finding]
    return name if seen.side == UNSIDED else f"{seen.side} {name}"


def _comparison(prior_date: date | None, draws: Draws) -> str:
    if prior_date is None:
        return draws.pick(_UNAVAILABLE if draws.chance(0.18) else _NO_COMPARISON)
    day = f"{_MONTHS[prior_date.month - 1]} {prior_date.day}, {prior_date.year}"
    return draws.pick(_COMPARISONS).format(day=draws.pick((day, prior_date.isoformat())))
