"""The command line: one module per verb, imported when its verb runs."""

from harness.cli.app import run_command

__all__ = ["run_command"]
