"""What one model got out of the prior, in a sentence that claims no more than was shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from metrics.results import Score
from reports.number_format import MINUS, count, p_value
from reports.ranking import is_significant
from reports.report_data import PriorGain
from reports.run_card import FEW_UNITS

Verdict = Literal["gain", "loss", "few", "none", "unknown"]
_UNITS = {"sample": "studies", "subject_id": "patients"}


@dataclass(frozen=True)
class Mode:
    """How texts speak of a way to treat the prior: in a sentence, and as a row of a plot."""

    with_it: str
    against: str
    row: str


MODES = {
    "real": Mode("the real prior", "", "the study's own prior"),
    "dummy": Mode("the dummy", "the dummy", "the dummy in its place"),
    "shuffled": Mode("another patient's", "another patient's", "another patient's prior"),
    "none": Mode("no prior", "no prior", "no prior"),
}


@dataclass(frozen=True)
class Finding:
    """A model and the sentence about it, without its name."""

    model: str
    text_only: bool
    verdict: Verdict
    sentence: str


def finding(model: str, gains: Sequence[PriorGain], text_only: bool) -> Finding:
    """Return what the real prior is worth to a model, from its gains in one metric.

    ``gain`` needs a significant difference to at least one of the other priors; what is not
    significant is called not shown, in either direction. ``few`` is said where the interval leaves
    out 0 and the test does not agree, over fewer than ``FEW_UNITS`` units: such intervals are too
    narrow to be believed against it.
    """
    what = "prior report" if text_only else "prior image"
    scores = [f"{_number(gains[0].real.score)} with {MODES['real'].with_it}"]
    scores += [f"{_number(g.instead.score)} with {MODES[g.other].with_it}" for g in gains]
    groups = {verdict: [g for g in gains if _verdict(g) == verdict] for verdict in _ORDER}
    clauses = [_clause(verdict, found, what) for verdict, found in groups.items() if found]
    first = next(verdict for verdict, found in groups.items() if found)
    return Finding(model, text_only, first, f"{', '.join(scores)}: {'; '.join(clauses)}.")


def units_of(score: Score) -> str:
    """Return how many independent units the score's interval is over, e.g. ``75 patients``."""
    return f"{count(score.n_units)} {_UNITS.get(score.unit, f'units of {score.unit}')}"


_ORDER: tuple[Verdict, ...] = ("gain", "loss", "few", "none", "unknown")


def _verdict(gain: PriorGain) -> Verdict:
    one = gain.difference
    if math.isnan(one.low):
        return "unknown"
    if not is_significant(one):
        return "few" if _leaves_out_0(gain) and one.n_units < FEW_UNITS else "none"
    return "gain" if one.difference > 0 else "loss"


def _clause(verdict: Verdict, gains: Sequence[PriorGain], what: str) -> str:
    if verdict == "gain":
        worth = (f"{_difference(g)} against {MODES[g.other].against}" for g in gains)
        return f"the right {what} is worth {' and '.join(worth)}"
    than = " and ".join(f"{MODES[g.other].against} ({_untold(g)})" for g in gains)
    if verdict == "loss":
        return f"the right {what} makes it worse than {than}"
    if verdict == "few":
        return (
            f"{units_of(gains[0].real)} are too few to claim a difference to {than}: below "
            f"{FEW_UNITS}, intervals tend to be too narrow"
        )
    if verdict == "none":
        return f"no gain from the right {what} is shown over {than}"
    return f"without intervals, nothing tells the difference to {than} from chance"


def _leaves_out_0(gain: PriorGain) -> bool:
    one = gain.difference
    return one.low > 0 or one.high < 0


def _untold(gain: PriorGain) -> str:
    """Return the difference, with the p-value where it alone keeps it from being significant."""
    one = gain.difference
    agrees = is_significant(one) or not _leaves_out_0(gain)
    return _difference(gain) if agrees else f"{_difference(gain)}, adjusted p {p_value(one.p_holm)}"


def _difference(gain: PriorGain) -> str:
    one = gain.difference
    value = _number(one.difference)
    text = value if one.difference <= 0 else f"+{value}"
    if math.isnan(one.low):
        return text
    return f"{text} [{_number(one.low)}, {_number(one.high)}]"


def _number(value: float) -> str:
    """Return a score in its own scale, with the two decimals that a sentence carries."""
    text = f"{value:.2f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", MINUS)
