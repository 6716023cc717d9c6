"""From a study, or a record of Libra's, to the conversation that is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.datasets.source import Place
from harness.errors import InputError
from harness.study import Study
from metrics.files.jsonl import kind_of
from metrics.files.sample_ids import checked_id
from models.libra.prompts import image_question, with_context
from models.study_prompt import QUESTION
from models.training.tuning.records import NothingToTeachError, TrainingRecord

_MOST_IMAGES = 2


def of_study(
    study: Study,
    name: str,
    section: str,
    context: Sequence[str] | None,
    images: Path,
    *,
    canvas: bool = False,
) -> TrainingRecord:
    """Return what a study teaches: the answer to its question, else a section of its report.

    Parameters
    ----------
    study, name
        The study, and what the record is called.
    section
        Which section is asked for where there is no question.
    context
        The sections of the context that are told, in this order; None tells all.
    images
        The folder that images are relative to.
    canvas
        Show all images of the study side by side, and no prior.

    Raises
    ------
    NothingToTeachError
        If there is no image, no such section, or nothing in it. Of several references the first
        counts.
    """
    is_question = study.question is not None
    wanted = "answer" if is_question else section
    if not study.has_section(wanted):
        raise NothingToTeachError(name, "no_answer" if is_question else "no_section")
    answer = study.reference_texts(wanted)[0]
    if not answer.strip():
        raise NothingToTeachError(name, "no_answer" if is_question else "empty_section")
    shown = study.images if canvas else _current_and_prior(study)
    if not shown:
        raise NothingToTeachError(name, "no_image")
    return TrainingRecord(
        id=name,
        conversation=(
            {"from": "human", "value": image_question(_asked(study, section, context))},
            {"from": "gpt", "value": answer},
        ),
        images=tuple(images / path for path in shown),
        reference=answer,
        canvas=canvas,
        views=tuple(study.image_views) if canvas else (),
    )


def of_libra(
    record: Mapping[str, Any], place: Place, images: Path, *, canvas: bool = False
) -> TrainingRecord:
    """Return a record ``{"id", "image", "conversations"}`` of Libra's; without image it is text.

    Raises
    ------
    NothingToTeachError
        If there are more images than a current and a prior one.
    InputError
        If a field is missing or of another type.
    """
    name = checked_id(record.get("id"), "id", str(place))
    given = record.get("image")
    shown = [given] if isinstance(given, str) else given or []
    turns = record.get("conversations")
    if not isinstance(shown, list) or not all(isinstance(one, str) and one for one in shown):
        raise InputError(f"{place}: image is {kind_of(given)}. Write a path, or a list of paths.")
    if not isinstance(turns, list) or not all(_is_turn(turn) for turn in turns):
        raise InputError(
            f"{place}: conversations is no list of objects with the texts from and value. Mend it."
        )
    if len(shown) > _MOST_IMAGES and not canvas:
        raise NothingToTeachError(name, "too_many_images")
    # the current image given again is Libra's way to say that there is no prior
    distinct = shown if canvas else list(dict.fromkeys(shown))
    answers = [turn["value"] for turn in turns if turn["from"] == "gpt"]
    return TrainingRecord(
        id=name,
        conversation=tuple({"from": turn["from"], "value": turn["value"]} for turn in turns),
        images=tuple(images / path for path in distinct),
        reference=answers[-1] if answers else "",
        canvas=canvas and bool(distinct),
    )


def _current_and_prior(study: Study) -> tuple[str, ...]:
    if study.current_image is None:
        return ()
    prior = next(iter(study.prior_images or ()), study.current_image)
    return tuple(dict.fromkeys([study.current_image, prior]))


def _asked(study: Study, section: str, context: Sequence[str] | None) -> str:
    if study.question is not None:
        return study.question
    names = list(study.context) if context is None else context
    told = {name: study.context[name] for name in names if name in study.context}
    return with_context(QUESTION.format(section=section.replace("+", " and ")), told)


def _is_turn(turn: object) -> bool:
    return isinstance(turn, dict) and all(isinstance(turn.get(n), str) for n in ("from", "value"))
