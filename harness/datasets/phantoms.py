"""Phantom studies: drawn once into the cache folder, read from there ever after."""

from __future__ import annotations

from pathlib import Path

from harness.cache_folder import cache_folder
from harness.disk_errors import explained

DEFAULT_PATIENTS = 100


def phantom_folder(
    seed: int | None = None, patients: int | None = None, test_studies: int | None = None
) -> Path:
    """Return the folder of a phantom data set, drawn first if it is not there yet.

    It holds ``train.jsonl``, ``valid.jsonl``, ``test.jsonl`` and the images, whose paths start at
    it. The folder's name says everything that its content depends on.

    Raises
    ------
    InputError
        If the cache folder cannot be written.
    """
    from benchmarks.phantoms import write_phantoms
    from benchmarks.phantoms.patients import VERSION

    seed = 0 if seed is None else seed
    patients = DEFAULT_PATIENTS if patients is None else patients
    studies = "" if test_studies is None else f"-test{test_studies}"
    folder = cache_folder() / "phantoms" / f"v{VERSION}-seed{seed}-patients{patients}{studies}"
    if not folder.is_dir():
        with explained(folder):
            write_phantoms(folder, seed=seed, patients=patients, test_studies=test_studies)
    return folder
