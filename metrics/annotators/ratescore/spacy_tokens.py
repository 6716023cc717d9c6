"""Where spaCy's blank English pipeline begins its tokens: sentences begin at tokens only.

Affixes are split off each piece between blanks, then what is left is split at infixes, unless an
exception says how to split it; last, exceptions that the affixes broke up are put together again.
The patterns and exceptions are spaCy's (``resources/LICENSES.md``).

Source: spaCy 3.7.5, ``Tokenizer`` with the settings of ``spacy.blank("en")``.
"""

from __future__ import annotations

import json
import lzma
import re
from functools import cache, cached_property
from importlib.resources import files
from itertools import accumulate, pairwise

Range = tuple[int, int]

_TABLES = "spacy_english.json.xz"
_CHUNK = re.compile(r"\s+|\S+")


class _Tokenizer:
    def __init__(self) -> None:
        packed = (files("metrics") / "resources" / _TABLES).read_bytes()
        tables = json.loads(lzma.decompress(packed))
        self._exceptions: dict[str, list[str]] = tables["exceptions"]
        self._prefix = re.compile(tables["prefix"])
        self._suffix = re.compile(tables["suffix"])
        self._infix = re.compile(tables["infix"])
        self._url = re.compile(tables["url"])

    def ranges(self, text: str) -> list[Range]:
        """Return the tokens' character ranges; a single blank between two is none."""
        found = self._split(text, self._exceptions)
        return self._mended(text, found)

    def _split(self, text: str, exceptions: dict[str, list[str]]) -> list[Range]:
        ranges: list[Range] = []
        for start, chunk in _chunks(text):
            stops = [*accumulate(map(len, self._pieces(chunk, exceptions)), initial=start)]
            ranges += pairwise(stops)
        return ranges

    def _pieces(self, chunk: str, exceptions: dict[str, list[str]]) -> list[str]:
        if chunk in exceptions:
            return exceptions[chunk]
        prefixes: list[str] = []
        suffixes: list[str] = []
        core, before = chunk, ""
        while core and core != before and core not in exceptions:
            before = core
            core = self._stripped(core, prefixes, suffixes, exceptions)
        return [*prefixes, *self._core(core, exceptions), *reversed(suffixes)]

    def _stripped(
        self, core: str, prefixes: list[str], suffixes: list[str], exceptions: dict[str, list[str]]
    ) -> str:
        """Return the core without one more prefix and suffix, which are added to the lists."""
        head = _length(self._prefix.search(core))
        if head and core[head:] in exceptions:
            prefixes.append(core[:head])
            return core[head:]
        tail = _length(self._suffix.search(core[head:]))
        stop = len(core) - tail
        if tail and core[:stop] in exceptions:
            suffixes.append(core[stop:])
            return core[:stop]
        if head:
            prefixes.append(core[:head])
        if tail and head + tail <= len(core):
            suffixes.append(core[stop:])
            return core[head:stop]
        return core[head:]

    def _core(self, core: str, exceptions: dict[str, list[str]]) -> list[str]:
        if core in exceptions:
            return exceptions[core]
        if not core or self._url.match(core):
            return [core] if core else []
        pieces = []
        start = 0
        for match in self._infix.finditer(core):
            if match.start() > 0:
                pieces += [core[start : match.start()], match[0]]
                start = match.end()
        return [piece for piece in [*pieces, core[start:]] if piece]

    @cached_property
    def _broken(self) -> dict[str, list[tuple[str, ...]]]:
        """Exceptions that affixes can break up: their pieces, by the first of them."""
        broken: dict[str, list[tuple[str, ...]]] = {}
        for text in self._exceptions:
            patterns = (self._prefix, self._suffix, self._infix)
            if " " in text or any(pattern.search(text) for pattern in patterns):
                pieces = tuple(text[a:b] for a, b in self._split(text, {}))
                broken.setdefault(pieces[0], []).append(pieces)
        return broken

    def _mended(self, text: str, ranges: list[Range]) -> list[Range]:
        """Put exceptions together again, the longest first, then the first."""
        words = [text[start:stop] for start, stop in ranges]
        spans = [
            (i, i + len(pieces))
            for i, word in enumerate(words)
            for pieces in self._broken.get(word, ())
            if tuple(words[i : i + len(pieces)]) == pieces
        ]
        seen: set[int] = set()
        sizes: dict[int, int] = {}
        for first, stop in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
            if first not in seen and stop - 1 not in seen:
                sizes[first] = stop - first
            seen.update(range(first, stop))
        return self._joined(text, ranges, sizes)

    def _joined(self, text: str, ranges: list[Range], sizes: dict[int, int]) -> list[Range]:
        joined: list[Range] = []
        position = 0
        while position < len(ranges):
            part = ranges[position : position + sizes.get(position, 1)]
            start, stop = part[0][0], part[-1][1]
            if position in sizes and (pieces := self._exceptions.get(text[start:stop])):
                stops = [*accumulate(map(len, pieces), initial=start)]
                part = [*pairwise(stops)]
            joined += part
            position += sizes.get(position, 1)
        return joined


def token_ranges(text: str) -> list[Range]:
    """Return the character ranges of the text's tokens, white space tokens among them."""
    return _tokenizer().ranges(text)


def _chunks(text: str) -> list[tuple[int, str]]:
    """Return runs of one kind, visible or white space; one blank is given up before each run."""
    chunks = []
    for match in _CHUNK.finditer(text):
        start = match.start()
        if start > 0 and text[start] == " ":
            start += 1
        if start < match.end():
            chunks.append((start, text[start : match.end()]))
    return chunks


def _length(match: re.Match[str] | None) -> int:
    return match.end() - match.start() if match else 0


@cache
def _tokenizer() -> _Tokenizer:
    return _Tokenizer()
