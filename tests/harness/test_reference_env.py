import re
from pathlib import Path

import pytest

from harness.errors import InputError, MissingError
from harness.reference_env import TORCH, create_reference_env, pinned_versions
from metrics.errors import MissingError as MetricsMissingError
from metrics.official.clinical import ReferenceWorker, reference_folder

LOCKS = Path(__file__).parents[2] / "locks"


def test_the_pins_are_those_that_the_requirements_ask_for() -> None:
    asked = re.findall(r"^(\S+)==(\S+)$", (LOCKS / "clinical-reference.in").read_text(), re.M)
    assert 6 == len(asked)
    assert dict(asked) == {name: pinned_versions()[name] for name, _ in asked}


def test_torch_is_the_one_of_all_environments() -> None:
    assert TORCH in (LOCKS / "torch.txt").read_text().splitlines()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text("home = nowhere")
    with pytest.raises(InputError, match="holds something else"):
        create_reference_env(tmp_path)
    assert ["pyvenv.cfg"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.slow
def test_without_network_the_message_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    steps: list[str] = []
    for _ in range(2):  # what a failed run left is no obstacle
        with pytest.raises(MissingError, match=r"(?s)do not install: .* A network, or a mirror"):
            create_reference_env(tmp_path / "env", steps.append)
    assert "installing the official packages" == steps[-1]


def test_a_missing_environment_names_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_HARNESS_REFERENCE_ENV", str(tmp_path / "none"))
    assert tmp_path / "none" == reference_folder()
    with pytest.raises(MetricsMissingError, match="cxr-harness reference-env create"):
        ReferenceWorker()


def test_an_environment_without_the_packages_says_so(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    with (
        ReferenceWorker(tmp_path) as worker,
        pytest.raises(MetricsMissingError, match=r"stopped working on versions \(status 3\)"),
    ):
        worker.ask("versions", packages=[])


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("#!/bin/sh\necho words\n", r"stopped working on versions \(status 0\)"),
        ("#!/bin/sh\necho 5\nexec sleep 60\n", r"stopped working on versions \(status -9\)"),
        ("#!/bin/sh\nprintf '\\377\\n'\n", r"stopped working on versions \(status 0\)"),
        ("no program", "does not start: Exec format error"),
    ],
)
def test_an_environment_of_something_else_says_so(tmp_path: Path, script: str, told: str) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(script)
    python.chmod(0o755)
    with (
        pytest.raises(MetricsMissingError, match=f"{told}.*reference-env create` mends it"),
        ReferenceWorker(tmp_path) as worker,
    ):
        worker.ask("versions", packages=[])
