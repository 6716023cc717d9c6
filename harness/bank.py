"""The bank of training studies that an adapter may copy from, and what it must not hold."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import InputError
from harness.study import Study
from models.adapter import BankReport


def refuse_leaks(bank: Sequence[Study], studies: Sequence[Study], bank_name: str) -> None:
    """Refuse a bank that holds a study or a patient of the test set.

    Patients can only be told where both sides have ``subject_id``.

    Raises
    ------
    InputError
        Naming the first such study of the bank and how many there are.
    """
    known = {s.sample_id for s in studies} | {s.study_id for s in studies}
    patients = {s.subject_id for s in studies} - {None}
    same_study = [s for s in bank if s.study_id in known or s.sample_id in known]
    same_patient = [s for s in bank if s.subject_id in patients]
    for leaks, what in (
        (same_study, "of the test set"),
        (same_patient, "of the test set's patients"),
    ):
        if leaks:
            raise InputError(
                f"The bank {bank_name} holds {len(leaks)} studies {what}, first "
                f"{leaks[0].study_id!r}. A baseline must not copy from them: give a bank of "
                "training studies without the test set's patients."
            )


def bank_reports(bank: Sequence[Study], section: str) -> list[BankReport]:
    """Pair the bank's studies with their reports, in the section that the benchmark asks for.

    Of several references of a study the first counts. A training set has reports without the
    section: such a study is left out, as there is nothing to copy.

    Raises
    ------
    InputError
        If no study of the bank has the section.
    """
    found = [
        BankReport(study.sample_id, study.context, study.reference_texts(section)[0])
        for study in bank
        if study.has_section(section)
    ]
    if not found:
        raise InputError(f"No study of the bank has {section}. Give a bank of reports with it.")
    return found
