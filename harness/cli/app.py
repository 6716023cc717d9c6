"""The verbs, and what becomes of errors: one message, and the exit status of its kind."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from harness import __version__
from harness.cli import (
    audit,
    cache,
    compare,
    data,
    describe,
    doctor,
    generate,
    infer,
    leaderboard,
    list_,
    merge,
    meta,
    parity,
    reference_env,
    report,
    run,
    score,
    train,
    weights,
)
from harness.cli.output import note


class _Verbs(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def make_context(self, *given: Any, **named: Any) -> Any:
        with _past_typer():
            return super().make_context(*given, **named)

    def invoke(self, ctx: Any) -> Any:
        with _past_typer():
            return super().invoke(ctx)


class _PastTyperError(Exception):
    """What typer must not handle; its cause is Ctrl-C or a reader that went away."""


@contextmanager
def _past_typer() -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, BrokenPipeError) as error:
        # typer would end both with a status of its own
        raise _PastTyperError from error


app = typer.Typer(
    cls=_Verbs,
    help="Evaluate chest X-ray report generation: exact metrics, intervals, one report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_VERBS: dict[str, Callable[..., None]] = {
    "run": run.run,
    "generate": generate.generate,
    "score": score.score,
    "compare": compare.compare,
    "leaderboard": leaderboard.leaderboard,
    "report": report.report,
    "parity": parity.parity,
    "audit": audit.audit,
    "meta": meta.meta,
    "train": train.train,
    "merge": merge.merge,
    "infer": infer.infer,
    "list": list_.list_names,
    "describe": describe.describe,
    "doctor": doctor.doctor,
}
for name, verb in _VERBS.items():
    app.command(name)(verb)
app.add_typer(data.app, name="data")
app.add_typer(weights.app, name="weights")
app.add_typer(cache.app, name="cache")
app.add_typer(reference_env.app, name="reference-env")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cxr-harness {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Show the version."
    ),
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks; works after a verb too."),
) -> None:
    """Evaluate chest X-ray report generation: exact metrics, intervals, one report."""


def run_command(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status; errors go to stderr as one message."""
    _mend_streams()
    debug = "--debug" in arguments
    try:
        with _plain_warnings():
            status = _status([a for a in arguments if a != "--debug"])
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader of our output went away: nothing to tell it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stop:
        advice = str(stop) or "The same command again goes on where this one stopped."
        return _fail(f"Interrupted. {advice}", 130)
    except Exception as error:
        if debug:
            raise
        return _report(error)
    return status


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show our own warnings as a line on stderr, without the source line that gave them."""
    from metrics.errors import MetricsWarning

    usual = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, MetricsWarning):
            note(f"Warning: {message}")
        else:
            usual(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _status(arguments: list[str]) -> int:
    try:
        app(args=arguments, prog_name="cxr-harness", obj=tuple(arguments))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except _PastTyperError as error:
        raise (error.__cause__ or error) from None
    return 0


def _mend_streams() -> None:
    """Let nothing that we print raise: neither a closed stream nor a character it lacks."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report(error: Exception) -> int:
    status = getattr(error, "exit_status", None)
    if isinstance(status, int) and status != 1:
        return _fail(str(error), status)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}.", 2)
    detail = f": {error}" if status == 1 else ""
    return _fail(
        f"A defect of cxr-harness ({type(error).__name__}{detail}). "
        "`--debug` shows the traceback; please report it.",
        1,
    )


def _fail(message: str, status: int) -> int:
    printable = "".join(c if c.isprintable() or c == "\n" else "�" for c in message)
    print(f"Error: {printable}", file=sys.stderr)
    return status
