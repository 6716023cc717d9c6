"""What an adapter measures of itself: one system's share, added up over runs."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.generation import Job, generate
from harness.model_requests import build_requests
from harness.performance import Performance
from harness.run_folder import RunFolder
from harness.study import Study
from models.adapter import Adapter, Figures, Generation, Prior, Request

STUDIES = [Study(f"s{i}", f"s{i}") for i in range(10)]


class Metered(Adapter):
    """Loads in a second; each request is two images in half a second, 5 tokens in a quarter."""

    batch_size = 4

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.found = Figures()

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        n, old = len(requests), self.found
        self.found = Figures(
            load_s=1.0,
            warm_up_s=0.25,
            images=old.images + 2 * n,
            image_s=old.image_s + 0.5 * n,
            tokens=old.tokens + 5 * n,
            token_s=old.token_s + 0.25 * n,
            prompt_tokens=old.prompt_tokens + 7 * n,
            peak_memory_bytes=1000 + n,
            device="cpu",
            dtype="float32",
        )
        return [Generation("Clear.") for _ in requests]

    def figures(self) -> Figures:
        return self.found


def _open(path: Path) -> RunFolder:
    return RunFolder.create(path / "run", {"name": "test"}, test_set="hash")


def _job(adapter: Adapter, prior: Prior = "real") -> Job:
    return Job("m", prior, adapter, STUDIES, build_requests(STUDIES, prior, 0))


def _recorded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "run" / "run.json").read_text())["performance"]
    return found


WHOLE = {
    "load_s": 1.0,
    "warm_up_s": 0.25,
    "images": 20,
    "image_s": 5.0,
    "images_per_s": 4.0,
    "tokens": 50,
    "token_s": 2.5,
    "tokens_per_s": 20.0,
    "prompt_tokens": 70,
    "peak_memory_bytes": 1002,
    "cost": None,
    "device": "cpu",
    "dtype": "float32",
}


def test_each_system_of_one_adapter_gets_its_own_share(tmp_path: Path) -> None:
    adapter = Metered.from_settings({})
    with _open(tmp_path) as folder:
        generate(folder, _job(adapter))
        generate(folder, _job(adapter, "dummy"))
    found = _recorded(tmp_path)
    assert WHOLE == found["m"]
    assert WHOLE | {"load_s": 0.0, "warm_up_s": 0.0} == found["m@dummy"]


def test_an_interrupted_run_keeps_its_figures_and_the_next_adds_to_them(tmp_path: Path) -> None:
    class Breaking(Metered):
        def generate(self, requests: Sequence[Request]) -> list[Generation]:
            if requests[0].sample_id == "s8":
                raise KeyboardInterrupt
            return super().generate(requests)

    with _open(tmp_path) as folder, pytest.raises(KeyboardInterrupt):
        generate(folder, _job(Breaking.from_settings({})))
    assert (16, 40) == (_recorded(tmp_path)["m"]["images"], _recorded(tmp_path)["m"]["tokens"])
    with _open(tmp_path) as folder:
        generate(folder, _job(Metered.from_settings({})))
    expected = WHOLE | {"load_s": 2.0, "warm_up_s": 0.5, "peak_memory_bytes": 1004}
    assert expected == _recorded(tmp_path)["m"]


def test_a_finished_system_adds_nothing_and_no_figures_leave_no_trace(tmp_path: Path) -> None:
    class Plain(Metered):
        def figures(self) -> None:  # type: ignore[override]
            return None

    with _open(tmp_path) as folder:
        generate(folder, _job(Plain.from_settings({})))
        assert "performance" not in folder.record
        generate(folder, _job(Metered.from_settings({}), "dummy"))
        before = _recorded(tmp_path)
        generate(folder, _job(Metered.from_settings({}), "dummy"))
    assert before == _recorded(tmp_path)


def test_costs_add_up_where_they_are_known(tmp_path: Path) -> None:
    adapter = Metered.from_settings({})
    with _open(tmp_path) as folder:
        for known, expected in ((None, None), (0.25, 0.25), (0.5, 0.75)):
            adapter.found = Figures()
            performance = Performance(folder, "m", adapter)
            adapter.found = replace(adapter.found, tokens=1, cost=known)
            performance.keep()
            assert expected == _recorded(tmp_path)["m"]["cost"]
