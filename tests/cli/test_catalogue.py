"""`list`, `describe`, `doctor` and `data`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli import slow_plugin
from tests.cli.conftest import Run
from tests.cli.workplace import Workplace, command

KINDS = ("metrics", "models", "benchmarks", "protocols", "recipes")


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_that_list_prints_can_be_described(kind: str, run: Run) -> None:
    listed = run("list", kind, "--json")
    assert 0 == listed.status
    rows = json.loads(listed.out)
    assert rows
    table = run("list", kind)
    for row in rows:
        assert row["name"] in table.out
        described = run("describe", row["name"])
        assert 0 == described.status, (row["name"], described.err)
        assert described.out.strip()
        assert json.loads(run("describe", row["name"], "--json").out)


@pytest.mark.parametrize("name", ["BLEU-4", "rouge", "temporal", "libra/bleu4", "rexrank/bleu2"])
def test_names_of_papers_and_families_can_be_described(name: str, run: Run) -> None:
    assert 0 == run("describe", name).status


def test_a_name_of_papers_for_several_scores_is_described_by_naming_them(run: Run) -> None:
    described = run("describe", "F1-RadGraph")
    assert 2 == described.status
    assert "Name yours: radgraph_simple, radgraph_partial" in described.err


@pytest.mark.parametrize("name", ["libra", "llava_med"])
def test_a_protocol_and_an_adapter_of_one_name_are_both_described(name: str, run: Run) -> None:
    described = json.loads(run("describe", name, "--json").out)
    assert (name, name) == (described["protocol"], described["adapter"])


def test_options_of_an_adapter_are_shown_with_default_and_meaning(run: Run) -> None:
    shown = run("describe", "libra").out
    assert "weights: str (must be given)\n    A folder, a bundled or short name" in shown
    assert "generation.num_beams: int = 1\n    Beams; 1 is no beam search." in shown


@pytest.mark.parametrize(
    ("name", "says"), [("demoo", "'demo'"), ("meteo", "'meteor'"), ("retreival", "'retrieval'")]
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, says: str, run: Run) -> None:
    ended = run("describe", name)
    assert 2 == ended.status
    assert says in ended.err


def test_the_doctor_finds_this_installation_well(run: Run) -> None:
    ended = run("doctor", "--json")
    checks = json.loads(ended.out)
    assert not [one for one in checks if one["required"] and one["state"] != "ok"]
    assert 0 == ended.status
    assert "METEOR" in run("doctor").out


def test_the_doctor_says_what_to_do_about_a_cache_that_cannot_be_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "file" / "cache"))
    ended = run("doctor", "--json")
    (cache,) = [one for one in json.loads(ended.out) if one["what"] == "cache folder"]
    assert "CXR_HARNESS_CACHE" in cache["mend"]
    assert 3 == ended.status


def broken_plugin(folder: Path, group: str) -> dict[str, str]:
    """Install a plug-in whose import fails; return the environment that finds it."""
    slow_plugin.install(folder)
    points = folder / "slow-1.0.dist-info" / "entry_points.txt"
    points.write_text(f"[cxr_harness.{group}]\nbad = nowhere_to_be_found:Thing\n")
    root = Path(__file__).resolve().parents[2]
    return {"PYTHONPATH": f"{root}{os.pathsep}{folder}"}


@pytest.mark.parametrize("group", ["metrics", "models"])
def test_a_broken_plugin_is_named_and_stops_nothing_else(group: str, tmp_path: Path) -> None:
    environment = broken_plugin(tmp_path, group)
    listed = command("list", group, environment=environment)
    assert 0 == listed.returncode, listed.stderr
    assert "slow/bad" in listed.stdout
    assert "nowhere_to_be_found" in listed.stdout
    described = command("describe", "slow/bad", environment=environment)
    assert 3 == described.returncode, described.stderr
    assert "slow/bad" in described.stderr


def test_phantoms_are_drawn_once_and_overwrite_nothing(place: Workplace, run: Run) -> None:
    ended = run("data", "phantoms", "--patients", 3, "--seed", 1, "--output", "drawn", "--json")
    assert 0 == ended.status, ended.err
    assert all(Path(path).exists() for path in json.loads(ended.out).values())
    assert 2 == run("data", "phantoms", "--patients", 3, "--output", "refs.jsonl").status
    before = Path("refs.jsonl").read_bytes()
    ended = run("data", "phantoms", "--patients", 3, "--output", ".")
    assert before == Path("refs.jsonl").read_bytes()
    assert 2 == ended.status, ended.err
