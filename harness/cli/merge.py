"""``merge``: a whole checkpoint out of a LoRA adapter and its base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, note, print_json, progress_bar

_ModelOption = Annotated[
    str, typer.Option("--model", metavar="LORA", help="Folder or hub id of the adapter.")
]
_BaseOption = Annotated[
    str | None,
    typer.Option("--base", metavar="BASE", help="What it stands on; else as its files say."),
]
_OutputOption = Annotated[
    Path, typer.Option("--output", metavar="DIR", help="The new checkpoint's folder.")
]
_DtypeOption = Annotated[
    str | None,
    typer.Option("--dtype", help="float32, bfloat16 or float16; else as the files have it."),
]


def merge(
    model: _ModelOption,
    output: _OutputOption,
    base: _BaseOption = None,
    dtype: _DtypeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make full weights of a LoRA adapter (or a projector) and its base; needs no GPU."""
    from models.training.tuning.merge import merge as merge_checkpoint

    merged = merge_checkpoint(model, base, output, dtype, progress=progress_bar)
    for text in merged.notes:
        note(f"{merged.name}: {text}")
    files = sorted(output.glob("*.safetensors"))
    size_bytes = sum(file.stat().st_size for file in files)
    if as_json:
        print_json({"checkpoint": str(output), "files": len(files), "size_bytes": size_bytes})
        return
    print(f"checkpoint: {output} ({size_bytes / 1e6:,.1f} MB in {len(files)} files)")
