"""``data``: raw data to studies JSONL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.data_iu_xray import iu_xray
from harness.cli.data_libra import libra
from harness.cli.data_mimic import mimic_cxr
from harness.cli.data_questions import medical_diff_vqa, mimic_ext_vqa
from harness.cli.data_rexgradient import rexgradient
from harness.cli.output import JsonOption
from harness.cli.shared import print_paths

app = typer.Typer(help="Make studies JSONL from raw data.", no_args_is_help=True)


_VERBS: dict[str, Callable[..., None]] = {
    "mimic-cxr": mimic_cxr,
    "iu-xray": iu_xray,
    "medical-diff-vqa": medical_diff_vqa,
    "mimic-ext-vqa": mimic_ext_vqa,
    "rexgradient": rexgradient,
    "libra": libra,
}
for name, verb in _VERBS.items():
    app.command(name)(verb)


@app.command()
def phantoms(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="The folder to make.")],
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    patients: Annotated[int, typer.Option("--patients", min=1)] = 100,
    as_physionet: Annotated[
        bool,
        typer.Option(
            "--as-physionet",
            help="Lay them out as PhysioNet does MIMIC-CXR, to try data mimic-cxr and the like.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw synthetic chest radiographs of changing findings, with reports and the truth."""
    from benchmarks.phantoms import write_phantoms
    from benchmarks.phantoms.physionet import write_physionet

    if as_physionet:
        written = write_physionet(output, seed=seed, patients=patients)
        print_paths(vars(written), as_json)
        return
    write_phantoms(output, seed=seed, patients=patients)
    print_paths({path.stem: path for path in sorted(output.glob("*.jsonl"))}, as_json)
