"""Words of one sentence, exactly as NLTK's Treebank-style tokenizer finds them.

Source: the Penn Treebank conventions as NLTK 3.10's ``NLTKWordTokenizer`` applies them. The order
of the rules matters: later ones see the spaces that earlier ones put in.
"""

from __future__ import annotations

import re
from typing import Any

from metrics.tokens.regular_expressions import Compile, compiled

Rule = tuple[str, Any, str]  # characters without which it cannot apply, pattern, replacement

_SPACED = r" \g<0> "
_OPENERS = "\xab\u201c\u2018\u201e"
_CURLY_CLOSERS = "\xbb\u201d\u2019"
_CLOSERS = r"""\])}>"'"""
_CONTRACTIONS = tuple(
    re.compile(rf"(?i){pattern}")
    for pattern in (
        r"\b(can)(not)\b",
        r"\b(d)('ye)\b",
        r"\b(gim)(me)\b",
        r"\b(gon)(na)\b",
        r"\b(got)(ta)\b",
        r"\b(lem)(me)\b",
        r"\b(more)('n)\b",
        r"\b(wan)(na)(?=\s)",
        r" ('t)(is)\b",
        r" ('t)(was)\b",
    )
)
_CONTRACTED = re.compile(r"(?i)cannot|d'ye|gimme|gonna|gotta|lemme|more'n|wanna|'tis|'twas")


def _rules_inside(build: Compile) -> list[Rule]:
    return [
        # Quotes that open.
        (f"{_OPENERS}`", build(rf"[{_OPENERS}]|`+"), _SPACED),
        ('"', build(r'^"'), "``"),
        ("`", build("``"), _SPACED),
        ("\"'", build(r"""([ (\[{<])("|'')"""), r"\1 `` "),
        ("'", build(r"(?i)(?<!\w)'(?!(?:re|ve|ll|[mtsdn])\b)(?=\w)"), r"\g<0> "),
        # Punctuation; a full stop only where the sentence ends.
        (".", build(rf"([^.])(\.)([{_CLOSERS} {_CURLY_CLOSERS}]*+)\s*$"), r"\1 \2 \3 "),
        (",:", build(r"([:,])(\D)"), r" \1 \2"),
        (",:", build(r"[:,]$"), _SPACED),
        (".", build(r"\.{2,}"), _SPACED),
        (";@#$%&\u2012\u2013\u2014\u2015", build("[;@#$%&\u2012-\u2015]"), _SPACED),
        (".", build(rf"([^.])(\.)([{_CLOSERS}]*)\s*$"), r"\1 \2\3 "),
        ("?!", build(r"[?!]"), _SPACED),
        ("'", build(r"([^'])' "), r"\1 ' "),
        ("*", build(r"\*"), _SPACED),
        ("[](){}<>", build(r"[\]\[(){}<>]"), _SPACED),
        ("-", build("--"), _SPACED),
    ]


def _rules_around(build: Compile) -> list[Rule]:
    """Return the rules for quotes that close, which want a space at both ends of the text."""
    clitics = "'ll|'LL|'re|'RE|'ve|'VE|n't|N'T"
    return [
        (_CURLY_CLOSERS, build(f"[{_CURLY_CLOSERS}]"), _SPACED),
        ("'", build("''"), _SPACED),
        ('"', build('"'), " '' "),
        (" ", build(r"\s+"), " "),
        ("'", build(r"([^' ])('[sS]|'[mM]|'[dD]|') "), r"\1 \2 "),
        ("'", build(rf"([^' ])({clitics}) "), r"\1 \2 "),
    ]


def words(sentence: str) -> list[str]:
    """Return the words and marks of a sentence, double quotes as Treebank writes them.

    >>> words("It isn't 3.5 cm, (yet).")
    ['It', 'is', "n't", '3.5', 'cm', ',', '(', 'yet', ')', '.']
    """
    text = _apply(compiled(_rules_inside, sentence), sentence)
    text = _apply(compiled(_rules_around, sentence), f" {text} ")
    if _CONTRACTED.search(text):
        for pattern in _CONTRACTIONS:
            text = pattern.sub(r" \1 \2 ", text)
    return text.split()


def _apply(rules: list[Rule], text: str) -> str:
    for marks, pattern, replacement in rules:
        if any(mark in text for mark in marks):
            text = pattern.sub(replacement, text)
    return text
