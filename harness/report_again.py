"""Draw the HTML report of a finished run again."""

from __future__ import annotations

import secrets
from pathlib import Path

from harness.finish import write_report
from harness.reopened import reopen
from harness.run_folder import RunFolder


def report_again(path: Path, shareable: bool = False) -> Path:
    """Write ``report.html``, or ``report.shareable.html`` without texts, images and ids.

    The salt of the hashed ids is random and kept nowhere, so that nobody can guess ids back.

    Raises
    ------
    InputError
        If the folder holds no finished run.
    """
    with RunFolder.reopen(path) as folder:
        scored, plan, facts = reopen(folder)
        salt = secrets.token_hex(16) if shareable else None
        return write_report(folder, scored, plan, facts, salt)
