"""Options that several verbs take, and what they print of a finished run."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.output import fits, print_json, print_table
from reports.text_safety import terminal_text

if TYPE_CHECKING:
    from harness.run_folder import RunFolder
    from harness.scoring import Scored

_INTERVAL = re.compile(r" \[.*?\]")
BenchmarkArgument = Annotated[
    str, typer.Argument(metavar="BENCHMARK", help="A YAML file, or the name of a bundled one.")
]
ModelOption = Annotated[
    list[str] | None, typer.Option("--model", metavar="ID", help="Only this model; repeatable.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="Only the first N studies: a partial run.")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="DIR", help="The run folder.")
]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Replace the run that the folder holds.")
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", min=1, help="Processes that score large test sets.")
]
ReferencesOption = Annotated[
    Path, typer.Option("--references", metavar="FILE", help="Studies with their reports.")
]
ProtocolOption = Annotated[
    str | None, typer.Option("--protocol", help="Text treatment and definitions.")
]
SectionOption = Annotated[
    str, typer.Option("--section", help="findings, impression, findings+impression, or answer")
]
MetricsOption = Annotated[
    list[str] | None,
    typer.Option("--metrics", metavar="M,…", help="Metrics, families or protocols."),
]
SettingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--setting",
        metavar="METRIC.FIELD=VALUE",
        help="A metric's setting, as radgraph.matching=github; repeatable.",
    ),
]


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise typer.BadParameter("it is no number of megabytes.")
    return value


MaxLineOption = Annotated[
    float,
    typer.Option(
        "--max-line-mb", min=0.001, callback=_finite, help="Refuse longer lines of input files."
    ),
]
ResamplesOption = Annotated[int, typer.Option("--resamples", min=0, help="0: no intervals.")]
ConfidenceOption = Annotated[float, typer.Option("--confidence")]
SeedOption = Annotated[int, typer.Option("--seed", min=0)]
ClusterOption = Annotated[
    str, typer.Option("--cluster", help="auto, none, subject_id, study_id or a tag")
]
AllowMissingOption = Annotated[
    bool, typer.Option("--allow-missing", help="Score missing predictions as empty reports.")
]
SkipOption = Annotated[
    bool,
    typer.Option(
        "--skip-unavailable",
        help="Leave out metrics whose weights, packages or judge are not here, and say so.",
    ),
]
FailedOption = Annotated[
    bool,
    typer.Option("--allow-missing", help="Count samples with an unreadable image as failed."),
]
UploadOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-upload",
        metavar="ENDPOINT",
        help="Let credentialed data be sent to this endpoint; repeatable.",
    ),
]


def split_names(given: list[str] | None) -> list[str] | None:
    """Return the names of an option that takes several with commas between, or repeated."""
    if given is None:
        return None
    return [name for one in given for part in one.split(",") if (name := part.strip())]


def show_scored(folder: RunFolder, scored: Scored, as_json: bool) -> None:
    """Print the scores and where the leaderboard and the report are."""
    from harness.result_files import scores_json
    from reports.leaderboard import rows_for_terminal
    from reports.number_format import MISSING

    if as_json:
        print_json(json.loads(scores_json(scored)))
        return
    shown = rows_for_terminal(scored.table)
    n, units = scored.counted.n, scored.counted.units
    defined = [row for row in shown.rows if any(not cell.startswith(MISSING) for cell in row[1:])]
    title = f"{scored.table.benchmark}: {n:,} studies"
    if fits(shown.headers, defined):
        print_table(shown.headers, defined, title)
    else:
        scores = [[_INTERVAL.sub("", cell) for cell in row] for row in defined]
        print_table(shown.headers, scores, title)
        print("The intervals do not fit; leaderboard.csv and the report have them.")
    undefined = [row[0] for row in shown.rows if row not in defined]
    if undefined:
        print(f"undefined on these studies: {', '.join(undefined)}")
    _show_prior_gains(scored, folder.record.get("text_only", ()))
    for system, found in scored.soundness.items():
        if found.verdict != "sound":
            print(f"{system}: {found.verdict} ({'; '.join(found.reasons)})")
    if scored.table.partial:
        print("Partial run: not for a leaderboard.")
    for note in folder.record["notes"]:
        print(note)
    print(f"resampled by {units.name}: {units.n_units:,} units")
    print(f"leaderboard: {folder.path / 'leaderboard.csv'}")
    print(f"report:      {folder.path / 'report.html'}")


def _show_prior_gains(scored: Scored, text_only: Sequence[str]) -> None:
    """Print what the prior image is worth to each model, where one ran with and without it."""
    from reports.prior_section import gains_for_terminal, prior_findings
    from reports.report_data import PriorSection

    if not scored.prior_gains:
        return
    shown = gains_for_terminal(scored.prior_gains)
    n = sorted({gain.n for gain in scored.prior_gains})
    studies = f"{n[0]:,}" if len(n) == 1 else f"{n[0]:,} to {n[-1]:,}"
    title = f"What the prior image is worth ({studies} studies)"
    rows = shown.rows
    if not fits(shown.headers, rows):
        rows = [[_INTERVAL.sub("", cell) for cell in row] for row in rows]
    print_table(shown.headers, rows, title)
    for model, left_out in {gain.model: gain.left_out for gain in scored.prior_gains}.items():
        if left_out:
            print(
                terminal_text(
                    f"{model}: studies left out, on which one of its modes failed: {left_out:,}"
                )
            )
    metric, found = prior_findings(PriorSection(scored.prior_gains, text_only=text_only))
    for one in found:
        looks = " (looks at no image)" if one.text_only else ""
        print(terminal_text(f"{one.model}{looks}, {metric}: {one.sentence}"))


def print_paths(paths: dict[str, Path], as_json: bool) -> None:
    """Print where files were written."""
    if as_json:
        print_json({name: str(path) for name, path in paths.items()})
        return
    for name, path in paths.items():
        print(f"{name}: {path}")
