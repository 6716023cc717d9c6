"""Whether the run is sound as a whole, and how its scores were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metrics.results import Score
from reports.number_format import count, digits
from reports.report_data import ReportData, Verdict

FEW_UNITS = 100
"""Below this many units, bootstrap intervals are too narrow (``benchmarks/simulations``)."""


@dataclass(frozen=True)
class Soundness:
    """The verdict on the run: its worst system's, and at best ``look`` with a warning."""

    verdict: Verdict
    headline: str
    warnings: list[str]
    treatments: list[str]


@dataclass(frozen=True)
class HowScored:
    """Everything needed to quote one column of scores."""

    metric: str
    signature: str
    direction: str
    sampling: str
    undefined: str


def soundness(data: ReportData) -> Soundness:
    """Return the verdict on the whole run, with the warnings that follow from its scores."""
    warnings = [*_own_warnings(data), *data.notes]
    verdicts = {one.verdict for one in data.soundness}
    if "unsound" in verdicts:
        verdict: Verdict = "unsound"
    else:
        verdict = "caution" if "caution" in verdicts or warnings else "sound"
    return Soundness(verdict, _headline(data, verdict), warnings, _treatments(data))


def how_scored(data: ReportData) -> list[HowScored]:
    """Return one entry per metric and signature, in the order of the score table."""
    found: dict[tuple[str, str], dict[str, Score]] = {}
    for name, system in data.table.systems.items():
        for metric, score in system.metrics.items():
            found.setdefault((metric, score.signature), {})[name] = score
    return [_entry(metric, scores) for (metric, _), scores in found.items()]


def _headline(data: ReportData, verdict: Verdict) -> str:
    unsound, caution = (
        ", ".join(one.system for one in data.soundness if one.verdict == word)
        for word in ("unsound", "caution")
    )
    if verdict == "sound":
        return "Nothing that was checked speaks against these numbers."
    sentences = [f"Do not quote the numbers of {unsound}."] if unsound else []
    if caution:
        sentences.append(f"Read the reasons below before you quote {caution}.")
    return " ".join(sentences) or "Read the warnings below before you quote these numbers."


def _own_warnings(data: ReportData) -> list[str]:
    warnings = []
    if data.table.partial:
        warnings.append(
            "This is a partial run: it covers only some studies of the test set and stays off "
            "leaderboards."
        )
    units = [s.n_units for one in data.table.systems.values() for s in one.metrics.values()]
    if units and min(units) < FEW_UNITS:
        warnings.append(
            f"Some intervals rest on only {count(min(units))} independent units. Below {FEW_UNITS} "
            "they tend to be too narrow."
        )
    return warnings


def _treatments(data: ReportData) -> list[str]:
    names: dict[str, None] = {}
    for entry in how_scored(data):
        for setting in entry.signature.split("|"):
            if setting.startswith("treatment:"):
                names[setting.removeprefix("treatment:")] = None
    return list(names)


def _entry(metric: str, scores: Mapping[str, Score]) -> HowScored:
    first = next(iter(scores.values()))
    return HowScored(
        metric=metric,
        signature=first.signature,
        direction="higher is better" if first.higher_is_better else "lower is better",
        sampling=_sampling(first),
        undefined=_undefined(scores),
    )


def _undefined(scores: Mapping[str, Score]) -> str:
    """Return ``none``, or per system that has any ``name: 3 of 1 000``."""
    affected = {
        name: f"{count(score.undefined_resamples)} of {count(score.resamples)}"
        for name, score in scores.items()
        if score.undefined_resamples
    }
    if len(affected) == len(scores) > 1 and len(set(affected.values())) == 1:
        return f"every system: {next(iter(affected.values()))}"
    return "; ".join(f"{name}: {share}" for name, share in affected.items()) or "none"


def _sampling(score: Score) -> str:
    if not score.resamples:
        return "no intervals"
    confidence = digits(score.confidence, percent=True).rstrip("0").rstrip(".")
    unit = "studies" if score.unit == "sample" else f"units of {score.unit}"
    return (
        f"{confidence} % {score.method} bootstrap, {count(score.resamples)} resamples of "
        f"{count(score.n_units)} {unit}, seed {score.seed}"
    )
