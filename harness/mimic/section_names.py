"""What the headings of MIMIC-CXR's reports mean: the official names of sections, and Libra's."""

from __future__ import annotations

from typing import Literal

Rules = Literal["libra", "official"]

_ALIASES: dict[str, tuple[str, ...]] = {
    "comparison": (
        *("comparisons", "comparision", "comparsion", "comparrison", "comparisions"),
        *("reference exam", "comparison exam", "comparison film"),
    ),
    "history": ("clinical history", "clinical information", "patient history", "pfi"),
    "indication": (
        *("reason for examination", "reason for exam", "clinical indication", "idication"),
    ),
    "examination": ("exam", "type of examination"),
    "impression": (
        *("conclusion", "findings and impression", "findings/impression", "findings/ impression"),
        *("impresson", "imprression", "imoression", "impressoin", "imprssion", "impresion"),
        *("imperssion", "mpression", "impession"),
        # the original's mistake for a misspelt indication, kept because its files have it
        "ndication",
    ),
    "findings": (
        *("chest, two views", "finding", "findins", "findindgs", "findgings", "findngs"),
        *("findnings", "finidngs", "reference findings"),
    ),
    "recommendations": ("recommendation(s)", "recommendation"),
    "wet read": ("wetread",),
}
_OWN = (
    *("preamble", "impression", "comparison", "indication", "findings", "examination"),
    *("technique", "history", "notification", "addendum", "date", "comment", "wet read"),
    "recommendations",
)
_NAMES = {name: name for name in _OWN} | {
    alias: name for name, aliases in _ALIASES.items() for alias in aliases
}
_CONTAINED: dict[Rules, tuple[str, ...]] = {
    "official": ("impression", "findings", "history", "comparison", "addendum"),
    "libra": (
        *("impression", "findings", "history", "comparison"),
        *("indication", "technique", "addendum"),
    ),
}
_EXAMINATIONS = (
    *("chest", "portable", "pa and lateral", "lateral and pa", "ap and lateral", "lateral and ap"),
    *("frontal and", "two views", "frontal view", "pa view", "ap view", "one view"),
    *("lateral view", "bone window", "frontal upright", "frontal semi-upright", "ribs"),
    "pa and lat",
)
"""Words of headings that name the examination; what stands below them are findings."""


def section_name(heading: str, rules: Rules) -> str:
    """Return the section that a heading begins.

    Source: the section parser of MIT-LCP/mimic-cxr and Libra's copy of it, which know the same
    headings and differ in what they find inside a longer one.

    >>> section_name("TECHNIQUE AND INDICATION", "official")
    'technique and indication'
    >>> section_name("TECHNIQUE AND INDICATION", "libra")
    'indication'
    """
    heading = heading.lower().strip()
    if heading in _NAMES:
        return _NAMES[heading]
    for name in _CONTAINED[rules]:
        if name in heading:
            return name
    return "findings" if any(words in heading for words in _EXAMINATIONS) else heading
