"""The judges there are: how each is asked, how its answer is read, and what it scores."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from metrics.judges.crimson import score_crimson
from metrics.judges.fineradscore import severities
from metrics.judges.green import clean_green, green_problem, parse_green, shorten
from metrics.judges.json_repair import read_json
from metrics.judges.prompts import Prompt, own_wording, published_prompt

_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\n(.*)\n\s*```\s*\Z", re.DOTALL)

Score = Callable[[Any], float]


@dataclass(frozen=True)
class Kind:
    """One kind of judge.

    Parameters
    ----------
    name
        Of the score; ``…_style`` where the wording is ours.
    read
        Makes a verdict of a raw answer; InputError where it is none.
    score
        Makes a number of a verdict.
    prepare
        What is done to a report before the judge sees it.
    json
        Whether the answer is JSON.
    green_chat
        Whether a local model is asked as GREEN's own models were.
    """

    name: str
    read: Callable[[str], Any]
    score: Score
    prepare: Callable[[str], str] = str
    json: bool = False
    green_chat: bool = False

    def prompt(self, path: str | None) -> Prompt:
        """Return our wording, or the published prompt from the user's file.

        Raises
        ------
        InputError, MissingError
            If the published prompt is asked for and cannot be had.
        """
        if self.name.endswith("_style"):
            return own_wording(self.name)
        return published_prompt(self.name, path)

    def lacks_prompt(self, path: str | None) -> bool:
        """Whether the published prompt is wanted and not named, or not in the folder of prompts."""
        if self.name.endswith("_style"):
            return False
        folder = None if path is None else Path(path).expanduser()
        return folder is None or (folder.is_dir() and not (folder / f"{self.name}.txt").is_file())

    def problem(self, answer: str) -> str | None:
        """Return why an answer is no verdict, or None."""
        try:
            self.read(answer)
        except InputError as error:
            return str(error)
        return None


def _read_green(raw: str) -> Any:
    answer = clean_green(_THOUGHTS.sub("", raw)) if "[Explanation]:" in raw else raw
    problem = green_problem(answer)
    if problem is not None:
        raise InputError(f"The judge's answer is no GREEN verdict: {problem}.")
    return parse_green(answer)


def _read_crimson(raw: str) -> Any:
    verdict = _object_in(raw)
    if "reference_findings" not in verdict or "errors" not in verdict:
        raise InputError("The judge's answer has no findings or no errors.")
    score_crimson(verdict)
    return verdict


def _read_fineradscore(raw: str) -> Any:
    return severities(_object_in(raw))


def _object_in(raw: str) -> Mapping[str, Any]:
    """Return the JSON object of an answer, without the thoughts before it and its fence."""
    bare = _THOUGHTS.sub("", raw)
    fenced = _FENCE.match(bare)
    found = read_json(fenced.group(1) if fenced else bare)
    if not isinstance(found, dict):
        raise InputError("The judge's answer is JSON, but no object.")
    return found


def _green_score(verdict: Any) -> float:
    return float(verdict["score"])


def _crimson_score(verdict: Any) -> float:
    return score_crimson(verdict)["score"]


GREEN = Kind("green", _read_green, _green_score, shorten, green_chat=True)
GREEN_STYLE = Kind("green_style", _read_green, _green_score, shorten)
CRIMSON = Kind("crimson", _read_crimson, _crimson_score, json=True)
CRIMSON_STYLE = Kind("crimson_style", _read_crimson, _crimson_score, json=True)
FINERADSCORE_STYLE = Kind("fineradscore_style", _read_fineradscore, sum, json=True)
