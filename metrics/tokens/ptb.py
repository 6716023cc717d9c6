"""Tokens of coco-caption: Penn Treebank style, lower-cased, plain punctuation left out.

Written from the observed behaviour of Stanford's ``PTBTokenizer`` (CoreNLP 3.4.1, the version that
pycocoevalcap calls with ``-preserveLines -lowerCase``), without Java. Brackets stay, as ``-lrb-``
and so on: the original's list of punctuation has them in capitals and never finds them.

Known differences: each text is read by itself, whereas the original reads all texts as one
stream (an abbreviation at the end of one is judged by the beginning of the next) and loses step
at rare line separators; letters are Unicode's of today, not of 2014; web and mail addresses,
and faces made of symbols are only approximated.
"""

# ruff: noqa: RUF001 -- look-alike quotes and dashes are what the rules are about

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics.tokens.ptb_words import (
    ABBREVIATIONS,
    BEFORE_NUMBERS,
    CAPITALISED_ABBREVIATIONS,
    MARKS,
    SENTENCE_STARTERS,
    SPLIT_WORDS,
)

_DROPPED = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"])

_LETTER = rf"(?:[^\W\d_²³¹¼-¾⁰-₟⅐-↋①-⓿]|[{MARKS}])"
_ALNUM = rf"(?:{_LETTER}|\d)"
_NUMBER = r"(?:\d*(?:[.:,]\d+)+|\d+)"
_ACRONYM = r"[A-Za-z](?:\.[A-Za-z])*"
_SLASHED = r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}"
_CONTRACTED = r"(?:[msdMSD]|[rR][eE]|[vV][eE]|[lL][lL])"
_ENDING = rf"(?:'{_CONTRACTED}(?![A-Za-z])|’{_CONTRACTED})"

# A plain word that nothing is glued to: most of a report.
_PLAIN = re.compile(r"[A-Za-z]+(?=[\s;()]|,(?:\s|$)|$)")
# Of these the longest match wins, the first of equals. Lengths are bounded where a match may fail
# late, so that time stays linear in texts without blanks.
_STARTING_WITH_LETTER_OR_DIGIT = [
    re.compile(pattern)
    for pattern in (
        rf"{_LETTER}{_ALNUM}*(?:[.!?]{_LETTER}{_ALNUM}*)*",
        rf"(?:[dDoOlL]['’](?={_LETTER}{_ALNUM}))?{_ALNUM}+(?:[_\u058a\u2010\u2011-]{_ALNUM}+)*",
        r"[A-Za-z0-9][A-Za-z0-9.,]{0,99}(?:-(?:[A-Za-z](?:\.[A-Za-z])+\.|[A-Za-z0-9]+))+",
        _NUMBER,
        r"(?:\d{1,4}[ \u00a0-])?\d{1,4}(?:\\?/|⁄)\d{1,4}",
        rf"{_SLASHED}(?:\\?/{_SLASHED}){{1,2}}",
        r"[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+",
        r"https?://[^\s\"<>|()]{1,99}\.[^\s\"<>|()]{0,999}[^\s\"<>|().!?,{}-]",
        r"[A-Za-z0-9][^\s\"<>|(){}]{0,99}@(?:[^\s\"<>|(){}.]{1,99}\.){0,9}[^\s\"<>|(){}.,;:!?]{1,99}",
        r"[A-Z]*\$",
        r"(?i:o['’]clock|ma['’]am|c['’]mon|ol['’])(?![A-Za-z])",
        rf"{_LETTER}+[aeiouyAEIOUY]['’][aeiouA-Z]{_LETTER}*",
        r"[dDjJlLyY]['’](?=[A-Za-z])",
    )
]
_WORD, _THING, _HYPHENED = _STARTING_WITH_LETTER_OR_DIGIT[:3]
_PERIOD_BEFORE_COMMA = re.compile(r"\.[,;:、]")
_PERIOD_BEFORE_NUMBER = re.compile(r"\.[ \t\u00a0]?\d")
_NEXT_SENTENCE = re.compile(r"\.\s+([A-Z][A-Za-z]*)(?=\s|$)")
_ENDS = re.compile(_ENDING)
_LETTERS = re.compile("[A-Za-z]+")
_ACRONYM_ONLY = re.compile(_ACRONYM)
_OTHER = re.compile(
    rf"""
    (?P<quotes> '' )
    | (?P<tag> <[!?][A-Za-z-][^>]{{0,99}}>
        | </?[A-Za-z][A-Za-z0-9:._-]{{0,99}}
            (?:\s+[A-Za-z][A-Za-z0-9:._-]{{0,99}}(?:="[^"]{{0,99}}")?){{0,9}}\s*/?> )
    | (?P<face> [<>]?[:;=]['oC^-]?[()DPdpO{{@|\[\]\\](?![A-Za-z0-9]) )
    | (?P<number> [-+]?{_NUMBER} )
    | (?P<ending> {_ENDING} | ['’][eE][mM] | ['’][2-9]0s
        | '[tT](?=(?:is|was)\b) | ['’]\d\d(?=\s|$) )
    | (?P<kept> ’[nN]['’]?(?![A-Za-z0-9]) | [?!]+
        | \#\#+ | \*+ | _+ | << | >> | [@][A-Za-z_]\w* | [#]{_LETTER}+ | &\#\d+;
        | [⁺⁻₊₋]?[⁰¹²³⁴-⁹]+ | [₀-₉]+ )
    | (?P<bracket> [][(){{}}] )
    | (?P<entity> (?i:&(?:amp|lt|gt|quot|nbsp);) )
    | (?P<dropped> [-–—―]+ | \.{{3,5}} | ["'`.‘’‛“”«»‹›…,:;] )
    | (?P<single> [!-~¡-÷†-•‰‚„₠₤€℀-⯿、。！-／：-＠]
        | [‖‗‟‣‱-‸※‾-⁂⁄⁺-⁾₊-₎〒・［-｀｛-･\u037e\u0387\u0589\u05be\u05c0]
        | [\u05c3\u05c6\u05f3\u05f4\u0600-\u0603\u0606-\u060c\u061b\u061e\u061f\u066a\u066d\u06d4]
        | [\u0700-\u070d।॥฿๏] )
    """,
    re.VERBOSE,
)
_BRACKETS = dict(zip("()[]{}", ("-lrb-", "-rrb-", "-lsb-", "-rsb-", "-lcb-", "-rcb-"), strict=True))
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_WRITTEN_OUT = {"¼": "1/4", "½": "1/2", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}
_WRITTEN_OUT |= {"€": "$", "₠": "$", "¤": "$", "£": "#", "¢": "cents"}
_REMOVED = str.maketrans("", "", "\u00ad")


def line(text: str) -> str:
    """Return the tokens as the original writes them, with single spaces between.

    >>> line('The heart is normal-sized (5.5 cm), "stable" vs. prior. It isn' + "'t.")
    "the heart is normal-sized -lrb- 5.5 cm -rrb- stable vs. prior it is n't"
    """
    if not text.isascii():
        text = text.translate(_REMOVED)
    if "&" in text:
        text = text.replace("&apos;", "'")
    return " ".join(token for token in _tokens(text) if token not in _DROPPED)


def split_tokens(text: str) -> list[str]:
    """Return the tokens as BLEU and CIDEr-D see them, cut at every white space.

    It differs from the line only in fractions such as ``1 1/2``, one token with a no-break space.
    """
    return line(text).split()


def _tokens(text: str) -> Iterator[str]:
    """Yield lower-cased tokens in order; some punctuation that ``line`` drops may be missing."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif (word := _PLAIN.match(text, at)) and word[0].lower() not in SPLIT_WORDS:
            yield word[0].lower()
            at = word.end()
        elif _may_begin_word(text[at]) and (end := _end_of_word(text, at)):
            pieces, at = _pieces(text, at, end)
            yield from pieces
        elif other := _OTHER.match(text, at):
            yield from _other(other)
            at = other.end()
        else:
            at += 1


def _may_begin_word(char: str) -> bool:
    return char.isalnum() or not char.isascii()  # a mark may stand alone


def _end_of_word(text: str, at: int) -> int:
    matches = (pattern.match(text, at) for pattern in _STARTING_WITH_LETTER_OR_DIGIT)
    return max((match.end() for match in matches if match), default=0)


def _pieces(text: str, start: int, end: int) -> tuple[list[str], int]:
    """Return the tokens that a word gives, and where the text goes on."""
    word = text[start:end]
    lowered = word.lower()
    after = text[end : end + 2].lower()
    if lowered in SPLIT_WORDS and not _ENDS.match(text, end):
        cut = SPLIT_WORDS[lowered]
        return [lowered[:cut], lowered[cut:]], end
    if after in ("'t", "’t") and lowered.endswith("n"):
        more = _LETTERS.match(text, end + 2)
        negation = f"n't{more[0].lower()}" if more else "n't"
        return [*filter(None, [lowered[:-1]]), negation], end + 2 + len(negation) - 3
    if text[end : end + 1] == "." and _keeps_period(text, start, end):
        return [lowered + "."], end + 1
    return [lowered.replace(" ", "\u00a0")], end


def _keeps_period(text: str, start: int, end: int) -> bool:
    word = text[start:end]
    lowered = word.lower()
    if len(word) == 1 and word.isascii() and word.isalpha():
        starter = _NEXT_SENTENCE.match(text, end)
        return not (starter and starter[1].lower() in SENTENCE_STARTERS)
    if _ACRONYM_ONLY.fullmatch(word) or lowered in ABBREVIATIONS:
        return True
    if lowered in CAPITALISED_ABBREVIATIONS:
        if word[0].isupper():
            return True
    elif lowered in BEFORE_NUMBERS and _PERIOD_BEFORE_NUMBER.match(text, end):
        return True
    if _PERIOD_BEFORE_COMMA.match(text, end):
        return bool(_WORD.fullmatch(word) or _THING.fullmatch(word))
    return False


def _other(match: re.Match[str]) -> list[str]:
    token = match[0].lower()
    kind = match.lastgroup
    if kind in ("dropped", "quotes"):
        return []
    if kind == "bracket":
        return [_BRACKETS[token]]
    if kind == "face":
        return ["".join(_BRACKETS.get(c, c) if c in "()" else c for c in token)]
    if kind == "entity":
        return [_ENTITIES[token]] if token in _ENTITIES else []
    if kind == "tag":
        return [re.sub(r"\s", "\u00a0", token)]
    if kind == "ending":
        return [token.replace("’", "'")]
    return [_WRITTEN_OUT.get(token, token)]
