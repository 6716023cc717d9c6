"""`infer`: one study on the command line, as a newcomer would try it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run
from tests.models.images.dicom_files import dx, gradient, saved

GOLDEN = Path(__file__).parents[1] / "golden" / "libra_e2e"
IMAGES = GOLDEN / "images"
EXPECTED = json.loads((GOLDEN / "full" / "expected.json").read_text())["cases"]


@pytest.fixture
def ask(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that asks the tiny golden model."""
    monkeypatch.chdir(GOLDEN / "full")

    def call(*words: object) -> object:
        return run("infer", "--model", "libra-v1.0-tiny", "--max-new-tokens", 24, *words)

    return call  # type: ignore[return-value]


def test_the_report_is_that_of_the_original(ask: Run) -> None:
    ended = ask("--image", IMAGES / "cur_a.png", "--prior", IMAGES / "prior_a.png")
    assert (0, EXPECTED[0]["generation"]["greedy"]["text"]) == (ended.status, ended.out.strip())


def test_context_and_beams_give_the_originals_beams(ask: Run) -> None:
    wanted = EXPECTED[1]["generation"]["beam3"]["beams"]
    ended = ask(
        *("--image", IMAGES / "cur_wide.png", "--indication", "cough and fever"),
        *("--history", "smoker.", "--num-beams", 3, "--num-return-sequences", 3),
        *("--length-penalty", 2, "--no-repeat-ngram-size", 3, "--json"),
    )
    found = json.loads(ended.out)
    assert EXPECTED[1]["prompt"] == found["prompt"]
    assert [one["ids"] for one in wanted] == [one["token_ids"] for one in found["reports"]]


def test_a_top_p_without_temperature_is_told_and_changes_nothing(ask: Run) -> None:
    plain, with_it = (
        ask("--image", IMAGES / "cur_a.png", *more) for more in ((), ("--top-p", 0.5))
    )
    assert plain.out == with_it.out
    assert "--top-p does nothing here" in with_it.err


def test_context_follows_a_prompt_of_ones_own(ask: Run) -> None:
    ended = ask(
        *("--image", IMAGES / "cur_a.png", "--prompt", "Describe the heart.", "--json"),
        *("--indication", "Cough."),
    )
    asked = "Describe the heart. Following clinical context: Indication: Cough."
    assert asked == json.loads(ended.out)["question"]


def test_what_was_decided_is_said(ask: Run) -> None:
    said = ask("--image", IMAGES / "cur_a.png").err.strip().splitlines()
    assert "libra-v1.0-tiny: no prior image, so the current one stands in for it" == said[0]
    assert ["The text was cut at --max-new-tokens."] == said[1:]


def test_what_goes_without_saying_is_not_said(run: Run) -> None:
    images = ("--image", IMAGES / "cur_a.png", "--prior", IMAGES / "prior_a.png")
    for model in ("libra-phantom", "mlp-phantom"):
        ended = run("infer", "--model", model, "--max-new-tokens", 64, *images)
        assert (0, "") == (ended.status, ended.err)


def test_a_template_that_the_name_decides_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(GOLDEN / "medcxrgen")
    (folder,) = Path().glob("*[Cc][Xx][Rr][Gg]en*")
    said = run("infer", "--model", folder, "--image", IMAGES / "cur_a.png").err
    assert "conversation template libra_v0, since the name" in said


def test_a_dicom_file_and_its_picture_give_one_text(ask: Run, tmp_path: Path) -> None:
    grey = gradient(bits=8)
    dicom = saved(dx(grey, 8), tmp_path / "current.dcm")
    picture = tmp_path / "current.png"
    low, high = int(grey.min()), int(grey.max())
    stretched = (grey.astype(float) - low) / (high - low) * 255
    Image.fromarray(stretched.astype(np.uint8)).save(picture)
    texts = [
        ask("--image", image, "--prior", IMAGES / "prior_a.png").out for image in (dicom, picture)
    ]
    assert texts[0].strip()
    assert texts[0] == texts[1]


def test_a_seed_repeats_a_sample(ask: Run) -> None:
    words = ("--image", IMAGES / "cur_a.png", "--temperature", 1.0, "--top-p", 0.9, "--seed")
    first, again, other = (ask(*words, seed).out for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_chat_answers_each_line_with_the_conversation_so_far(
    ask: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Has it grown?\n\nThis is not asked.\n"))
    ended = ask("--image", IMAGES / "cur_a.png", "--chat", "--prompt", "is this PA view?")
    assert (0, 2) == (ended.status, len(ended.out.strip().splitlines()))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--image", "nowhere.png"], 2, "nowhere.png"),
        (["--image", __file__], 2, "test_infer.py"),
        (["--image", IMAGES / "cur_a.png", "--prior", "nowhere.dcm"], 2, "nowhere.dcm"),
        (["--image", IMAGES / "cur_a.png", "--template", "libra_v2"], 2, "libra_v1"),
        (["--image", IMAGES / "cur_a.png", "--section", "technique"], 2, "technique"),
        (["--image", IMAGES / "cur_a.png", "--dtype", "float8"], 2, "float8"),
        (["--image", IMAGES / "cur_a.png", "--engine", "tgi"], 2, "tgi"),
        (["--image", IMAGES / "cur_a.png", "--dicom", "best"], 2, "best"),
        (["--image", IMAGES / "cur_a.png", "--chat", "--num-beams", 3], 2, "chat"),
        (["--image", IMAGES / "cur_a.png", "--num-return-sequences", 3], 2, "temperature"),
    ],
)
def test_a_wrong_word_is_one_message(words: list[object], status: int, said: str, ask: Run) -> None:
    ended = ask(*words)
    assert (status, "") == (ended.status, ended.out)
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("model", ["X-iZhang/libra-v1.0-7b", "libra-v1.0-3b"])
def test_weights_that_are_not_here_are_status_3_with_the_command(
    model: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    ended = run("infer", "--model", model, "--image", IMAGES / "cur_a.png")
    assert 3 == ended.status
    assert "hf download X-iZhang/libra-v1.0-" in ended.err
