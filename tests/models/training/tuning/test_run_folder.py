from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import InputError
from models.training.tuning.run_folder import RunFolder
from tests.models.training.tuning.toy_run import recipe

HOLDER = """
import sys
from pathlib import Path
from models.training.tuning.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_held_by_one_training_until_that_is_killed(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "out")
    run.begin(recipe(), resume=False)
    words = [sys.executable, "-c", HOLDER, str(run.folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert "held\n" == other.stdout.readline()
        with pytest.raises(InputError, match="Another training is writing to"), run.held():
            pass
        other.kill()
    with run.held():
        assert (run.folder / "recipe.yaml").is_file()
    run.begin(recipe(), resume=True)
