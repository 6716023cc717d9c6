"""``audit``: what each metric is sensitive to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, print_json, print_table, progress_bar
from harness.cli.shared import (
    ClusterOption,
    ConfidenceOption,
    FreshOption,
    LimitOption,
    MaxLineOption,
    MetricsOption,
    ProtocolOption,
    ReferencesOption,
    ResamplesOption,
    SectionOption,
    SeedOption,
    SettingOption,
    SkipOption,
    split_names,
)


def audit(
    references: ReferencesOption,
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where to write.")],
    metrics: MetricsOption = None,
    protocol: ProtocolOption = None,
    settings: SettingOption = None,
    section: SectionOption = "findings",
    edits: Annotated[
        list[str] | None, typer.Option("--edits", metavar="E,…", help="Only these edits.")
    ] = None,
    limit: LimitOption = None,
    resamples: ResamplesOption = 1000,
    confidence: ConfidenceOption = 0.95,
    seed: SeedOption = 0,
    cluster: ClusterOption = "auto",
    skip_unavailable: SkipOption = False,
    max_line_mb: MaxLineOption = 8.0,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """Edit references, harmfully and harmlessly, and show what each metric makes of it."""
    from harness.audit import AuditRequest, run_audit
    from harness.audit_files import FILES, audit_values, write_audit
    from harness.given_settings import read_settings
    from harness.result_folder import refuse_taken
    from harness.scoring_plan import ScoringPlan
    from metrics.scoring import Resampling
    from reports.audit_tables import audit_tables, undefined_metrics

    plan = ScoringPlan(
        metrics=split_names(metrics),
        protocol=protocol,
        settings=read_settings(settings or []),
        section=section,
        resampling=Resampling.of(resamples, confidence, "percentile", seed),
        cluster=cluster,
    ).available(skip_unavailable)
    refuse_taken(output, FILES, fresh)
    request = AuditRequest(references, plan, split_names(edits), limit, max_line_mb)
    with progress_bar("scoring", 1) as advance:
        audited = run_audit(request)
        advance(1)
    write_audit(output, audited)
    if as_json:
        print_json(audit_values(audited))
        return
    for table in audit_tables(audited.audit):
        print_table(table.headers, table.rows, table.title)
    if left_out := undefined_metrics(audited.audit):
        print(f"without a score of single studies: {', '.join(left_out)}")
    for note in audited.notes:
        print(note)
    print(f"{audited.n:,} studies, resampled by {audited.unit}: {audited.n_units:,} units")
    print(f"intervals: {output / 'audit.csv'}")
    print(f"tables:    {output / 'audit.md'}")
