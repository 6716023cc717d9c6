"""Cut a context that is one text ("Indication: … Comparison: …") into its sections."""

from __future__ import annotations

import re

SECTIONS = ("indication", "history", "comparison", "technique")
"""The sections that a model may be told before it sees the images."""
_HEADING = re.compile(rf"\b(?:clinical\s+)?({'|'.join(SECTIONS)})\s*:", re.IGNORECASE)


def context_sections(text: str) -> dict[str, str]:
    """Return the sections of a context, stripped; without headings, all of it as ``context``.

    What stands before the first heading is kept as ``context`` too. Of a section that comes
    twice, the texts are joined.

    >>> context_sections("Indication: cough Comparison: None.")
    {'indication': 'cough', 'comparison': 'None.'}
    """
    before, *rest = _HEADING.split(text)
    found = {"context": before.strip()} if before.strip() else {}
    for heading, content in zip(rest[::2], rest[1::2], strict=True):
        name = heading.lower()
        found[name] = f"{found.get(name, '')} {content.strip()}".strip()
    return found
