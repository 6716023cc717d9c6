"""`--allow-upload`: credentialed data leave only for an endpoint that is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.errors import InputError
from harness.uploads import Uploads
from tests.cli.conftest import Run
from tests.cli.workplace import Workplace
from tests.models.chat_server import ChatServer, completion

BENCHMARK = """\
name: api
data: {{format: studies, path: refs.jsonl, images: images, section: findings, {marked}}}
models:
  - {{id: hosted, adapter: openai_compatible, endpoint: "${{CHAT_ENDPOINT}}", model: m}}
metrics: [bleu]
statistics: {{resamples: 50}}
output: results/api
"""


@pytest.fixture
def server() -> Iterator[ChatServer]:
    server = ChatServer(lambda request, number: completion("No effusion."))
    with server.running():
        yield server


@pytest.fixture
def bench(place: Workplace, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    (place.folder / "images").mkdir()
    for line in place.refs.read_text().splitlines():
        study = json.loads(line)
        for name in [*study["images"], *study["prior_images"]]:
            pixels = np.full((8, 8), 100, np.uint8)
            Image.fromarray(pixels).save(place.folder / "images" / name)
    monkeypatch.setenv("CHAT_ENDPOINT", server.endpoint)
    path = place.folder / "bench.yaml"
    path.write_text(BENCHMARK.format(marked="credentialed: true"))
    return path


@pytest.mark.parametrize("verb", ["run", "generate"])
def test_credentialed_data_do_not_leave_unless_the_endpoint_is_named(
    verb: str, bench: Path, run: Run, server: ChatServer
) -> None:
    for words in ([], ["--allow-upload", "http://127.0.0.1:1/v1"], ["--allow-upload", "127.0.0.1"]):
        ended = run(verb, bench, *words)
        assert 2 == ended.status
        assert f"give --allow-upload {server.endpoint}" in ended.err.replace("\n", " ")
    assert [] == server.received
    assert not Path("results").exists()


def test_what_was_allowed_is_on_record(bench: Path, run: Run, server: ChatServer) -> None:
    ended = run("run", bench, "--allow-upload", server.endpoint, "--limit", "3")
    assert 0 == ended.status, ended.err
    assert 3 == len(server.received)
    record = json.loads(Path("results/api/partial-3/run.json").read_text())
    sent = {"endpoint": server.endpoint, "credentialed": True}
    assert {"hosted": sent} == record["uploads"]
    assert f"--allow-upload {server.endpoint}" in record["command"]
    assert server.endpoint == record["spec"]["models"][0]["endpoint"]


def test_other_data_need_no_permission(bench: Path, run: Run, server: ChatServer) -> None:
    bench.write_text(BENCHMARK.format(marked="credentialed: false"))
    ended = run("generate", bench, "--limit", "2")
    assert 0 == ended.status, ended.err
    assert 2 == len(server.received)
    record = json.loads(Path("results/api/partial-2/run.json").read_text())
    assert not record["uploads"]["hosted"]["credentialed"]


def test_a_dry_run_says_where_data_would_go_and_sends_nothing(
    bench: Path, run: Run, server: ChatServer
) -> None:
    ended = run("run", bench, "--allow-upload", server.endpoint, "--dry-run", "--json")
    assert 0 == ended.status, ended.err
    assert server.endpoint == json.loads(ended.out)["data leave for"]
    assert [] == server.received


def test_a_closing_slash_makes_no_other_endpoint() -> None:
    Uploads(True, ["http://h/v1"]).check("It", "http://h/v1/")
    Uploads(False).check("It", "http://h/v1")
    with pytest.raises(InputError, match="--allow-upload http://h/v1"):
        Uploads(True, ["http://h/v", "http://h"]).check("It", "http://h/v1")
