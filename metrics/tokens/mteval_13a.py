r"""Tokens of mteval-13a, the tokeniser of BLEU in sacreBLEU and in the hub's ``evaluate``.

Source: NIST ``mteval-v13a.pl``, as sacreBLEU 2.x reproduces it (``tokenizer_13a``). A line break
after a hyphen joins the lines; four SGML entities are resolved; ASCII punctuation other than
``' , - .`` stands alone; a full stop or comma stands alone unless between digits; a hyphen
stands alone after a digit. No rule reaches across white space, so words are cut one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# In the order in which the four rules apply: each sees what the ones before it left.
_RULES = (
    (re.compile(r"""([!-&(-+/:-@\[-`{-~])"""), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def words(text: str) -> list[str]:
    """Return the words of a text, lines broken after a hyphen joined.

    >>> words("left-" + chr(10) + "sided  effusion.")
    ['leftsided', 'effusion.']
    """
    if "-\n" in text or "<skipped>" in text:
        text = text.replace("<skipped>", "").replace("-\n", "")
    return text.split()


def words_of_stripped(text: str) -> list[str]:
    """Return the words as sacreBLEU's BLEU sees them: without white space at the text's end.

    It matters for one thing: a hyphen before a final line break stays.
    """
    return words(text.rstrip())


def tokens(word: str) -> Sequence[str]:
    """Return the tokens of one word.

    >>> tokens("(3.5-cm),")
    ['(', '3.5', '-', 'cm', ')', ',']
    """
    if word.isalnum():
        return (word,)
    if word[-1] in ".," and word[:-1].isalnum():
        return word[:-1], word[-1]
    if "&" in word:
        for entity, character in _ENTITIES:
            word = word.replace(entity, character)
    word = f" {word} "
    for pattern, replacement in _RULES:
        word = pattern.sub(replacement, word)
    return word.split()
