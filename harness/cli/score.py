"""``score``: score prediction files that exist."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, note, progress_bar
from harness.cli.shared import (
    AllowMissingOption,
    ClusterOption,
    ConfidenceOption,
    FreshOption,
    MaxLineOption,
    MetricsOption,
    ProcessesOption,
    ProtocolOption,
    ReferencesOption,
    ResamplesOption,
    SectionOption,
    SeedOption,
    SettingOption,
    SkipOption,
    show_scored,
    split_names,
)

PredictionsOption = Annotated[
    list[str], typer.Option("--predictions", metavar="[NAME=]FILE", help="A system; repeatable.")
]
MoreArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[[NAME=]FILE]...", help="Further systems.")
]
RunOption = Annotated[Path, typer.Option("--output", metavar="DIR", help="The run folder.")]
MethodOption = Annotated[str, typer.Option("--method", help="percentile or bca")]
SlicesOption = Annotated[
    list[str] | None,
    typer.Option("--slice", help="has_prior, view, report_length, abnormal or a tag"),
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="FIELD=COLUMN",
        help="Column of a CSV or TSV that holds a field; repeatable.",
    ),
]
ImagesOption = Annotated[
    Path | None, typer.Option("--images", metavar="DIR", help="Folder of the studies' images.")
]


def score(
    context: typer.Context,
    references: ReferencesOption,
    predictions: PredictionsOption,
    output: RunOption,
    more_predictions: MoreArgument = None,
    metrics: MetricsOption = None,
    protocol: ProtocolOption = None,
    settings: SettingOption = None,
    section: SectionOption = "findings",
    resamples: ResamplesOption = 1000,
    confidence: ConfidenceOption = 0.95,
    method: MethodOption = "percentile",
    seed: SeedOption = 0,
    cluster: ClusterOption = "auto",
    slices: SlicesOption = None,
    columns: ColumnsOption = None,
    images: ImagesOption = None,
    allow_missing: AllowMissingOption = False,
    skip_unavailable: SkipOption = False,
    max_line_mb: MaxLineOption = 8.0,
    fresh: FreshOption = False,
    processes: ProcessesOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Score prediction files that exist, with intervals, into a run folder with a report."""
    from harness.command_words import typed
    from harness.given_settings import read_settings
    from harness.score_run import ScoreRequest, read_inputs, score_files
    from harness.scoring_plan import ScoringPlan
    from harness.slices import DEFAULT_SLICES
    from metrics.scoring import Resampling

    plan = ScoringPlan(
        metrics=split_names(metrics),
        protocol=protocol,
        section=section,
        resampling=Resampling.of(resamples, confidence, method, seed),
        cluster=cluster,
        slices=tuple(dict.fromkeys(slices)) if slices else DEFAULT_SLICES,
        settings=read_settings(settings or []),
    ).available(skip_unavailable)
    request = ScoreRequest(
        references=references,
        predictions=[*predictions, *(more_predictions or [])],
        output=output,
        plan=plan,
        columns=columns or [],
        images=images,
        allow_missing=allow_missing,
        max_line_mb=max_line_mb,
        fresh=fresh,
        processes=processes,
        command=typed(context.obj),
    )
    for line in plan.wording_notes:
        note(line)
    inputs = read_inputs(request)
    with progress_bar("scoring", len(inputs.studies)) as advance:
        folder, scored = score_files(request, inputs, advance)
    show_scored(folder, scored, as_json)
