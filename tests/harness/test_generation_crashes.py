"""Kill, starve and interrupt a generation; the same command again must finish it."""

import json
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("slow_generation.py")
SAMPLES = 100


def _start(folder: Path, limit: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(SAMPLES)],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, message = process.communicate(timeout=60)
    return process.returncode, message


def _content(folder: Path) -> dict[str, object]:
    files = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
    content: dict[str, object] = {name: path.read_bytes() for name, path in files.items()}
    record = json.loads(files["run.json"].read_text())
    content["run.json"] = {k: v for k, v in record.items() if k not in ("timing", "machine")}
    return content


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert _finish(_start(folder)) == (0, "")
    return _content(folder)


def test_a_run_killed_again_and_again_ends_with_the_same_bytes(
    tmp_path: Path, undisturbed: dict[str, object]
) -> None:
    folder, generator, killed = tmp_path / "run", random.Random(5), 0
    for _ in range(10):
        process = _start(folder)
        time.sleep(generator.uniform(0, 0.12))
        process.kill()
        killed += _finish(process)[0] == -signal.SIGKILL
    assert killed >= 5
    assert _finish(_start(folder)) == (0, "")
    assert undisturbed == _content(folder)


def test_a_full_disk_is_an_error_that_loses_nothing(
    tmp_path: Path, undisturbed: dict[str, object]
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    folder = tmp_path / "run"
    status, message = _finish(_start(folder, limit))
    assert status == 2
    assert "first.jsonl: File too large. Raise the limit" in message
    kept = (folder / "predictions" / "first.jsonl").read_bytes()
    whole = undisturbed["predictions/first.jsonl"]
    assert isinstance(whole, bytes)
    assert len(kept) > 3000
    assert whole.startswith(kept)
    assert kept.endswith(b"\n")
    assert _finish(_start(folder)) == (0, "")
    assert undisturbed == _content(folder)


def test_an_interrupt_ends_after_a_whole_batch(
    tmp_path: Path, undisturbed: dict[str, object]
) -> None:
    folder = tmp_path / "run"
    process = _start(folder)
    log = folder / "predictions" / "first.jsonl"
    while not log.exists():
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    status, message = _finish(process)
    assert status == 130
    assert "Ctrl-C again stops at once" in message
    assert log.read_bytes().count(b"\n") % 3 == 0
    assert _finish(_start(folder)) == (0, "")
    assert undisturbed == _content(folder)
