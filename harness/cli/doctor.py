"""``doctor``: what is installed, what is missing, and what to do about it."""

from __future__ import annotations

import typer

from harness.cli.output import JsonOption, print_json, print_table


def doctor(as_json: JsonOption = False) -> None:
    """Check this installation; exit status 3 if something that is required is missing."""
    from harness.diagnosis import diagnose

    checks = diagnose()
    if as_json:
        print_json([vars(check) for check in checks])
    else:
        rows = [[check.what, check.state, check.detail, check.mend] for check in checks]
        print_table(["what", "state", "detail", "what to do"], rows)
    if any(check.state == "missing" and check.required for check in checks):
        raise typer.Exit(3)
