"""Report-like texts that no golden file holds: odd punctuation, long ones, Unicode, blanks."""

from __future__ import annotations

import random

_SENTENCES = """
    the lungs are clear without focal consolidation effusion or pneumothorax heart size is normal
    mild stable cardiomegaly left right basilar atelectasis opacity edema interval worsening of
    pulmonary vascular congestion picc tip in mid svc endotracheal tube above carina cm no acute
    osseous abnormality compared with prior may represent pneumonia unchanged small bilateral
    pleural thickening ET NG CHF IV 3.5 10 2 T12 right-sided peribronchial cuffing hernia XXXX
"""
_WORDS = _SENTENCES.split()
_MARKS = [*".,:;!?()/%'\"-_#*&+=<>[]{}|\\~`", "...", "--", ").", "%.", ".'", "%,", "%)", "!?", "?!"]
_UNICODE = [
    "caf\u00e9",
    "e\u0301",
    "\u00b5m",
    "\u2264 5",
    "\u2013",
    "\u201cquoted\u201d",
    "\u80ba\u708e",
    "\u0645\u0631\u062d\u0628\u0627",
    "\ud55c\uad6d",
    "\U0001fa7b",
    "\u00df",
    "\u0130",
    "\ufb01brosis",
    "x\u0336",
    "\u2003",
    "\u00a0",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u00ad",
    "\ufffd",
]
_SPELT = ["\\n", "\\f", "\\u2122", '\\"', "[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK]", "None"]


def reports(seed: int, count: int) -> list[str]:
    """Return distinct texts of all kinds, a few of more than 512 pieces."""
    draw = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[_report(draw, len(found))] = None
    return list(found)


def _report(draw: random.Random, place: int) -> str:
    odd = place % 3
    length = draw.choice([1, 2, 5, 12, 40, 90]) if place % 20 else draw.randint(200, 260)
    parts = []
    for _ in range(length):
        word = draw.choice(_WORDS)
        kind = draw.random()
        if odd and kind < 0.25:
            word += draw.choice(_MARKS)
        elif odd and kind < 0.35:
            word = draw.choice(_MARKS) + word
        elif odd == 2 and kind < 0.5:
            word = draw.choice(_UNICODE)
        elif odd == 2 and kind < 0.55:
            word = draw.choice(_SPELT)
        elif kind > 0.9:
            word = word.capitalize() + "."
        parts.append(word + draw.choice(["", " ", "  ", "\n", "\t"] if odd else [" "]))
    return "".join(parts)
