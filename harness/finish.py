"""The last steps of every run: score, write the results, draw the report."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness import __version__
from harness.datasets import write_studies
from harness.machine import machine_facts
from harness.prior_gain import prior_counts
from harness.report_input import report_data
from harness.result_files import write_results
from harness.run_facts import RunFacts
from harness.run_folder import RunFolder
from harness.scoring import Scored, count_systems, judge
from harness.scoring_plan import ScoringPlan
from harness.study import Study
from harness.system_texts import load_texts
from reports.html import render_report
from reports.shareable import shareable

_PACKAGES = (
    "numpy", "rapidfuzz", "regex", "scikit-learn", "pydantic", "jinja2",
    "pillow", "pydicom", "torch", "transformers", "tokenizers", "safetensors", "peft", "vllm",
)  # fmt: skip


def finish_run(
    folder: RunFolder,
    studies: Sequence[Study],
    systems: Sequence[str],
    plan: ScoringPlan,
    facts: RunFacts,
    processes: int = 1,
    progress: Callable[[int], None] = lambda samples: None,
) -> Scored:
    """Score the systems of a run folder, write every result file and mark the run as complete."""
    begun = time.perf_counter()
    if folder.record.get("systems") != list(systems):
        folder.add({"complete": False})
    write_studies(folder.path / "studies.jsonl", studies)
    texts = {system: load_texts(folder, system, studies) for system in systems}
    counted = count_systems(studies, texts, plan, processes, progress)
    scored = judge(studies, texts, counted, plan, name=facts.name, partial=facts.partial)
    write_results(folder, scored)
    folder.add(run_sections(scored, plan, facts))
    write_report(folder, scored, plan, facts)
    folder.add({"timing": {"scoring_s": round(time.perf_counter() - begun, 3)}})
    folder.finish()
    return scored


def write_report(
    folder: RunFolder,
    scored: Scored,
    plan: ScoringPlan,
    facts: RunFacts,
    salt: str | None = None,
) -> Path:
    """Write ``report.html``; with a salt, ``report.shareable.html`` without texts and ids."""
    data = report_data(scored, plan, facts)
    if salt is None:
        return folder.write_text("report.html", render_report(data))
    return folder.write_text("report.shareable.html", render_report(shareable(data, salt)))


def run_sections(scored: Scored, plan: ScoringPlan, facts: RunFacts) -> dict[str, Any]:
    """Return what run.json says of a scored run."""
    return {
        "name": facts.name,
        "command": facts.command,
        "plan": plan.to_dict(),
        "systems": list(scored.systems),
        "versions": package_versions(),
        "data": dict(facts.data),
        "images": None if facts.images is None else str(facts.images),
        "notes": [*facts.notes, *scored.notes, *scored.caveats],
        "text_only": list(facts.text_only),
        "priors": prior_counts(scored.studies),
        "soundness": {system: asdict(found) for system, found in scored.soundness.items()},
        "signatures": {
            key: one.signature for one in scored.counted.selected for key in one.columns
        },
        "units": {"name": scored.counted.units.name, "n": scored.counted.units.n_units},
        "machine": machine_facts(),
    }


def package_versions() -> Mapping[str, str]:
    """Return the versions of Python, cxr-harness and the packages that compute scores."""
    found = {"python": platform.python_version(), "cxr-harness": __version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
