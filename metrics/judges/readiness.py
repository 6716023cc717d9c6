"""Whether a judge can be asked, said before anything slow starts."""

from __future__ import annotations

import os
from importlib.util import find_spec

from metrics.errors import MissingError
from metrics.judges.address import authorization
from metrics.judges.judge import model_folder
from metrics.judges.kinds import Kind
from metrics.judges.settings import JudgeSettings

_A_JUDGE = (
    "a judge (set CXR_HARNESS_JUDGE_MODEL and, for an API, CXR_HARNESS_JUDGE_ENDPOINT, or the "
    "benchmark file's `judge`; docs/metrics/judges.md)"
)


def check_judge(kind: Kind, settings: JudgeSettings) -> None:
    """Raise what asking would raise before the first request.

    Raises
    ------
    InputError, MissingError
        If there is no published prompt, no key or no model, or not the right one.
    """
    kind.prompt(settings.prompt)
    if settings.endpoint is None:
        model_folder(settings)
    else:
        authorization(settings.api_key_env)


def lacking(kind: Kind, settings: JudgeSettings | None) -> list[str]:
    """Return what this machine lacks to ask the judge, in words."""
    if settings is None:
        return [_A_JUDGE]
    lacks = []
    try:
        kind.prompt(settings.prompt)
    except MissingError:
        lacks.append(
            f"the published prompt of {kind.name} (set CXR_HARNESS_JUDGE_PROMPT; "
            f"docs/metrics/judges.md; {kind.name}_style does without)"
        )
    return lacks + (_for_a_model(settings) if settings.endpoint is None else _for_http(settings))


def _for_a_model(settings: JudgeSettings) -> list[str]:
    from metrics.weights import absent_packages

    try:
        model_folder(settings)
    except MissingError:
        return [f"the judge's model {settings.model}", *absent_packages()]
    return absent_packages()


def _for_http(settings: JudgeSettings) -> list[str]:
    lacks = [] if find_spec("httpx2") else ["httpx2"]
    key = settings.api_key_env
    if key is not None and not os.environ.get(key, "").strip():
        lacks.append(f"the judge's key in the environment variable {key}")
    return lacks
