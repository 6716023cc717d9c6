"""Judges end to end: `score` and `run` with a real local server that judges words."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from metrics.judges.prompts import PUBLISHED, Probe
from tests.cli.conftest import Run
from tests.cli.workplace import Workplace
from tests.models.chat_server import ChatServer, Received, Reply, completion

BENCHMARK = """\
name: judged
data: {format: studies, path: refs.jsonl, section: findings}
models: [{id: constant, adapter: constant, text: The heart is normal in size.}]
metrics: [bleu4, green]
judge: {model: m, endpoint: "${CHAT_ENDPOINT}", concurrency: 2}
statistics: {resamples: 20}
output: results/judged
"""
PROMPT = "Reference:\n{reference}\n\nCandidate:\n{candidate}\n\n(not ours to ship)"
INSTEAD = "green_style instead of green: the judge is asked in our own words"
NO_JUDGE = "Not here for green: a judge (set CXR_HARNESS_JUDGE_MODEL"
_PAIR = re.compile(r"Reference:\n(.*)\n\nCandidate:\n(.*)\n")


def same_words(request: Received, number: int) -> Reply:
    """Judge that findings are words."""
    found = _PAIR.search(request.body["messages"][-1]["content"])
    assert found is not None
    reference, candidate = (set(text.split()) for text in found.groups())
    return completion(
        "[Explanation]:\nWords.\n\n[Clinically Significant Errors]:\n"
        f"(b) Omitted: {len(reference - candidate)}. x\n\n"
        "[Clinically Insignificant Errors]:\nNo\n\n"
        f"[Matched Findings]:\n{len(reference & candidate)}. y"
    )


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """Serve a judge that no setting names yet; verdicts are kept for the test only."""
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "cache"))
    for name in ("MODEL", "ENDPOINT", "API_KEY_ENV", "PROMPT"):
        monkeypatch.delenv(f"CXR_HARNESS_JUDGE_{name}", raising=False)
    with ChatServer(same_words).running() as server:
        monkeypatch.setenv("CHAT_ENDPOINT", server.endpoint)
        yield server


@pytest.fixture
def configured(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """Describe the judge in the environment."""
    monkeypatch.setenv("CXR_HARNESS_JUDGE_ENDPOINT", server.endpoint)
    monkeypatch.setenv("CXR_HARNESS_JUDGE_MODEL", "m")
    return server


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, place: Workplace) -> Path:
    """Return a folder of prompts; the published one of GREEN is ours, so that there is one."""
    pair = ("A reference.", "A candidate.")
    question = PROMPT.replace("{reference}", pair[0]).replace("{candidate}", pair[1])
    probe = Probe(*pair, hashlib.sha256(question.encode()).hexdigest())
    monkeypatch.setitem(PUBLISHED, "green", ((probe,),))
    folder = place.folder / "prompts"
    folder.mkdir()
    (folder / "green.txt").write_text(PROMPT)
    return folder


@pytest.fixture
def bench(place: Workplace, server: ChatServer) -> Path:
    path = place.folder / "bench.yaml"
    path.write_text(BENCHMARK)
    return path


def _record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return record


def _metrics(folder: Path, system: str) -> dict[str, Any]:
    table = json.loads((folder / "scores.json").read_text())
    found: dict[str, Any] = table["systems"][system]["metrics"]
    return found


def _expected(place: Workplace, system: str) -> float:
    """Return the mean share of the reference's distinct words that the prediction has."""
    references = [json.loads(line) for line in place.refs.read_text().splitlines()]
    predictions = [json.loads(line) for line in place.system(system).read_text().splitlines()]
    shares = []
    for study, predicted in zip(references, predictions, strict=True):
        words = set(study["reference"]["findings"].split())
        shares.append(len(words & set(predicted["prediction"].split())) / len(words))
    return sum(shares) / len(shares)


def test_score_asks_the_judge_of_the_environment(
    place: Workplace, run: Run, configured: ChatServer
) -> None:
    ended = run(*place.score("--metrics", "green,bleu4"))
    assert 0 == ended.status, ended.err
    assert 1 == ended.err.count(INSTEAD)
    for system in ("a", "b"):
        scores = _metrics(place.output, system)
        assert ["green_style", "green_style_errors", "bleu4"] == list(scores)
        assert pytest.approx(_expected(place, system)) == scores["green_style"]["score"]
        assert 0.0 == scores["green_style_errors"]["score"]
    record = _record(place.output)
    assert [True] == [INSTEAD in note for note in record["notes"] if "instead" in note]
    page = (place.output / "report.html").read_text()
    assert INSTEAD in page
    assert f"m at {configured.endpoint}" in page
    assert configured.endpoint == record["plan"]["judge"]["endpoint"]
    assert re.search(r"\|judge:m\+prompt@[0-9a-f]{64}", record["signatures"]["green_style"])
    assert "green_style" in (place.output / "per_sample.csv").read_text().partition("\n")[0]


def test_a_second_run_asks_nothing_and_scores_the_same(
    place: Workplace, run: Run, configured: ChatServer
) -> None:
    run(*place.score("--metrics", "green_style"))
    asked = len(configured.received)
    assert 0 < asked <= 80
    first = (place.output / "scores.json").read_bytes()
    ended = run(*place.score("--metrics", "green_style"))
    assert 0 == ended.status, ended.err
    assert "instead" not in ended.err
    assert asked == len(configured.received)
    assert first == (place.output / "scores.json").read_bytes()


def test_the_published_prompt_gives_the_published_name(
    place: Workplace,
    run: Run,
    configured: ChatServer,
    published: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CXR_HARNESS_JUDGE_PROMPT", str(published))
    ended = run(*place.score("--metrics", "green"))
    assert 0 == ended.status, ended.err
    assert "instead" not in ended.err
    scores = _metrics(place.output, "a")
    assert ["green", "green_errors"] == list(scores)
    assert pytest.approx(_expected(place, "a")) == scores["green"]["score"]
    digest = hashlib.sha256(f"\0{PROMPT}".encode()).hexdigest()
    assert f"prompt@{digest}" in _record(place.output)["signatures"]["green"]
    sent = configured.received[0].body["messages"][-1]["content"]
    assert sent.endswith("(not ours to ship)")
    # what was scored stays readable where the file has changed since
    (published / "green.txt").write_text("another")
    ended = run("compare", place.output, "--json")
    assert 0 == ended.status, ended.err
    assert {"green", "green_errors"} == {row["metric"] for row in json.loads(ended.out)}
    assert 0 == run("report", place.output).status


def test_a_prompt_that_is_not_the_published_one_is_an_error(
    place: Workplace,
    run: Run,
    configured: ChatServer,
    published: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CXR_HARNESS_JUDGE_PROMPT", str(published / "green.txt"))
    (published / "green.txt").write_text(PROMPT.replace("not", "NOT"))
    for more in ([], ["--skip-unavailable"]):
        ended = run(*place.score("--metrics", "green,bleu4", *more))
        assert 2 == ended.status
        assert "is not the published prompt of green" in ended.err
    assert [] == configured.received
    assert not place.output.exists()


def test_without_a_judge_score_says_what_to_set(
    place: Workplace, run: Run, server: ChatServer
) -> None:
    ended = run(*place.score("--metrics", "green,bleu4"))
    assert 3 == ended.status
    assert NO_JUDGE in ended.err
    assert not place.output.exists()
    ended = run(*place.score("--metrics", "green,bleu4", "--skip-unavailable"))
    assert 0 == ended.status, ended.err
    assert "Left out: green, green_errors (not on this machine: a judge" in ended.out
    assert ["bleu4"] == list(_metrics(place.output, "a"))


def _nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """Describe a judge whose server has ended, and return where it was."""
    with ChatServer(same_words).running() as server:
        address = server.endpoint.removesuffix("/v1")
    monkeypatch.setenv("CXR_HARNESS_JUDGE_ENDPOINT", server.endpoint)
    monkeypatch.setenv("CXR_HARNESS_JUDGE_MODEL", "m")
    return address


def test_a_judge_whose_server_is_not_there_is_left_out_on_request(
    place: Workplace, run: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = _nowhere(monkeypatch)
    ended = run(*place.score("--metrics", "green,crimson,bleu4", "--skip-unavailable"))
    assert 0 == ended.status, ended.err
    style = ("green_style", "crimson_style")
    names = ", ".join(f"{name}, {name}_errors" for name in style)
    told = f"Left out: {names} (not on this machine: a judge that answers at {address})."
    assert told in _record(place.output)["notes"]
    assert "instead of green" not in ended.out + ended.err
    assert ["bleu4"] == list(_metrics(place.output, "a"))
    assert 0 == run("report", place.output).status


def test_a_judge_that_is_not_there_and_nothing_else_ends_the_run(
    place: Workplace, run: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = _nowhere(monkeypatch)
    ended = run(*place.score("--metrics", "green_style", "--skip-unavailable"))
    assert 3 == ended.status
    assert f"without a judge that answers at {address}. Start the server" in ended.err
    assert not place.output.exists()


def test_skipping_leaves_a_judge_that_answers(
    place: Workplace, run: Run, configured: ChatServer
) -> None:
    ended = run(*place.score("--metrics", "green_style,bleu4", "--skip-unavailable"))
    assert 0 == ended.status, ended.err
    assert "Left out" not in ended.out
    assert (
        pytest.approx(_expected(place, "a")) == _metrics(place.output, "a")["green_style"]["score"]
    )


def test_a_server_that_ends_midway_is_an_error_and_no_verdict_is_lost(
    bench: Path, run: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write_text(BENCHMARK.replace("concurrency: 2", "concurrency: 1, max_retries: 0"))
    with ChatServer(same_words).running() as whole:
        monkeypatch.setenv("CHAT_ENDPOINT", whole.endpoint)
        run("run", bench)
    expected = _metrics(Path("results/judged"), "constant")["green_style"]
    asked = len(whole.received)
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(bench.parent / "another"))

    def last(request: Received, number: int) -> Reply:
        if number == 9:
            ending.stop_listening()
        return same_words(request, number)

    ending = ChatServer(last)
    with ending.running():
        monkeypatch.setenv("CHAT_ENDPOINT", ending.endpoint)
        ended = run("run", bench, "--fresh", "--skip-unavailable")
    assert 3 == ended.status
    assert "goes on where it stopped" in ended.err.replace("\n", " ")
    kept = len(ending.received)
    assert 0 < kept < asked
    monkeypatch.setenv("CHAT_ENDPOINT", server.endpoint)
    ended = run("run", bench)
    assert 0 == ended.status, ended.err
    assert asked == kept + len(server.received)
    assert expected == _metrics(Path("results/judged"), "constant")["green_style"]


def test_missing_weights_and_a_missing_judge_are_named_together(
    place: Workplace, run: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CXR_HARNESS_WEIGHTS", str(tmp_path))
    ended = run(*place.score("--metrics", "green,chexbert_micro_f1_14"))
    assert 3 == ended.status
    assert "not on this machine: chexbert" in ended.err
    assert NO_JUDGE in ended.err


def test_a_finished_run_needs_its_judge_no_more(
    place: Workplace, run: Run, configured: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*place.score("--metrics", "green,bleu4"))
    asked = len(configured.received)
    before = _record(place.output)["notes"]
    page = (place.output / "report.html").read_bytes()
    monkeypatch.delenv("CXR_HARNESS_JUDGE_ENDPOINT")
    monkeypatch.delenv("CXR_HARNESS_JUDGE_MODEL")
    ended = run("compare", place.output, "--json")
    assert 0 == ended.status, ended.err
    compared = {row["metric"] for row in json.loads(ended.out)}
    assert {"green_style", "green_style_errors", "bleu4"} == compared
    ended = run("report", place.output)
    assert 0 == ended.status, ended.err
    assert page == (place.output / "report.html").read_bytes()
    assert before == _record(place.output)["notes"]
    assert asked == len(configured.received)


def test_another_judge_is_another_run(
    place: Workplace, run: Run, configured: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*place.score("--metrics", "green_style"))
    monkeypatch.setenv("CXR_HARNESS_JUDGE_MODEL", "n")
    ended = run(*place.score("--metrics", "green_style"))
    assert 2 == ended.status
    assert 'judge.model: "m" → "n"' in ended.err
    # where it is served moves no verdict
    monkeypatch.setenv("CXR_HARNESS_JUDGE_MODEL", "m")
    monkeypatch.setenv("CXR_HARNESS_JUDGE_ENDPOINT", "http://127.0.0.1:1/v1")
    assert 0 == run(*place.score("--metrics", "green_style")).status
    # a judge that no metric asks is no part of a run
    words = place.score("--metrics", "bleu4", "--fresh")
    assert 0 == run(*words).status
    assert "judge" not in _record(place.output)["spec"]


def test_run_asks_the_judge_of_its_file(bench: Path, run: Run, server: ChatServer) -> None:
    ended = run("run", bench)
    assert 0 == ended.status, ended.err
    assert 1 == ended.err.count(INSTEAD)
    folder = Path("results/judged")
    scores = _metrics(folder, "constant")
    assert ["bleu4", "green_style", "green_style_errors"] == list(scores)
    assert 0.2 < scores["green_style"]["score"] < 0.9
    record = _record(folder)
    assert {"endpoint": server.endpoint, "credentialed": False} == record["judge_upload"]
    assert {"model": "m", "endpoint": server.endpoint, "concurrency": 2} == record["spec"]["judge"]
    assert 2 == record["plan"]["judge"]["concurrency"]
    asked = len(server.received)
    bench.write_text(BENCHMARK.replace("concurrency: 2", "concurrency: 3"))
    ended = run("run", bench)
    assert 0 == ended.status, ended.err
    assert asked == len(server.received)
    assert 0 == run("report", folder, "--shareable").status


def test_the_key_is_sent_and_never_on_record(
    bench: Path, run: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write_text(BENCHMARK.replace("concurrency: 2", "api_key_env: MY_JUDGE_KEY"))
    ended = run("run", bench)
    assert 3 == ended.status
    assert "MY_JUDGE_KEY" in ended.err
    monkeypatch.setenv("MY_JUDGE_KEY", "sesame-7")
    ended = run("run", bench)
    assert 0 == ended.status, ended.err
    assert "Bearer sesame-7" == server.received[0].headers["authorization"]
    for path in Path("results").rglob("*"):
        assert path.is_dir() or b"sesame-7" not in path.read_bytes()
    assert "MY_JUDGE_KEY" == _record(Path("results/judged"))["plan"]["judge"]["api_key_env"]


def test_prompt_and_local_model_are_found_from_the_file(
    bench: Path, run: Run, server: ChatServer, published: Path
) -> None:
    text = BENCHMARK.replace("concurrency: 2", "prompt: prompts")
    bench.write_text(text)
    ended = run("run", bench, "--dry-run", "--json")
    assert 0 == ended.status, ended.err
    outline = json.loads(ended.out)
    assert "bleu4, green, green_errors" == outline["metrics"]
    assert server.endpoint == outline["data leave for"]
    bench.write_text(text.replace('endpoint: "${CHAT_ENDPOINT}"', 'endpoint: "${NO_SUCH:-}"'))
    ended = run("run", bench)
    assert 3 == ended.status
    assert f"the judge's model {bench.parent.absolute() / 'm'}" in ended.err.replace("\n", "")
    assert [] == server.received


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{model: m, endpont: x}", "line 5, judge. Did you mean 'endpoint'?"),
        ("{model: m, api_key: sesame}", "Did you mean 'api_key_env'?"),
        ("{endpoint: http://h/v1}", "The option 'model' is missing"),
        ("{model: m, concurrency: many}", "The option 'concurrency'"),
        ("{model: m, concurrency: 0}", "line 5, judge: The judge's concurrency must be at least 1"),
        ("{model: m, api_key_env: sesame-7}", "is no name of an environment variable"),
        ("{model: m, endpoint: 'http://u:sesame@h/v1'}", "has a user name"),
        ("{model: m, endpoint: '${NO_SUCH}'}", "judge.endpoint: the environment variable NO_SUCH"),
        ("m", "line 5, judge"),
    ],
)
def test_wrong_settings_are_errors_with_their_place(
    bench: Path, run: Run, written: str, message: str
) -> None:
    lines = [line for line in BENCHMARK.splitlines() if not line.startswith("judge")]
    lines.insert(4, f"judge: {written}")
    bench.write_text("\n".join(lines))
    ended = run("run", bench)
    assert 2 == ended.status
    assert message in ended.err
    assert "sesame" not in ended.err


def test_credentialed_reports_do_not_leave_unless_the_endpoint_is_named(
    bench: Path, run: Run, server: ChatServer
) -> None:
    bench.write_text(BENCHMARK.replace("section:", "credentialed: true, section:"))
    for words in ([], ["--dry-run"], ["--allow-upload", "http://127.0.0.1:1/v1"]):
        ended = run("run", bench, *words)
        assert 2 == ended.status
        message = ended.err.replace("\n", " ")
        assert f"The judge sends reports to {server.endpoint}" in message
        assert f"give --allow-upload {server.endpoint}" in message
    assert [] == server.received
    assert not Path("results").exists()
    assert 0 == run("generate", bench).status  # sends nothing to the judge
    assert [] == server.received
    ended = run("run", bench, "--allow-upload", server.endpoint)
    assert 0 == ended.status, ended.err
    sent = {"endpoint": server.endpoint, "credentialed": True}
    assert sent == _record(Path("results/judged"))["judge_upload"]


def test_credentialed_reports_stay_where_no_judge_is_asked(
    bench: Path, run: Run, server: ChatServer
) -> None:
    text = BENCHMARK.replace("section:", "credentialed: true, section:")
    bench.write_text(text.replace("[bleu4, green]", "[bleu4]"))
    ended = run("run", bench)
    assert 0 == ended.status, ended.err
    assert [] == server.received
    assert "judge_upload" not in _record(Path("results/judged"))
