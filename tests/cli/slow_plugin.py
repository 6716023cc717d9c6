"""An adapter of another distribution that takes its time, as a plug-in on a path of its own."""

from __future__ import annotations

from pathlib import Path

_MODULE = '''
import time
from models.adapter import Adapter, Generation


class Slow(Adapter):
    """Answers slowly."""

    batch_size = 4

    def generate(self, requests):
        time.sleep(0.02)
        return [Generation(f"Report of {r.sample_id}: unchanged.") for r in requests]
'''


def install(folder: Path) -> Path:
    """Write a distribution called ``slow`` into a folder that is to be put on the path."""
    metadata = folder / "slow-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[cxr_harness.models]\nslow = slow_adapter:Slow\n")
    (folder / "slow_adapter.py").write_text(_MODULE)
    return folder
