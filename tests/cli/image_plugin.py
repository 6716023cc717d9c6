"""An adapter of another distribution that looks at images and measures itself."""

from __future__ import annotations

from pathlib import Path

_MODULE = '''
import time
from dataclasses import dataclass
from models.adapter import Adapter, Figures, Generation


@dataclass(frozen=True)
class Options:
    seconds: float = 0.0


class Pair(Adapter):
    """Says whether current and prior image differ, from their content, and takes its time.

    Without a prior it compares the current image with itself, as Libra's dummy does.
    """

    Options = Options
    uses_images = True
    uses_prior = True
    batch_size = 4

    def __init__(self, options):
        super().__init__(options)
        self.images = self.tokens = self.closed = 0

    def generate(self, requests):
        if self.closed:
            raise RuntimeError("closed too early")
        time.sleep(self.options.seconds)
        return [self._one(request) for request in requests]

    def _one(self, request):
        prior = request.prior_image or request.current_image
        for path in (request.current_image, prior):
            if not path.is_file() or path.read_text() == "torn":
                return Generation("", "error", error=f"{path.name} cannot be read as an image.")
        current, prior = (int(path.read_text()) for path in (request.current_image, prior))
        word = "unchanged" if current == prior else "improved" if current < prior else "increased"
        self.images += 2
        self.tokens += 5
        return Generation(f"The left pleural effusion is {word}.", tokens=5)

    def figures(self):
        return Figures(
            load_s=1.0 if self.images else 0.0,
            images=self.images, image_s=self.images / 8,
            tokens=self.tokens, token_s=self.tokens / 100,
            peak_memory_bytes=2**30 if self.images else 0, device="cpu", dtype="float32",
        )

    def close(self):
        self.closed += 1
        with open("closed.txt", "a") as file:
            file.write("closed\\n")
'''


def install(folder: Path) -> Path:
    """Write a distribution called ``pair`` into a folder that is to be put on the path."""
    metadata = folder / "pair-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: pair\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[cxr_harness.models]\npair = pair_adapter:Pair\n")
    (folder / "pair_adapter.py").write_text(_MODULE)
    return folder
