"""Scores under the names that papers print, beside their own; spelled as `plain` spells them."""

from __future__ import annotations

from metrics.conditions import AVERAGES

PRINTED = {
    "1/radcliq": "radcliq_v1_reciprocal",
    "1/radcliqv1": "radcliq_v1_reciprocal",
    **{f"bl{n}": f"bleu{n}" for n in (1, 2, 3, 4)},
    **{f"{a}f1{n}": f"chexbert_{a}_f1_{n}" for n in (14, 5) for a in AVERAGES},
    "chexbertsimilarity": "semb_score",
    "chexbertvector": "semb_score",
    "ciderd": "cider",
    "crimsonscore": "crimson",
    "greenscore": "green",
    "mtr": "meteor",
    "rge": "radgraph_simple",
    "rger": "radgraph_partial",
    "rgerbar": "radgraph_complete",
    "rgl": "rougeL",
    "semb": "semb_score",
    "temporalentityscore": "temporal_f1",
}
"""The one output that a printed name means."""

_RADGRAPH = ("radgraph_simple", "radgraph_partial", "radgraph_complete", "radgraph_combined")
_CHEXBERT = {n: tuple(f"chexbert_{average}_f1_{n}" for average in AVERAGES) for n in (14, 5)}
PRINTED_FOR_SEVERAL = {
    **dict.fromkeys(("f1radgraph", "radgraphf1", "rgf1"), _RADGRAPH),
    **{
        name + count: outputs
        for name in ("f1", "chexbertf1", "chexpertf1", "f1chexbert", "f1chexpert")
        for count, outputs in (
            ("", _CHEXBERT[14] + _CHEXBERT[5]),
            ("14", _CHEXBERT[14]),
            ("5", _CHEXBERT[5]),
        )
    },
    **{f"{a}f1": tuple(f"chexbert_{a}_f1_{n}" for n in (14, 5)) for a in AVERAGES},
}
"""Names under which papers print different outputs, with these."""


def plain(name: str) -> str:
    """Return the name without what writers vary: letter case, hyphens, blanks.

    >>> plain("1/RadCliQ-v1")
    '1/radcliqv1'
    """
    return "".join(c for c in name.lower() if c.isalnum() or c == "/")
