"""Which room may import which, and what importing a room may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("benchmarks", "harness", "metrics", "models", "reports")
MAY_IMPORT = {
    "benchmarks": set(),
    "harness": {"metrics", "models", "reports", "benchmarks"},
    "metrics": set(),
    "models": set(),
    "reports": {"metrics"},
}
# validation scores and the words of change
FROM_TRAINING = {"metrics"}
OUTSIDE_THE_WHEEL = ("benchmarks/speed", "benchmarks/simulations")
HEAVY = ("torch", "transformers", "pandas", "matplotlib", "sklearn", "scipy", "nltk")


def sources(room: str) -> list[Path]:
    files = sorted((ROOT / room).rglob("*.py"))
    return [f for f in files if not str(f.relative_to(ROOT)).startswith(OUTSIDE_THE_WHEEL)]


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_they_may(room: str) -> None:
    for file in sources(room):
        more = FROM_TRAINING if "models/training" in file.as_posix() else set()
        forbidden = imported(file) & (set(ROOMS) - {room} - MAY_IMPORT[room] - more)
        assert not forbidden, f"{file.relative_to(ROOT)} imports {sorted(forbidden)}"


@pytest.mark.parametrize("room", ROOMS)
def test_the_rooms_are_ours(room: str) -> None:
    module = __import__(room)
    assert ROOT / room / "__init__.py" == Path(str(module.__file__))


@pytest.mark.parametrize("room", [*ROOMS, "metrics.api", "harness.cli.app"])
def test_importing_a_room_loads_nothing_heavy(room: str) -> None:
    code = f"import sys, {room}; print(*(n for n in {HEAVY!r} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "" == done.stdout.strip()


def test_the_command_line_starts_without_numpy_and_pydantic() -> None:
    code = (
        "import sys; from harness.cli import run_command; run_command(['--help']);"
        "print('loaded:', *(n for n in ('numpy', 'pydantic', 'rich.console') if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "loaded:" == done.stdout.strip().splitlines()[-1]


def test_no_public_function_shares_its_name_with_a_submodule() -> None:
    import metrics

    modules = {path.stem for path in (ROOT / "metrics").iterdir()}
    assert not modules & set(metrics.__all__)


def test_the_public_names_of_metrics_are_all_there() -> None:
    import metrics

    for name in metrics.__all__:
        assert getattr(metrics, name) is not None
