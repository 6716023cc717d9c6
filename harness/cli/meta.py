"""``meta``: how well metrics agree with radiologists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, print_json, print_table
from harness.cli.shared import (
    ConfidenceOption,
    FreshOption,
    MetricsOption,
    ProtocolOption,
    ResamplesOption,
    SeedOption,
    SettingOption,
    SkipOption,
    split_names,
)


def meta(
    errors: Annotated[
        Path, typer.Option("--errors", metavar="FILE", help="Radiologists' error counts, CSV.")
    ],
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where to write.")],
    reports: Annotated[
        Path | None,
        typer.Option("--reports", metavar="FILE", help="References and candidates to score, CSV."),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option("--scores", metavar="FILE", help="Scores of the candidates instead, CSV."),
    ] = None,
    metrics: MetricsOption = None,
    protocol: ProtocolOption = None,
    settings: SettingOption = None,
    lower: Annotated[
        list[str] | None,
        typer.Option("--lower", metavar="M,…", help="Columns of --scores: lower is better."),
    ] = None,
    resamples: ResamplesOption = 1000,
    confidence: ConfidenceOption = 0.95,
    seed: SeedOption = 0,
    skip_unavailable: SkipOption = False,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """Correlate metrics with radiologists' error counts, as ReXVal has them."""
    from harness.given_settings import read_settings
    from harness.meta import MetaRequest, run_meta
    from harness.meta_files import FILES, meta_values, write_meta
    from harness.result_folder import refuse_taken
    from harness.scoring_plan import ScoringPlan
    from metrics.scoring import Resampling
    from reports.agreement import agreement_rows

    plan = ScoringPlan(
        metrics=split_names(metrics),
        protocol=protocol,
        settings=read_settings(settings or []),
        resampling=Resampling.of(resamples, confidence, "percentile", seed),
    )
    if scores is None:
        plan = plan.available(skip_unavailable)
    refuse_taken(output, FILES, fresh)
    found = run_meta(MetaRequest(errors, plan, reports, scores, split_names(lower) or ()))
    write_meta(output, found)
    if as_json:
        print_json(meta_values(found))
        return
    facts = found.to_dict()
    title = (
        f"{facts['pairs']:,} reports of {facts['studies']:,} studies, {facts['raters']:,} raters"
    )
    print_table(*agreement_rows(found.agreements), title)
    print("Positive: fewer errors, a better score. Intervals resample studies.")
    for note in facts["notes"]:
        print(note)
    print(f"table: {output / 'meta.csv'}")
    print(f"plot:  {output / 'meta.svg'}")
