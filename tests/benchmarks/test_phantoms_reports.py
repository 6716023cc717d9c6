"""Reports of phantoms say what the truth says, and speak of time only where there is a prior."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.phantoms import Study, generate_patients
from benchmarks.phantoms.findings import KINDS

_NOUNS = {
    "effusion": r"pleural effusions?",
    "pneumothorax": r"pneumothora(?:x|ces)",
    "opacity": r"opacit(?:y|ies)|consolidations?",
    "atelectasis": r"atelectasis",
    "nodule": r"nodules?",
    "edema": r"edema",
    "cardiomegaly": r"cardiomegaly",
    "pacemaker": r"pacemaker",
    "central_line": r"jugular (?:line|central venous catheter)|picc|chest (?:wall )?port",
    "endotracheal_tube": r"endotracheal tube",
    "enteric_tube": r"nasogastric tube|enteric tube",
    "sternotomy_wires": r"sternotomy wires",
}
_CHANGES = {
    "resolved": r"resolved|resolution|no longer seen|removed|removal",
    "new": r"new|developed|development|placement",
    "worse": r"worse|worsened|worsening|increased|progressed",
    "better": r"better|improved|improving|improvement|decreased",
    "unchanged": r"unchanged|stable|no significant change|no relevant change|no significant int",
}
# Everything by which a reader could tell that there is an earlier image; with Libra's keywords.
_TEMPORAL = re.compile(
    r"\b(?:prior|previous\w*|interval|again|since|now|compared|comparison|persist\w*|remain\w*"
    r"|constant|clear(?:ed|ing)|elevat\w+|enlarg\w+|expanded|unfolded|reduced|bigger|larger|smaller"
    r"|change|" + "|".join(_CHANGES.values()) + r")\b",
    re.IGNORECASE,
)
_ABSENCE = re.compile(r"(?:there is )?no (?!significant|relevant)")


def _find(patterns: dict[str, str], sentence: str) -> list[str]:
    return [name for name, words in patterns.items() if re.search(rf"\b(?:{words})\b", sentence)]


def _sides(sentence: str, finding: str) -> list[str]:
    if KINDS[finding].sides == ("none",):
        return ["none"]
    before_tail = re.split(r" (?:with|ending|over) ", sentence)[0]
    if re.search(r"\b(?:bilateral|bibasilar)\b", before_tail):
        return ["right", "left"]
    return re.findall(r"\b(?:right|left)\b", before_tail)


def _parse(text: str) -> tuple[dict[tuple[str, str], tuple[str, str | None]], set[str]]:
    """Return (severity, change) for each (finding, side), and the findings that are denied."""
    said: dict[tuple[str, str], tuple[str, str | None]] = {}
    denied: set[str] = set()
    for sentence in re.split(r"(?<=[a-zA-Z])\.(?: \d\.)? ?", re.sub(r"^1\. ", "", text)):
        sentence = sentence.lower()
        findings = _find(_NOUNS, sentence)
        if _ABSENCE.match(sentence) or "without focal" in sentence:
            denied.update(findings)
            continue
        if not findings:
            continue
        (finding,) = findings
        changes = _find(_CHANGES, sentence)
        assert len(changes) <= 1, sentence
        change = changes[0] if changes else None
        severities = re.findall(rf"\b(?:{'|'.join(KINDS[finding].severities)})\b", sentence)
        severity = "none" if change == "resolved" else "".join(severities[:1]) or "present"
        for side in _sides(sentence, finding):
            assert (finding, side) not in said, text
            said[finding, side] = (severity, change)
    return said, denied


def _truth(study: Study) -> dict[tuple[str, str], tuple[str, str | None]]:
    return {(o.finding, o.side): (o.severity, o.change) for o in study.observations}


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [study for patient in generate_patients(11, 300) for study in patient.studies]


def test_findings_state_each_finding_of_the_truth_and_nothing_else(studies):
    for study in studies:
        assert _truth(study) == _parse(study.findings)[0], study.study_id


def test_zones_and_kinds_of_lines_are_those_of_the_truth(studies):
    words = {"picc": "PICC", "internal jugular": "jugular", "port": "port"}
    for study in studies:
        for seen in study.observations:
            assert words.get(seen.detail, seen.detail) in study.findings


def test_what_findings_deny_is_neither_present_nor_just_resolved(studies):
    for study in studies:
        denied = _parse(study.findings)[1]
        assert denied.isdisjoint(seen.finding for seen in study.observations), study.study_id


def test_impressions_sum_up_the_diseases_and_leave_out_the_devices(studies):
    for study in studies:
        diseases = {
            site: state for site, state in _truth(study).items() if not KINDS[site[0]].device
        }
        assert diseases == _parse(study.impression)[0], study.study_id


def test_only_reports_with_a_prior_speak_of_time(studies):
    first = [study for study in studies if study.prior is None]
    assert 300 == len(first)
    for study in first:
        assert not _TEMPORAL.search(f"{study.findings} {study.impression}"), study.study_id
        assert {None} >= {seen.change for seen in study.observations}


def test_every_change_of_every_disease_is_told_in_several_ways(studies):
    sentences: dict[tuple[str, str | None], set[str]] = {}
    for study in studies:
        for sentence in study.findings.lower().rstrip(".").split(". "):
            for finding in _find(_NOUNS, sentence)[:1]:
                change = (_find(_CHANGES, sentence) or [None])[0]
                plain = re.sub(r"right|left|small|moderate|large|mild|severe", "", sentence)
                sentences.setdefault((finding, change), set()).add(plain)
    for finding in ("effusion", "opacity", "pneumothorax", "edema", "atelectasis"):
        for change in (None, *_CHANGES):
            assert len(sentences[finding, change]) >= 3, (finding, change)


def test_comparison_names_the_prior_or_says_that_there_is_none(studies):
    unavailable = 0
    for study in studies:
        comparison = study.context["comparison"]
        if study.prior:
            assert str(study.prior.day.year) in comparison
        else:
            unavailable += "not available" in comparison
            assert "None" in comparison or "not available" in comparison
    assert 30 <= unavailable <= 90  # of 300 first studies


def test_indications_tell_something_of_the_findings(studies):
    def share_with_effusion(chosen: list[Study]) -> float:
        ill = [any(seen.finding == "effusion" for seen in s.observations) for s in chosen]
        return sum(ill) / len(ill)

    asked = [study for study in studies if "effusion" in study.context["indication"]]
    assert share_with_effusion(asked) > 2 * share_with_effusion(studies)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**40))
def test_reports_are_true_whatever_the_seed(seed):
    for patient in generate_patients(seed, 2):
        for study in patient.studies:
            assert _truth(study) == _parse(study.findings)[0]
            if study.prior is None:
                assert not _TEMPORAL.search(f"{study.findings} {study.impression}")
