"""What a judge is asked: published prompts that the user brings, and wordings of our own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from metrics.errors import InputError, MissingError

_WORDINGS = Path(__file__).with_name("wording")
_PLACE = re.compile(r"\{(reference|candidate|context)\}")
_WITH_CONTEXT = re.compile(r"\{with context\}(.*?)\{end\}", re.DOTALL)
_SYSTEM = re.compile(r"\{system\}\n(.*?)\n\{user\}\n", re.DOTALL)
Message = dict[str, str]


@dataclass(frozen=True)
class Prompt:
    """A prompt with places for the texts, and the system message that goes before it.

    ``{reference}``, ``{candidate}`` and ``{context}`` stand for the texts; what is between
    ``{with context}`` and ``{end}`` is left out where a study has no context. A system message
    stands first, between lines ``{system}`` and ``{user}``.
    """

    text: str
    system: str | None = None

    @classmethod
    def parse(cls, written: str) -> Prompt:
        """Return the prompt that a file holds."""
        found = _SYSTEM.match(written)
        return cls(written) if found is None else cls(written[found.end() :], found.group(1))

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the system message and the prompt."""
        return _sha256(f"{self.system or ''}\0{self.text}")

    def render(self, reference: str, candidate: str, context: Mapping[str, str]) -> str:
        """Return the question about a pair of reports."""
        lines = "".join(f"    {name}: {text}\n" for name, text in context.items())
        texts = {"reference": reference, "candidate": candidate, "context": lines}
        kept = _WITH_CONTEXT.sub(lambda part: part.group(1) if context else "", self.text)
        # in one pass, for a report may hold a place's name
        return _PLACE.sub(lambda place: texts[place.group(1)], kept)

    def messages(self, question: str) -> list[Message]:
        """Return the messages of a chat."""
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*system, {"role": "user", "content": question}]


@dataclass(frozen=True)
class Probe:
    """A pair of reports, and the SHA-256 of the published question about it."""

    reference: str
    candidate: str
    sha256: str
    context: tuple[tuple[str, str], ...] = ()


_CONTEXT = (("age", "63"), ("indication", "cough"))
PUBLISHED: dict[str, tuple[tuple[Probe, ...], ...]] = {
    "green": (
        (
            Probe(
                "The heart is normal in size. The lungs are clear.",
                "Heart size is normal. There is a small left effusion.",
                "8b14ae6b1d2e35962548971d58436e066f0d98bb504df959c3155294e65f37d2",
            ),
        ),
    ),
    "crimson": (
        (
            Probe(
                "",
                "Clear.",
                "827a1113e0f092b62d4202f0911bc687f6e8a92ec802d66d65d7ad850092f243",
            ),
            Probe(
                "",
                "Clear.",
                "07ff3130599217a7e85e11c624e27d8ab649dd500f9bead2b6aaa2b9fea00719",
                _CONTEXT,
            ),
        ),
        (
            Probe(
                "",
                "Clear.",
                "46509a71fc0874b1b8291eba2e257c4b5745f8f37152c42b67573c94b11973cd",
            ),
            Probe(
                "",
                "Clear.",
                "67ec323f0f79b89ada10a169f0637c859452d1fd3643c6c90092426134f72a90",
                _CONTEXT,
            ),
        ),
    ),
}
"""Per judge, the questions of each variant of its published prompt."""
SYSTEM_MESSAGES = {"crimson": "16c21919ad5b716b63bf5784d120e9a260dd93c38e846c533cea568c00797171"}
"""SHA-256 of the system message that is published with the prompt."""


def own_wording(name: str) -> Prompt:
    """Return the prompt of our own words; the file's last line break is not part of it."""
    written = (_WORDINGS / f"{name}.txt").read_text(encoding="utf-8")
    return Prompt.parse(written.removesuffix("\n"))


def published_prompt(judge: str, path: str | None) -> Prompt:
    """Return the published prompt of a judge from the user's file, or its folder of them.

    Raises
    ------
    MissingError
        If no file is named, or it is not there.
    InputError
        If what it holds is not the published prompt.
    """
    how = f"docs/metrics/judges.md says how to get it. {judge}_style does without."
    if path is None:
        raise MissingError(
            f"{judge} needs its published prompt, which is not ours to ship. Name its file as the "
            f"judge's prompt, or in CXR_HARNESS_JUDGE_PROMPT; {how}"
        )
    file = Path(path).expanduser()
    file = file / f"{judge}.txt" if file.is_dir() else file
    try:
        written = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise MissingError(f"The prompt of {judge} is not there: {file}. {how}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The prompt {file} cannot be read ({type(error).__name__}).") from None
    for text in (written, written.removesuffix("\n")):
        prompt = Prompt.parse(text)
        if _is_published(prompt, judge):
            return prompt
    digest = hashlib.sha256(written.encode()).hexdigest()
    raise InputError(
        f"{file} (SHA-256 {digest[:16]}…) is not the published prompt of {judge}: questions made "
        f"with it differ from the published ones. {how}"
    )


def _is_published(prompt: Prompt, judge: str) -> bool:
    wanted = SYSTEM_MESSAGES.get(judge)
    if wanted is not None and _sha256(prompt.system or "") != wanted:
        return False
    return any(_agrees(prompt, variant) for variant in PUBLISHED[judge])


def _agrees(prompt: Prompt, variant: tuple[Probe, ...]) -> bool:
    return all(
        _sha256(prompt.render(probe.reference, probe.candidate, dict(probe.context)))
        == probe.sha256
        for probe in _probes(prompt, variant)
    )


def _probes(prompt: Prompt, variant: tuple[Probe, ...]) -> Iterator[Probe]:
    """Yield the probes that the prompt has places for: a context is optional."""
    takes_context = _WITH_CONTEXT.search(prompt.text) is not None
    return (probe for probe in variant if takes_context or not probe.context)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
