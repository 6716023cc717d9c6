"""Give every study with a prior the prior of another patient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np

from harness.errors import InputError
from harness.study import Study


def shuffled_priors(studies: Sequence[Study], generator: np.random.Generator) -> dict[str, Study]:
    """Return, by sample id, the study whose prior each study with a prior is shown instead.

    The donor is never of the same patient (a study without a patient id counts as a patient of
    its own) and each study gives its prior once, wherever that is possible: among studies of the
    same view (tag ``view``), else among those of all views where that fails. Studies without a
    prior take no part. The result depends on the studies, their order and the generator only.

    Raises
    ------
    InputError
        If there are studies with a prior, but all are of one patient.
    """
    taking = [study for study in studies if study.has_prior]
    if taking and len({_patient(study) for study in taking}) < 2:
        raise InputError(
            "Shuffled priors need studies with a prior of at least two patients. "
            "Leave the prior mode 'shuffled' out."
        )
    donors: dict[str, Study] = {}
    left: list[Study] = []
    for group in _grouped(taking, lambda study: study.tags.get("view", "")):
        rotated = _rotated(group, generator)
        donors.update(rotated)
        left += group if not rotated else []
    donors.update(_rotated(left, generator) or _drawn(left, taking, generator))
    return donors


def _rotated(group: Sequence[Study], generator: np.random.Generator) -> dict[str, Study]:
    """Return a derangement of patients, or nothing where one patient has over half the studies.

    With each patient's studies in a row, a turn by the longest row leaves nobody with their own.
    """
    rows = _grouped(group, _patient)
    longest = max((len(row) for row in rows), default=0)
    if 2 * longest > len(group):
        return {}
    order = [rows[i] for i in generator.permutation(len(rows))]
    line = list(chain.from_iterable(_permuted(row, generator) for row in order))
    turned = line[longest:] + line[:longest]
    return {study.sample_id: donor for study, donor in zip(line, turned, strict=True)}


def _drawn(
    left: Sequence[Study], donors: Sequence[Study], generator: np.random.Generator
) -> dict[str, Study]:
    """Draw a donor of another patient for each, with repetition, of the same view if possible."""
    drawn: dict[str, Study] = {}
    for study in left:
        others = [donor for donor in donors if _patient(donor) != _patient(study)]
        same_view = [d for d in others if d.tags.get("view") == study.tags.get("view")]
        pool = same_view or others
        drawn[study.sample_id] = pool[int(generator.integers(len(pool)))]
    return drawn


def _patient(study: Study) -> tuple[str, str]:
    if study.subject_id is None:
        return ("sample", study.sample_id)
    return ("subject", study.subject_id)


def _grouped(studies: Iterable[Study], key: Callable[[Study], object]) -> list[list[Study]]:
    groups: dict[object, list[Study]] = defaultdict(list)
    for study in studies:
        groups[key(study)].append(study)
    return list(groups.values())


def _permuted(row: Sequence[Study], generator: np.random.Generator) -> list[Study]:
    return [row[i] for i in generator.permutation(len(row))]
