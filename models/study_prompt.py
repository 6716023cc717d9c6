"""What general models are asked about a study: the field's question, and which image is which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.adapter import Request
from models.libra.prompts import with_context

QUESTION = "Provide a detailed description of the {section} in the radiology image."
"""The question that Libra was trained and evaluated with; ``section`` is findings or impression."""
_BOTH = (
    "The first image is the current chest radiograph. The second image is the prior chest "
    "radiograph, for comparison."
)
_CURRENT_ONLY = "The image is the current chest radiograph. There is no prior chest radiograph."


@dataclass(frozen=True)
class StudyPrompt:
    """The images shown, in order, and the words that go with them."""

    images: tuple[Path, ...]
    text: str


def study_prompt(
    request: Request,
    prompt: str | None = None,
    context: Sequence[str] | None = None,
    send_prior: bool = True,
) -> StudyPrompt | None:
    """Return what to show and ask for a request; None if it has no current image.

    Parameters
    ----------
    request
        The sample. In the mode ``dummy`` the current image stands in for the prior.
    prompt
        Replaces the question about the section; a sample's own question is asked as it stands.
    context
        The context sections appended to the question, in this order; None appends all.
    send_prior
        Whether the prior image is shown. If so, a sentence says which image is which, or that a
        report's study has no prior.
    """
    current = request.current_image
    if current is None:
        return None
    asked = question(request, prompt, context)
    if not send_prior:
        return StudyPrompt((current,), asked)
    prior = current if request.prior == "dummy" else request.prior_image
    if prior is not None:
        return StudyPrompt((current, prior), f"{_BOTH}\n{asked}")
    if request.question is not None:
        return StudyPrompt((current,), asked)
    return StudyPrompt((current,), f"{_CURRENT_ONLY}\n{asked}")


def question(
    request: Request, prompt: str | None = None, context: Sequence[str] | None = None
) -> str:
    """Return the question about a study, with its context where a report is asked for.

    >>> question(Request("s1", context={"indication": "Cough."}))
    'Provide a detailed description of the findings in the radiology image. Following clinical \
context: Indication: Cough.'
    """
    if request.question is not None:
        return request.question
    section = request.section.replace("+", " and ")
    asked = QUESTION.format(section=section) if prompt is None else prompt
    names = list(request.context) if context is None else context
    return with_context(asked, {name: request.context.get(name, "") for name in names})
