"""Entry point of ``python -m harness`` and of the installed command ``cxr-harness``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

ROOMS = ("metrics", "models", "reports", "benchmarks")
_HOME = Path(__file__).resolve().parent.parent


def shadowed_room() -> str | None:
    """Return a message if a folder or module on the path hides one of our packages."""
    for room in ROOMS:
        spec = find_spec(room)
        origin = None if spec is None else spec.origin
        if origin is None or Path(origin).resolve().parent != _HOME / room:
            where = origin or "nothing"
            return (
                f"`import {room}` finds {where} instead of cxr-harness's own package. "
                "Run from another folder, or use the command `cxr-harness`, which does not put "
                "the working directory on the path."
            )
    return None


def main() -> None:
    """Run the command line and exit with its status."""
    message = shadowed_room()
    if message is not None:
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(2)
    try:
        from harness.cli import run_command

        sys.exit(run_command(sys.argv[1:]))
    except KeyboardInterrupt:
        # before the verb began, or a second time while it ended
        print("Error: Interrupted.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
