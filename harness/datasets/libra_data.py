"""Libra's own files to studies, and back: training records (JSON) and questions (JSON Lines)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from harness.atomic import write_pieces
from harness.datasets import libra
from harness.datasets.context_text import context_sections
from harness.datasets.json_list import read_list
from harness.datasets.outcomes import (
    Outcomes,
    Subject,
    check_output,
    refuse_none_left,
    write_account,
    write_outcomes,
)
from harness.datasets.source import Source
from harness.datasets.study_set import read_studies
from harness.disk_errors import explained
from harness.errors import InputError
from harness.study import UNNAMED, Study
from harness.suggest import suggestion
from metrics.files.sample_ids import checked_id
from metrics.files.text_lines import opened
from models.libra.prompts import image_question, section_question, with_context

Target = Literal["studies", "train", "questions"]

_IMAGE = "<image>"
_CONTEXT = " Following clinical context: "
_ASKED_SECTIONS = ("findings", "impression")

MEANINGS = {
    "no_image": "there is no image, which Libra cannot be trained on or asked without",
    "more_than_two_images": "there are more images than the current and the prior one",
    "turns_do_not_alternate": "the turns are not pairs of a question and an answer",
    "empty_answer": "an answer is empty",
    "no_section": "the report has no section of the kind asked for, or it is empty",
    "several_references": "there are several references; the first was taken",
    "several_priors": "there are several prior images; the first was taken",
}


def convert_libra(
    source: Path, output: Path, to: Target = "studies", section: str = "findings"
) -> dict[str, Any]:
    """Convert Libra's data to studies or studies to Libra's data, and return the report.

    Parameters
    ----------
    source
        For ``studies``: Libra's training or validation records (a JSON list), or its question file
        (JSON Lines). Otherwise studies of any format that is read.
    output
        What to write.
    to
        ``studies``; ``train``: records as Libra's training reads them; ``questions``: the file that
        its evaluation reads.
    section
        Which section of the report studies are asked for where they have no question.

    Raises
    ------
    InputError
        If an input is wrong, or nothing is left to write.
    """
    if to not in get_args(Target):
        raise InputError(f"to cannot be {to!r}. {suggestion(to, get_args(Target))}")
    outcomes = Outcomes(MEANINGS)
    facts: dict[str, Any] = {
        "command": "data libra",
        "settings": {"input": str(source), "to": to, "section": section},
    }
    _refuse_own_input(source, output)
    if to == "studies":
        check_output(output)
        studies, n_records = _studies(source, outcomes)
        return write_outcomes(output, studies, outcomes, facts | {"found": {"records": n_records}})
    if not output.suffix or output.is_dir():
        raise InputError(f"Cannot write {to} to {output}. Name a file such as {to}.json.")
    found = read_studies(source).studies
    studies = list(_askable(found, section, outcomes))
    refuse_none_left(studies, outcomes)
    lines = [_record(study, section, to) for study in studies]
    with explained(output, resumes=False):
        output.parent.mkdir(parents=True, exist_ok=True)
        write_pieces(output, _json_lines(lines) if to == "questions" else _json_list(lines))
    facts["found"] = {"studies": len(found)}
    return write_account(output, [output], studies, outcomes, facts)


def _refuse_own_input(source: Path, output: Path) -> None:
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"{output} is the input, which would be lost. Choose another --output.")


def _studies(source: Path, outcomes: Outcomes) -> tuple[list[Study], int]:
    """Return the samples of Libra's file, and how many records it has."""
    with opened(source) as file:
        is_list = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    if not is_list:
        asked_for = [_understood(study) for study in libra.read(Source(source))]
        return asked_for, len(asked_for)
    records = read_list(source)
    return list(_of_records(records, source, outcomes)), len(records)


def _of_records(
    records: Sequence[Mapping[str, Any]], source: Path, outcomes: Outcomes
) -> Iterator[Study]:
    names = [_name(record, source, number) for number, record in enumerate(records, start=1)]
    rounds = [
        list(_rounds(record, name, f"{source}, record {number}", outcomes))
        for number, (record, name) in enumerate(zip(records, names, strict=True), start=1)
    ]
    total: Counter[str] = Counter()
    for name, found in zip(names, rounds, strict=True):
        total[name] += len(found)
    asked: Counter[str] = Counter()
    for name, found in zip(names, rounds, strict=True):
        for study in found:
            asked[name] += 1
            sample = name if total[name] == 1 else f"{name}-q{asked[name]}"
            yield _understood(replace(study, sample_id=sample))


def _name(record: Mapping[str, Any], source: Path, number: int) -> str:
    return checked_id(record.get("id"), "id", f"{source}, record {number}")


def _rounds(
    record: Mapping[str, Any], name: str, place: str, outcomes: Outcomes
) -> Iterator[Study]:
    """Yield a study for every question and answer of a record."""
    images = record.get("image")
    images = [images] if isinstance(images, str) else images or []
    turns = record.get("conversations")
    if not isinstance(images, list) or not all(map(_is_path, images)):
        raise InputError(f"{place}: image is no path and no list of paths. Mend it.")
    if not isinstance(turns, list) or not all(_is_turn(turn) for turn in turns):
        raise InputError(f"{place}: conversations is no list of from and value. Mend it.")
    speakers = [turn["from"] for turn in turns]
    answers = [turn["value"] for turn in turns[1::2]]
    fault = ""
    if not images:
        fault = "no_image"
    elif len(images) > 2:
        fault = "more_than_two_images"
    elif not turns or speakers != ["human", "gpt"] * (len(turns) // 2):
        fault = "turns_do_not_alternate"
    elif not all(answer.strip() for answer in answers):
        fault = "empty_answer"
    if fault:
        outcomes.drop(fault, [Subject(name)])
        return
    for asked, answer in zip(turns[::2], answers, strict=True):
        yield Study(
            sample_id=name,
            study_id=name,
            images=tuple(images[:1]),
            current_image=images[0],
            prior_images=tuple(image for image in images[1:] if image != images[0]),
            question=asked["value"].replace(_IMAGE, "").strip(),
            reference={"answer": answer},
        )


def _is_path(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _is_turn(turn: object) -> bool:
    return isinstance(turn, dict) and all(isinstance(turn.get(n), str) for n in ("from", "value"))


def _understood(study: Study) -> Study:
    """Return a study that is asked for a section as one without a question, with its context."""
    for section in _ASKED_SECTIONS:
        asked, said, context = (study.question or "").partition(_CONTEXT)
        if asked.strip() != section_question(section):
            continue
        texts = {key: text.rstrip(",").rstrip() for key, text in context_sections(context).items()}
        if "context" in texts:
            # what no heading names stands below the name that our records give it
            texts["context"] = texts["context"].removeprefix("Context: ")
        answer = next(iter(study.reference.values()))
        is_named = not {"answer", UNNAMED}.issuperset(study.reference)
        return replace(
            study,
            question=None,
            context=texts if said else study.context,
            reference=study.reference if is_named else {section: answer},
        )
    return study


def _askable(studies: Iterable[Study], section: str, outcomes: Outcomes) -> Iterator[Study]:
    for study in studies:
        subject = Subject(
            study.study_id, study.subject_id or "", study.split or "", study.sample_id
        )
        wanted = "answer" if study.question else section
        texts = study.reference_texts(wanted) if study.has_section(wanted) else [""]
        if study.current_image is None:
            outcomes.drop("no_image", [subject])
        elif not texts[0].strip():
            outcomes.drop("no_section", [subject])
        else:
            if len(texts) > 1:
                outcomes.note("several_references", [subject])
            if len(study.prior_images or ()) > 1:
                outcomes.note("several_priors", [subject])
            yield study


def _record(study: Study, section: str, to: Target) -> dict[str, Any]:
    question = study.question or with_context(section_question(section), study.context)
    answer = study.reference_texts("answer" if study.question else section)[0]
    # without a prior, Libra's data give the current image again
    prior = next(iter(study.prior_images or ()), study.current_image)
    images = [study.current_image, prior]
    if to == "questions":
        return {
            "question_id": study.sample_id,
            "image": images,
            "text": question,
            "reference": answer,
        }
    return {
        "id": study.sample_id,
        "image": images,
        "conversations": [
            {"from": "human", "value": image_question(question)},
            {"from": "gpt", "value": answer},
        ],
    }


def _json_lines(records: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    return (f"{json.dumps(record, ensure_ascii=False)}\n".encode() for record in records)


def _json_list(records: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    for number, record in enumerate(records):
        yield (",\n" if number else "[\n").encode()
        yield json.dumps(record, ensure_ascii=False).encode()
    yield b"\n]\n"
