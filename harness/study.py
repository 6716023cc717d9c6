"""A study: the images and sections a model may see, and the report it is scored against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import InputError

UNNAMED = "reference"
"""Where a reference is kept whose file does not say of which section it is."""

Reference = str | Sequence[str]
"""One reference text, or several for the same study."""


@dataclass(frozen=True, slots=True)
class Study:
    """One sample of a data set.

    ``sample_id`` is what is unique; ``study_id`` may repeat, as where one study has several
    questions. ``prior_images`` is None where the file does not say whether there is a prior.
    ``current_image`` is the one a model of a single image gets. ``image_views`` are the views of
    ``images``, as many, or none. ``file`` and ``line`` tell where the study was read, for messages.
    """

    sample_id: str
    study_id: str
    subject_id: str | None = None
    images: Sequence[str] = ()
    prior_images: Sequence[str] | None = None
    current_image: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    reference: Mapping[str, Reference] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    prior_study_id: str | None = None
    prior_report: str | None = None
    question: str | None = None
    study_date: str | None = None
    split: str | None = None
    image_views: Sequence[str] = ()
    file: str = field(default="", compare=False)
    line: int | None = field(default=None, compare=False)

    @property
    def has_prior(self) -> bool | None:
        """Whether there is a prior image; None where unknown."""
        return None if self.prior_images is None else bool(self.prior_images)

    @property
    def place(self) -> str:
        """Where the study stands, as messages name it."""
        if not self.file:
            return f"Study {self.sample_id!r}"
        if self.line is None:
            return f"{self.file}, study {self.sample_id!r}"
        return f"{self.file} line {self.line} (study {self.sample_id!r})"

    def reference_texts(self, section: str) -> list[str]:
        """Return the references for a section, one or more.

        ``a+b`` joins both sections with a blank; an empty one is left out of the join. Where the
        file gives several references, the first of each section are joined, and so on. A reference
        without a section's name stands for any section.

        Raises
        ------
        InputError
            If the study lacks a section. One that is there but empty counts as present.
        """
        parts = [self._section(name, section) for name in section.split("+")]
        if len({len(texts) for texts in parts}) > 1:
            raise InputError(
                f"{self.place} has {' and '.join(str(len(t)) for t in parts)} references for the "
                f"sections of {section!r}. Give equally many, or ask for one section."
            )
        if len(parts) == 1:
            return parts[0]
        return [" ".join(text for text in texts if text) for texts in zip(*parts, strict=True)]

    def has_section(self, section: str) -> bool:
        """Whether there is a reference for the section, or for all parts of ``a+b``."""
        names = section.split("+")
        bare = len(names) == 1 and UNNAMED in self.reference
        return bare or all(name in self.reference for name in names)

    def _section(self, name: str, asked: str) -> list[str]:
        found = self.reference.get(name)
        if found is None and UNNAMED in self.reference and name == asked:
            found = self.reference[UNNAMED]
        if found is None:
            raise InputError(f"{self.place} has no {name}. {self._advice(name)}")
        texts = [found] if isinstance(found, str) else list(found)
        if not texts:
            raise InputError(f"{self.place} has an empty list of references for {name}. Give one.")
        return texts

    def _advice(self, name: str) -> str:
        there = " or ".join(f"--section {section}" for section in self.reference)
        if not there:
            return f"Add the {name} of its report (an empty text if the report has none)."
        return f"Add it (an empty text if the report has none), or choose {there}."
