"""Synonyms of a word in WordNet 3.0, as NLTK's METEOR looks them up.

The tables under ``metrics/resources`` are derived from Princeton WordNet 3.0 (see LICENSES.md
there) by ``tools/build_wordnet_table.py``.
"""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np

# Suffix rules of WordNet's morphy(7), per part of speech. Adverbs have none.
_SUFFIXES: tuple[tuple[tuple[str, str], ...], ...] = (
    (
        ("s", ""),
        ("ses", "s"),
        ("ves", "f"),
        ("xes", "x"),
        ("zes", "z"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("men", "man"),
        ("ies", "y"),
    ),
    (
        ("s", ""),
        ("ies", "y"),
        ("es", "e"),
        ("es", ""),
        ("ed", "e"),
        ("ed", ""),
        ("ing", "e"),
        ("ing", ""),
    ),
    (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    (),
)
_PARTS = "nvar"


def synonyms(word: str) -> frozenset[str]:
    """Return the word itself and the single-word names of all lemmas of all its synsets.

    The word is looked up lower-cased, in its base forms of every part of speech. Names keep
    their capitals; those of several words are left out.

    >>> sorted(synonyms("lungs"))
    ['lung', 'lungs']
    """
    found = {word}
    lower = word.lower()
    for part in range(len(_PARTS)):
        for form in _base_forms(lower, part):
            found.update(_names(form, part))
    return frozenset(found)


def _base_forms(word: str, part: int) -> Iterator[str]:
    """Yield the word and what it may be an inflection of, known to WordNet or not."""
    yield word
    irregular = _words().exceptions[part].get(word)
    if irregular is not None:
        yield from irregular
        return
    for ending, base in _SUFFIXES[part]:
        if word.endswith(ending):
            yield word[: -len(ending)] + base


def _names(lemma: str, part: int) -> list[str]:
    if "_" in lemma:
        return _phrases().get(f"{lemma} {_PARTS[part]}", [])
    return _words().names_beside(lemma, part)


@dataclass(frozen=True)
class _Words:
    """All single-word names, sorted without regard to case, and the synsets that they share.

    ``presence`` has bit p set where a name is in a synset of part of speech p. Group g has the
    name numbers ``members[starts[g]:starts[g + 1]]``; groups of part p have numbers from
    ``part_starts[p]`` on. Name i is in the groups ``groups_of[first[i]:first[i + 1]]``, sorted.
    """

    names: list[str]
    last_of: dict[str, int]
    presence: bytes
    part_starts: list[int]
    starts: list[int]
    members: list[int]
    first: list[int]
    groups_of: list[int]
    exceptions: list[dict[str, list[str]]]

    def names_beside(self, lemma: str, part: int) -> list[str]:
        """Return every name in a synset of the part of speech that has the lemma."""
        found: list[str] = []
        i = self.last_of.get(lemma, -1)
        # Names that differ in capitals only are neighbours and one lemma.
        while i >= 0 and (name := self.names[i]).lower() == lemma:
            if self.presence[i] >> part & 1:
                found.append(name)
                low, high = self.part_starts[part : part + 2]
                for group in self.groups_of[self.first[i] : self.first[i + 1]]:
                    if low <= group < high:
                        members = self.members[self.starts[group] : self.starts[group + 1]]
                        found += [self.names[member] for member in members]
            i -= 1
        return found


@cache
def _words() -> _Words:
    names_text, presence, part_sizes, sizes, planes, irregular = _sections("wordnet_words.xz", 6)
    names = names_text.decode("ascii").split("\n")
    lemmas = names_text.lower().decode("ascii").split("\n")
    starts, members = _groups(sizes, planes)
    group_of_member = np.repeat(np.arange(len(starts) - 1), np.frombuffer(sizes, np.uint8))
    counts = np.bincount(members, minlength=len(names))
    return _Words(
        names=names,
        last_of=dict(zip(lemmas, range(len(lemmas)), strict=True)),
        presence=presence,
        part_starts=[0, *np.frombuffer(part_sizes, "<u4").cumsum().tolist()],
        starts=starts,
        members=members.tolist(),
        first=[0, *counts.cumsum().tolist()],
        groups_of=group_of_member[np.argsort(members, kind="stable")].tolist(),
        exceptions=[_exceptions(text) for text in irregular.decode("ascii").split("\n\n")],
    )


def _exceptions(text: str) -> dict[str, list[str]]:
    lines = (line.split() for line in text.split("\n"))
    return {irregular: bases for irregular, *bases in lines}


@cache
def _phrases() -> dict[str, list[str]]:
    """Return the single-word names beside each lemma of several words, by ``lemma part``."""
    phrases, sizes, planes = _sections("wordnet_phrases.xz", 3)
    starts, members = _groups(sizes, planes)
    names = [_words().names[member] for member in members.tolist()]
    keys = phrases.decode("ascii").split("\n")
    return {key: names[a:b] for key, a, b in zip(keys, starts, starts[1:], strict=False)}


def _groups(
    sizes: bytes, planes: bytes
) -> tuple[list[int], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return where each group starts and the members of all, whose bytes lie in planes."""
    low, middle, high = np.frombuffer(planes, np.uint8).reshape(3, -1).astype(np.int64)
    starts = [0, *np.frombuffer(sizes, np.uint8).cumsum(dtype=np.int64).tolist()]
    return starts, low + (middle << 8) + (high << 16)


def _sections(name: str, count: int) -> list[bytes]:
    packed = (files("metrics") / "resources" / name).read_bytes()
    content = lzma.decompress(packed)
    lengths = struct.unpack_from(f"<{count}I", content)
    stops = np.cumsum([4 * count, *lengths]).tolist()
    return [content[a:b] for a, b in pairwise(stops)]
