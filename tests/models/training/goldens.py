"""What X-iZhang/Libra @0d6c56a does in training, recorded in ``golden/training``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from models.libra.language_model import quiet_transformers

FOLDER = Path(__file__).parents[2] / "golden" / "training"


def golden(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def label_cases() -> list[tuple[str, dict[str, Any]]]:
    """Return all cases of label masking, named, with template and tokenizer put into each."""
    cases = []
    for file in sorted((FOLDER / "labels").glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        shared = {key: content[key] for key in ("template", "tokenizer")}
        cases += [(f"{file.stem}: {case['id']}", shared | case) for case in content["cases"]]
    return cases


@cache
def tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    with quiet_transformers():
        return AutoTokenizer.from_pretrained(FOLDER / "tokenizers" / name)
