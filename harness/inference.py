"""One study, one model: what ``infer`` prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from harness.cli.output import note, print_json
from harness.errors import InputError
from models.adapter import TRUNCATED
from models.engines.engine import Decoding
from models.images.reading import DicomMode

if TYPE_CHECKING:
    from models.libra.encoding import ImagePair
    from models.libra.reporter import LibraReporter, Question, Report

Turn = tuple[str, str | None]


@dataclass(frozen=True)
class Asked:
    """What the user asks of which model about which images, and how it is decoded."""

    model: str
    base: str | None
    image: Path
    prior: Path | None
    prompt: str | None
    section: str
    context: Mapping[str, str]
    template: str | None
    engine: str
    device: str | None
    dtype: str | None
    dicom: str
    decoding: Decoding

    @property
    def streams(self) -> bool:
        """Whether the text can be shown while it is written."""
        single = self.decoding.num_beams == 1 and self.decoding.num_return_sequences == 1
        return single and self.engine == "transformers"


def answer(asked: Asked, as_json: bool) -> None:
    """Print the answer to a question: streamed to a terminal, else when it is complete."""
    reporter, question = _prepared(asked, [("user", question_text(asked))])
    if as_json:
        reports = reporter.reports([question], asked.decoding)[0]
        print_json(_as_json(asked, reporter, question, reports))
    elif asked.streams and sys.stdout.isatty():
        _show(reporter.stream(question, asked.decoding))
    else:
        _print_reports(reporter.reports([question], asked.decoding)[0])


def chat_on(asked: Asked) -> None:
    """Answer the first question, then those of stdin, each with the conversation so far.

    A blank line, the end of the input or Ctrl-C ends it.
    """
    if not asked.streams:
        raise InputError("A chat has one text per answer, without beams. Leave these options out.")
    turns: list[Turn] = []
    reporter, first = _prepared(asked, [("user", "")])
    text: str | None = question_text(asked)
    while text is not None or (text := _typed()):
        turns.append(("user", text))
        question = _asking(first.images, turns, asked)
        turns.append(("assistant", _show(reporter.stream(question, asked.decoding))))
        text = None


def question_text(asked: Asked) -> str:
    """Return the question: the prompt, else the section's, each with the clinical context."""
    from models.libra import prompts

    own = prompts.section_question(asked.section)
    question = own if asked.prompt is None else asked.prompt
    return prompts.with_context(question, asked.context)


def _prepared(asked: Asked, turns: Sequence[Turn]) -> tuple[LibraReporter, Question]:
    """Read the images first, which is quick, then load the model."""
    import models
    from models.engines.checks import check_decoding
    from models.images.reading import read_image
    from models.libra import prompts
    from models.libra.encoding import ImagePair

    check_decoding(asked.decoding)
    if asked.dicom not in get_args(DicomMode):
        raise InputError(f"--dicom is {asked.dicom!r}. Give published or corrected.")
    mode: DicomMode = "corrected" if asked.dicom == "corrected" else "published"
    if asked.template is not None:
        prompts.stop_string(asked.template)
    paths = [asked.image] if asked.prior is None else [asked.image, asked.prior]
    images = [read_image(path, dicom=mode) for path in paths]
    reporter = models.load(
        asked.model, asked.base, engine=asked.engine, device=asked.device, dtype=asked.dtype
    )
    for line in _notes(reporter, asked):
        note(line)
    pixels = [reporter.preprocess(image) for image in images]
    pair = ImagePair(pixels[0], pixels[1] if len(pixels) > 1 else None)
    return reporter, _asking(pair, turns, asked)


def _notes(reporter: LibraReporter, asked: Asked) -> list[str]:
    """Return what was decided for the user, other than by default."""
    from models.libra import prompts

    notes = [f"{reporter.name}: {text}" for text in reporter.record["notes"]]
    choice = reporter.template
    if asked.template is None and choice.name != prompts.DEFAULT_TEMPLATE:
        notes.append(f"{reporter.name}: conversation template {choice.name}, since {choice.reason}")
    if asked.prior is None and reporter.model.reads_prior:
        notes.append(f"{reporter.name}: no prior image, so the current one stands in for it")
    if asked.decoding.top_p is not None and not asked.decoding.temperature:
        notes.append("--top-p does nothing here: without a temperature the text is greedy")
    return notes


def _asking(pair: ImagePair, turns: Sequence[Turn], asked: Asked) -> Question:
    from models.libra.reporter import Question

    return Question(pair, list(turns), template=asked.template)


def _as_json(
    asked: Asked, reporter: LibraReporter, question: Question, reports: Sequence[Report]
) -> dict[str, Any]:
    return {
        "model": reporter.name,
        "image": str(asked.image),
        "prior": None if asked.prior is None else str(asked.prior),
        "question": question.turns[-1][1],
        "prompt": reporter.prompt_text(question),
        "decoding": asdict(asked.decoding),
        "template": asked.template or reporter.template.name,
        "record": {**reporter.record, "notes": _notes(reporter, asked)},
        "reports": [asdict(report) for report in reports],
    }


def _print_reports(reports: Sequence[Report]) -> None:
    from reports.text_safety import terminal_text

    if any(report.finish_reason == TRUNCATED for report in reports):
        note("The text was cut at --max-new-tokens.")
    for number, report in enumerate(reports, 1):
        if len(reports) > 1:
            score = "" if report.score is None else f" (score {report.score:.4f})"
            print(f"[{number}]{score}")
        print(terminal_text(report.text))


def _show(pieces: Iterator[str]) -> str:
    from reports.text_safety import terminal_text

    text = ""
    for piece in pieces:
        sys.stdout.write(terminal_text(piece))
        sys.stdout.flush()
        text += piece
    print()
    return text


def _typed() -> str | None:
    if sys.stdin.isatty():
        sys.stderr.write("> ")
        sys.stderr.flush()
    return sys.stdin.readline().strip() or None
