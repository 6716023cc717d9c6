"""The Porter stemmer in the dialect of NLTK's default mode, without importing NLTK.

Source: Porter 1980, "An algorithm for suffix stripping", with the departures that NLTK's
``PorterStemmer`` documents as NLTK_EXTENSIONS. Importing NLTK costs seconds.
"""

from __future__ import annotations

_IRREGULAR = {
    "skies": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "innings": "inning",
    "outings": "outing",
    "cannings": "canning",
}
_UNTOUCHED = frozenset(
    ("sky", "news", "inning", "outing", "canning", "howe", "proceed", "exceed", "succeed")
)
_Rules = dict[str, tuple[tuple[str, str], ...]]


def stem(word: str) -> str:
    """Return the stem of the lower-cased word.

    >>> stem("effusions"), stem("Stable"), stem("dying")
    ('effus', 'stabl', 'die')
    """
    lower = word.lower()
    if lower in _UNTOUCHED or len(word) <= 2:
        return lower
    if lower in _IRREGULAR:
        return _IRREGULAR[lower]
    result = _past_and_participle(_plural(lower))
    if len(result) > 2 and result[-1] == "y" and _shape(result)[-2] == "c":
        result = result[:-1] + "i"
    result = _double_suffix(result)
    result = _by_rules(result, _STEP_3, measure=0)
    result = _last_suffix(result)
    return _double_l(_final_e(result))


def _shape(word: str) -> str:
    """Return a ``c`` per consonant and a ``v`` per vowel; after a consonant, y is a vowel."""
    shape = ""
    previous = "v"
    for letter in word:
        is_vowel = letter in "aeiou" or (letter == "y" and previous == "c")
        previous = "v" if is_vowel else "c"
        shape += previous
    return shape


def _measure(word: str) -> int:
    """Return the paper's m: how often a vowel is followed by a consonant."""
    return _shape(word).count("vc")


def _is_short(word: str) -> bool:
    """Tell the paper's *o (consonant, vowel, consonant other than w, x, y), or vowel, consonant."""
    shape = _shape(word)
    return shape == "vc" or (shape.endswith("cvc") and word[-1] not in "wxy")


def _plural(word: str) -> str:
    if not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("sses"):
        return word[:-2]
    return word if word.endswith("ss") else word[:-1]


def _past_and_participle(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) else word
    rest = word[:-2] if word.endswith("ed") else word[:-3] if word.endswith("ing") else ""
    if "v" not in _shape(rest):
        return word
    if rest.endswith(("at", "bl", "iz")):
        return rest + "e"
    if len(rest) > 1 and rest[-1] == rest[-2] and _shape(rest)[-1] == "c":
        return rest if rest[-1] in "lsz" else rest[:-1]
    # NLTK takes its mark for a double consonant for a suffix too.
    if rest.endswith("*d"):
        return rest[:-2] + "d"
    return rest + "e" if _measure(rest) == 1 and _is_short(rest) else rest


def _double_suffix(word: str) -> str:
    while word.endswith("alli") and _measure(word[:-4]):
        word = word[:-2]
    if word.endswith("logi"):
        return word[:-1] if _measure(word[:-3]) else word
    return _by_rules(word, _STEP_2, measure=0)


def _last_suffix(word: str) -> str:
    if word.endswith("ion"):
        rest = word[:-3]
        return rest if rest.endswith(("s", "t")) and _measure(rest) > 1 else word
    return _by_rules(word, _STEP_4, measure=1)


def _final_e(word: str) -> str:
    if not word.endswith("e"):
        return word
    rest = word[:-1]
    measure = _measure(rest)
    return rest if measure > 1 or (measure == 1 and not _is_short(rest)) else word


def _double_l(word: str) -> str:
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _by_rules(word: str, rules: _Rules, measure: int) -> str:
    """Replace the first suffix that fits, if what precedes it measures more than ``measure``."""
    for suffix, replacement in rules.get(word[-2:], ()):
        if word.endswith(suffix):
            rest = word[: -len(suffix)]
            return rest + replacement if _measure(rest) > measure else word
    return word


def _by_ending(*pairs: tuple[str, str]) -> _Rules:
    endings = dict.fromkeys(suffix[-2:] for suffix, _ in pairs)
    return {end: tuple(pair for pair in pairs if pair[0][-2:] == end) for end in endings}


_STEP_2 = _by_ending(
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("fulli", "ful"),
)
_STEP_3 = _by_ending(
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
)
_STEP_4 = _by_ending(
    ("al", ""),
    ("ance", ""),
    ("ence", ""),
    ("er", ""),
    ("ic", ""),
    ("able", ""),
    ("ible", ""),
    ("ant", ""),
    ("ement", ""),
    ("ment", ""),
    ("ent", ""),
    ("ou", ""),
    ("ism", ""),
    ("ate", ""),
    ("iti", ""),
    ("ous", ""),
    ("ive", ""),
    ("ize", ""),
)
