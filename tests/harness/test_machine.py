"""What run.json says of the machine."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import harness.machine
from harness.machine import machine_facts


def test_the_facts_are_those_of_this_machine() -> None:
    facts = machine_facts()
    assert platform.platform() == facts["platform"]
    assert os.cpu_count() == facts["cores"]
    assert 1 <= facts["cores_usable"] <= facts["cores"]
    assert facts["memory_bytes"] > 2**28
    assert f"CPython {platform.python_version()}" == facts["python"]
    assert facts["cpu"]
    assert json.loads(json.dumps(facts)) == facts


def test_torch_is_told_of_where_it_is_imported_and_never_imported_for_it() -> None:
    code = (
        "import sys; from harness.machine import machine_facts; facts = machine_facts();"
        "assert 'torch' not in sys.modules; assert 'torch' not in facts;"
        "import torch; facts = machine_facts(); assert facts['torch'] == torch.__version__;"
        "assert facts['cuda'] == torch.version.cuda"
    )
    pytest.importorskip("torch")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (0, "") == (ended.returncode, ended.stderr)


def test_cards_and_processor_have_the_names_that_the_system_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(2):
        folder = tmp_path / f"0000:{i}"
        folder.mkdir()
        (folder / "information").write_text(f"Model: \t\t Card {i}\nIRQ:   \t\t 3\n")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
    monkeypatch.setattr(harness.machine, "_GPUS", tmp_path)
    monkeypatch.setattr(harness.machine, "_CPU_INFO", tmp_path / "cpuinfo")
    facts = machine_facts()
    assert (["Card 0", "Card 1"], "Some CPU @ 2 GHz") == (facts["gpus"], facts["cpu"])


def test_what_the_system_does_not_tell_is_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.machine, "_CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(harness.machine, "_GPUS", tmp_path / "none")
    monkeypatch.setattr(platform, "processor", lambda: "")
    facts = machine_facts()
    assert None is facts["cpu"]
    assert isinstance(facts["gpus"], list)
