"""Numbers as people read them: units, digits, signs and p-values."""

from __future__ import annotations

import math

from metrics.results import Score

MISSING = "\u2013"
"""Stands where a number is undefined or was not computed."""
MINUS = "\u2212"


def digits(value: float | None, percent: bool) -> str:
    """Return the value in the unit of tables; an empty string where it is undefined.

    Fractions are shown times 100 with two decimals, other scores as they are with three.

    >>> digits(0.24543, percent=True), digits(1.2345, percent=False), digits(None, percent=True)
    ('24.54', '1.234', '')
    """
    if value is None or not math.isfinite(value):
        return ""
    text = f"{value * 100:.2f}" if percent else f"{value:.3f}"
    return text.lstrip("-") if float(text) == 0 else text


def shown(value: float | None, percent: bool) -> str:
    """Return the value as ``digits`` does, a minus sign typeset, and a dash where undefined."""
    return digits(value, percent).replace("-", MINUS) or MISSING


def interval(score: Score, percent: bool | None = None) -> str:
    """Return ``23.91 – 25.22``, or an empty string without an interval."""
    if score.low is None or score.high is None:
        return ""
    percent = score.percent if percent is None else percent
    return f"{shown(score.low, percent)} \u2013 {shown(score.high, percent)}"


def signed(value: float, percent: bool) -> str:
    """Return a difference with its sign.

    >>> signed(0.012, percent=True), signed(-0.012, percent=True), signed(0.0, percent=True)
    ('+1.20', '−1.20', '0.00')
    """
    text = shown(value, percent)
    is_zero = not any(character in "123456789" for character in text)
    return text if value < 0 or is_zero else f"+{text}"


def p_value(p: float) -> str:
    """Return a p-value with at most four decimals, never as zero.

    >>> p_value(0.0312), p_value(0.00001), p_value(1.0)
    ('0.031', '< 0.0001', '1')
    """
    if not math.isfinite(p):
        return MISSING
    if p < 0.0001:
        return "< 0.0001"
    if p < 0.01:
        return f"{p:.4f}"
    return f"{p:.3f}".rstrip("0").rstrip(".") if p > 0.9995 else f"{p:.3f}"


def share(value: float | None) -> str:
    """Return a fraction as per cent with one decimal.

    >>> share(0.9134)
    '91.3 %'
    """
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value * 100:.1f} %"


def count(number: int | None) -> str:
    """Return an integer with thin spaces between thousands.

    >>> count(12345) == "12" + chr(0x202F) + "345"
    True
    """
    return MISSING if number is None else f"{number:,}".replace(",", "\u202f")
