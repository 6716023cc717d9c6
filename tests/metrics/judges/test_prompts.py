import hashlib
from pathlib import Path

import pytest

from metrics.errors import InputError, MissingError
from metrics.judges.kinds import CRIMSON_STYLE, FINERADSCORE_STYLE, GREEN_STYLE, Kind
from metrics.judges.prompts import PUBLISHED, Probe, Prompt, own_wording, published_prompt

WRITTEN = "Compare {reference} with {candidate}.{with context} Known:\n{context}{end}\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the published prompt be `WRITTEN`, without a system message."""
    probes = (
        Probe("a", "b", _sha256("Compare a with b.\n")),
        Probe("a", "b", _sha256("Compare a with b. Known:\n    age: 63\n\n"), (("age", "63"),)),
    )
    monkeypatch.setitem(PUBLISHED, "green", (probes,))


def test_reports_that_hold_names_of_places_stay_as_they_are() -> None:
    asked = Prompt("{reference}|{candidate}").render("{candidate} {end}", "{reference}", {})
    assert "{candidate} {end}|{reference}" == asked


def test_the_part_about_context_is_left_out_without_one() -> None:
    prompt = Prompt(WRITTEN)
    assert "Compare a with b.\n" == prompt.render("a", "b", {})
    expected = "Compare a with b. Known:\n    age: 63\n    sex: F\n\n"
    assert expected == prompt.render("a", "b", {"age": "63", "sex": "F"})


def test_a_system_message_stands_before_the_question() -> None:
    prompt = Prompt.parse("{system}\nYou judge.\n{user}\nCompare {reference}.")
    expected = [
        {"role": "system", "content": "You judge."},
        {"role": "user", "content": "Compare a."},
    ]
    assert expected == prompt.messages(prompt.render("a", "b", {}))


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_file_with_the_published_prompt_is_taken(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "green.txt"
    file.write_text(WRITTEN + ending)
    assert WRITTEN == published_prompt("green", str(file)).text
    assert WRITTEN == published_prompt("green", str(tmp_path)).text


@pytest.mark.usefixtures("known")
def test_another_prompt_is_refused_under_the_published_name(tmp_path: Path) -> None:
    file = tmp_path / "green.txt"
    file.write_text(WRITTEN.replace("Known", "Told"))
    with pytest.raises(InputError, match="is not the published prompt of green"):
        published_prompt("green", str(file))


def test_a_prompt_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="CXR_HARNESS_JUDGE_PROMPT"):
        published_prompt("green", None)
    with pytest.raises(MissingError, match=r"crimson\.txt"):
        published_prompt("crimson", str(tmp_path))


def test_a_file_that_is_no_text_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "green.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        published_prompt("green", str(tmp_path))


@pytest.mark.parametrize("kind", [GREEN_STYLE, CRIMSON_STYLE, FINERADSCORE_STYLE])
def test_our_wordings_have_places_for_both_reports(kind: Kind) -> None:
    question = own_wording(kind.name).render("REFERENCE", "CANDIDATE", {"age": "63"})
    assert 1 == question.count("REFERENCE")
    assert 1 == question.count("CANDIDATE")
    assert "{reference}" not in question
    assert "{end}" not in question


def test_the_form_of_answer_that_our_green_wording_shows_is_a_verdict() -> None:
    wording = own_wording("green_style").text
    assert GREEN_STYLE.problem(wording[wording.index("[Explanation]:") :]) is None
