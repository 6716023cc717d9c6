"""What a report shows, as plain data: ``harness`` fills these, ``reports.html`` renders them.

All scores are fractions in their natural scale, as in ``scores.json``; the page multiplies and
rounds. Texts are raw: everything is escaped where it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from metrics.metric import Span
from metrics.results import Score, ScoreTable
from metrics.statistics import PairedComparison

Verdict = Literal["sound", "caution", "unsound"]

NOT_MENTIONED = "not mentioned"
"""The change of a finding that one side does not mention, in a ``DirectionTable``."""


@dataclass(frozen=True)
class SystemSoundness:
    """Whether one system's predictions can carry conclusions, and why (not).

    Attributes
    ----------
    system
        Name, as in the score table.
    n
        Studies of the test set.
    missing, failed
        Studies without a prediction, and with one that broke off; both were scored as empty.
    empty
        Predictions that are there and hold no word.
    truncated
        Predictions cut at the token limit; None where finish reasons are not on record.
    distinct_share
        Distinct predictions over predictions that are there, 0 to 1.
    mean_words, reference_mean_words, length_ratio
        Words per prediction, per reference, and the quotient (None where references are empty).
    verdict
        ``sound``: nothing to see; ``caution``: read the reasons first; ``unsound``: do not quote.
    reasons
        One short sentence each; may be given for a sound system as well.
    """

    system: str
    n: int
    missing: int
    failed: int
    empty: int
    truncated: int | None
    distinct_share: float
    mean_words: float
    reference_mean_words: float
    length_ratio: float | None
    verdict: Verdict
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class SliceScores:
    """Scores over the ``n`` studies that share one ``value`` of a slice, by system and metric."""

    slice_name: str
    value: str
    n: int
    table: Mapping[str, Mapping[str, Score]]


@dataclass(frozen=True)
class PriorGain:
    """One metric of a model with the studies' real prior, and with something in its place.

    ``other`` is ``dummy``, ``shuffled`` or ``none``. Both scores and their ``difference`` (real
    minus other) are over the ``n`` studies that have a prior image and an answer of all of the
    model's modes; ``left_out`` counts those with a prior that one of these failed on.
    """

    model: str
    other: str
    metric: str
    real: Score
    instead: Score
    difference: PairedComparison
    n: int
    left_out: int = 0


@dataclass(frozen=True)
class PriorSection:
    """What the section on the prior image shows.

    ``without`` and ``unknown`` count the studies that have no prior image and those of which it is
    not known. Models of ``text_only`` look at no image: all they take of a prior is its report.
    """

    gains: Sequence[PriorGain]
    without: int = 0
    unknown: int = 0
    text_only: Sequence[str] = ()


@dataclass(frozen=True)
class DirectionTable:
    """How often each change of the references became which change in a system's predictions.

    ``counts[i][j]`` counts findings whose reference says ``changes[i]`` and whose prediction says
    ``changes[j]``. Findings that only one side mentions may be given as a change of their own,
    ``NOT_MENTIONED``; findings that neither side mentions cannot be counted and are not shown.
    """

    system: str
    changes: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True)
class HallucinationRow:
    """How often reports speak of a prior study although the model saw none.

    ``stratum`` says which of these studies, e.g. ``all`` or ``context mentions a comparison``;
    ``score`` is the system's rate with its n, ``references`` the rate of the references of the
    same studies (None where it is undefined).
    """

    system: str
    stratum: str
    score: Score
    references: float | None


@dataclass(frozen=True)
class TemporalSection:
    """What the temporal section shows beside the temporal scores of the score table."""

    directions: Sequence[DirectionTable] = ()
    hallucination: Sequence[HallucinationRow] = ()


@dataclass(frozen=True)
class ConditionRow:
    """How one system does on one of CheXpert's conditions.

    ``referenced`` and ``predicted`` count the studies whose reference or prediction has it;
    ``scores`` holds precision, recall, F1 and prevalence by their names in
    ``metrics.conditions.TABLE_COLUMNS``.
    """

    condition: str
    referenced: int
    predicted: int
    scores: Mapping[str, Score]


@dataclass(frozen=True)
class ConditionTable:
    """How one system does on each of CheXpert's conditions."""

    system: str
    rows: Sequence[ConditionRow]


@dataclass(frozen=True)
class StudyLabels:
    """What CheXbert says of one study's texts: class indices in the order of ``CONDITIONS``.

    A list per reference, and one per system; a prediction that is absent is an empty text.
    """

    references: Sequence[Sequence[int]]
    predictions: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class StudyView:
    """One study for the browser of studies.

    Attributes
    ----------
    sample_id
        Unique among the studies.
    tags
        Short facts to show, e.g. ``{"view": "PA"}``; ``has_prior`` (``yes`` or ``no``) feeds the
        prior filter.
    context
        What the model was given, by section name.
    references
        At least one text; reference spans belong to the first.
    images
        (caption, data URI) of PNG, JPEG, WebP or GIF images.
    predictions
        Raw text by system; a system without one is absent.
    spans
        By system, (key, span) pairs; the key names what the reader chooses to see marked, such
        as ``temporal_f1``. Offsets are characters of the raw texts.
    scores
        Per-sample scores by system and metric; None or NaN where undefined.
    labels
        None where no metric of the run reads CheXbert's labels.
    """

    sample_id: str
    tags: Mapping[str, str]
    context: Mapping[str, str]
    references: Sequence[str]
    images: Sequence[tuple[str, str]]
    predictions: Mapping[str, str]
    spans: Mapping[str, Sequence[tuple[str, Span]]]
    scores: Mapping[str, Mapping[str, float | None]]
    labels: StudyLabels | None = None


@dataclass(frozen=True)
class ReportData:
    """Everything that one ``report.html`` shows.

    Attributes
    ----------
    title
        Name of the run.
    command
        The command that made the run.
    table
        Scores, in the order in which systems are shown.
    soundness
        One entry per system of the table.
    facts
        (name, value) rows of the run card: data set, preprocessing, decoding, seeds, versions …
    comparisons
        Paired tests; empty where there is one system.
    slices
        In the order to show; entries of one slice stand together.
    temporal
        None where no temporal metric was scored.
    conditions
        One table per system; empty where CheXbert F1 was not scored.
    uncertain_is_there
        Whether a condition that a report calls uncertain counts as there.
    prior
        None where no model ran with its real prior and with another.
    performance
        What each system's model measured of itself while generating, as run.json has it.
    studies, studies_note
        Studies to browse, and how they were chosen where they are not all.
    notes
        Warnings, one sentence each, shown with the run's soundness.
    shareable
        Set by ``reports.shareable.shareable``: the page says what was taken out.
    """

    title: str
    command: str
    table: ScoreTable
    soundness: Sequence[SystemSoundness]
    facts: Sequence[tuple[str, str]] = ()
    comparisons: Sequence[PairedComparison] = ()
    slices: Sequence[SliceScores] = ()
    temporal: TemporalSection | None = None
    conditions: Sequence[ConditionTable] = ()
    uncertain_is_there: bool = True
    prior: PriorSection | None = None
    performance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    studies: Sequence[StudyView] = ()
    studies_note: str = ""
    notes: Sequence[str] = ()
    shareable: bool = False
