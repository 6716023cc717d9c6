"""CRIMSON: findings weighed by what they mean for the patient; arithmetic of a verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from metrics.errors import InputError

_SIGNIFICANCE = {
    "urgent": 1.0,
    "actionable_not_urgent": 0.5,
    "not_actionable_not_urgent": 0.25,
    "benign_expected": 0.0,
}
_SEVERITY = {"significant": 0.5, "negligible": 0.0}
_UNKNOWN = 0.25
"""Weight of a significance or severity that is none of the known ones."""
ATTRIBUTES = (
    "location",
    "severity",
    "descriptor",
    "measurement",
    "certainty",
    "unspecific",
    "overinterpretation",
    "temporal",
)
_LETTERS_APART = re.compile(r"\. (?:[A-Z]\. )+[A-Z]\.?")
_HYPHENS_APART = re.compile(r"\. (\w+(?:-\. \w+)+)")
_LONE_DOT = re.compile(r"(?<=\s)\. (?=\S)")
_DOTS_AT_THE_END = re.compile(r"\.\s*\.\s*$")


class CrimsonScore(TypedDict):
    """CRIMSON's score, and how many errors of each kind there are."""

    score: float
    error_counts: dict[str, int]


def score_crimson(verdict: Mapping[str, Any]) -> CrimsonScore:
    """Return the score of a judge's verdict, from -1 to 1, rounded to 4 decimals as published.

    Findings of the reference that were matched give credit, less for those with wrong
    attributes; invented findings take it. Both weigh as their clinical significance. The sum is
    divided by the weight of the reference's findings; a negative one is squeezed to above -1.
    Missing findings count through that weight only. Ids that are in no list weigh nothing.

    Parameters
    ----------
    verdict
        ``reference_findings`` and ``predicted_findings`` (id, clinical_significance),
        ``matched_findings`` (ref_id, pred_id), ``errors`` (false_findings, missing_findings:
        ids; attribute_errors: ref_id, error_types, severity). What is absent is empty.

    Raises
    ------
    InputError
        If the verdict has not this form.

    Source: crimson-score 0.2.0 (rajpurkarlab, MIT), ``generate_score.py``.
    """
    try:
        return _score(verdict)
    except (KeyError, TypeError, AttributeError):
        # no detail: it could quote the report
        raise InputError(
            "A CRIMSON verdict has not the form that it should have: findings with an id, matches "
            "and attribute errors with a ref_id, lists of ids."
        ) from None


def _score(verdict: Mapping[str, Any]) -> CrimsonScore:
    errors = verdict.get("errors", {})
    matches = verdict.get("matched_findings", [])
    references = verdict.get("reference_findings", [])
    false_ids = errors.get("false_findings", [])
    missing_ids = errors.get("missing_findings", [])
    attribute_errors = errors.get("attribute_errors", [])

    of_reference = _weight_by_id(references)
    of_prediction = _weight_by_id(verdict.get("predicted_findings", []))
    invented = sum(of_prediction.get(one, 0.0) for one in false_ids)
    missed = sum(of_reference.get(one, 0.0) for one in missing_ids)
    total = sum(_significance(one) for one in references)
    if not references:
        total = len(matches) + missed
    faults = _faults(attribute_errors)
    matched = dict.fromkeys(match["ref_id"] for match in matches)
    credit = 0.0
    for one in matched:
        credit += _credit(of_reference.get(one, 0.0), faults.get(one))
    counts = {
        "false_findings": len(false_ids),
        "missing_findings": len(missing_ids),
        "attribute_errors": len(attribute_errors),
    }
    for name in ATTRIBUTES:
        counts[f"{name}_errors"] = sum(name in e.get("error_types", []) for e in attribute_errors)
    return {"score": _squeezed(credit, invented, missed, total), "error_counts": counts}


def _squeezed(credit: float, invented: float, missed: float, total: float) -> float:
    if total:
        share = (credit - invented) / total
    else:
        share = -(invented + missed + 1) if invented or missed else 1.0
    if share >= 0:
        return round(share, 4)
    excess = invented - credit
    return round(-excess / (1 + excess), 4) if excess > 0 else 0.0


def _credit(weight: float, faults: float | None) -> float:
    if faults is None:
        return weight
    return weight * (weight / (weight + faults)) if weight + faults > 0 else 0.0


def _faults(attribute_errors: Sequence[Any]) -> dict[Any, float]:
    """Return the summed weights of the attribute errors of each reference finding."""
    faults: dict[Any, float] = {}
    for error in attribute_errors:
        weight = _SEVERITY.get(error.get("severity", ""), _UNKNOWN)
        faults[error["ref_id"]] = faults.get(error["ref_id"], 0) + weight
    return faults


def _weight_by_id(findings: Sequence[Any]) -> dict[Any, float]:
    return {finding["id"]: _significance(finding) for finding in findings}


def _significance(finding: Any) -> float:
    return _SIGNIFICANCE.get(finding.get("clinical_significance", ""), _UNKNOWN)


def clean_report_text(text: str) -> str:
    """Return a report without the marks that some models leave in it.

    Bold marks, letters of an abbreviation and hyphened words set apart by dots, lone dots, and
    sentences that were there before. The package offers this and does not use it; nor do we.
    """
    text = text.replace("**", "")
    text = _LETTERS_APART.sub(lambda found: re.sub(r"[^A-Z]", "", found.group()), text)
    text = _HYPHENS_APART.sub(lambda found: found.group(1).replace("-. ", "-"), text)
    text = _DOTS_AT_THE_END.sub(".", _LONE_DOT.sub("", text))
    first: dict[str, str] = {}
    for sentence in text.split(". "):
        if sentence.strip():
            first.setdefault(sentence.strip(), sentence)
    return ". ".join(first.values())
