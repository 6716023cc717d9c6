"""Build the WordNet tables of ``metrics/resources`` from the files of Princeton WordNet 3.0.

    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wordnet
    python tools/build_wordnet_table.py wordnet/usr/share/wordnet metrics/resources

NLTK's ``corpora/wordnet`` folder holds the same synsets and gives the same tables.

They keep what METEOR asks for: the names without an underscore that share a synset with a lemma.
Lemmas that are single words are in ``wordnet_words.xz``, those of several words, which are rarely
asked for, in ``wordnet_phrases.xz``. ``metrics/tokens/wordnet.py`` says how the sections are read.
"""

from __future__ import annotations

import lzma
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

PARTS_OF_SPEECH = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]
Group = tuple[int, ...]


def main() -> None:
    """Write both tables from the folder named first into the folder named second."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    words, phrases = build(source)
    write(target / "wordnet_words.xz", words)
    write(target / "wordnet_phrases.xz", phrases)


def write(path: Path, sections: list[bytes]) -> None:
    """Write the sections, preceded by their sizes, as one compressed file."""
    head = struct.pack(f"<{len(sections)}I", *map(len, sections))
    path.write_bytes(lzma.compress(head + b"".join(sections), filters=FILTERS))
    print(f"{path}: {path.stat().st_size} bytes")


def build(source: Path) -> tuple[list[bytes], list[bytes]]:
    """Return the uncompressed sections of both tables, in the order they are read."""
    synsets = {letter: list(read_synsets(source, letter)) for letter in PARTS_OF_SPEECH}
    every = {name for sets in synsets.values() for names in sets for name in names}
    names = sorted((name for name in every if "_" not in name), key=lambda n: (n.lower(), n))
    number = {name: i for i, name in enumerate(names)}
    presence = np.zeros(len(names), np.uint8)
    groups: list[Group] = []
    groups_per_part = []
    for bit, sets in enumerate(synsets.values()):
        kept = [tuple(sorted({number[n] for n in names if "_" not in n})) for names in sets]
        for group in kept:
            presence[list(group)] |= 1 << bit
        widest = drop_contained({group for group in kept if len(group) > 1})
        groups += widest
        groups_per_part.append(len(widest))
    phrases, phrase_groups = phrase_links(synsets, number)
    exceptions = "\n\n".join(read_exceptions(source, letter) for letter in PARTS_OF_SPEECH)
    words = [
        "\n".join(names).encode("ascii"),
        presence.tobytes(),
        np.array(groups_per_part, "<u4").tobytes(),
        *pack_groups(groups),
        exceptions.encode("ascii"),
    ]
    return words, ["\n".join(phrases).encode("ascii"), *pack_groups(phrase_groups)]


def read_synsets(source: Path, letter: str) -> Iterator[list[str]]:
    """Yield the lemma names of each synset, without syntactic markers such as ``(p)``."""
    text = (source / f"data.{PARTS_OF_SPEECH[letter]}").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith(" "):
            continue
        fields = line.split()
        count = int(fields[3], 16)
        yield [name.partition("(")[0] for name in fields[4 : 4 + 2 * count : 2]]


def read_exceptions(source: Path, letter: str) -> str:
    """Return the lines ``irregular base…`` of a part of speech; of equals the last one counts."""
    lines = (source / f"{PARTS_OF_SPEECH[letter]}.exc").read_text("utf-8").splitlines()
    bases = {irregular: rest for irregular, *rest in map(str.split, lines)}
    return "\n".join(" ".join([irregular, *bases[irregular]]) for irregular in sorted(bases))


def drop_contained(groups: set[Group]) -> list[Group]:
    """Return the groups that do not lie within another one, sorted; the others add nothing."""
    holders: dict[int, list[frozenset[int]]] = defaultdict(list)
    for group in groups:
        for member in group:
            holders[member].append(frozenset(group))
    return sorted(
        group for group in groups if not any(set(group) < other for other in holders[group[0]])
    )


def phrase_links(
    synsets: dict[str, list[list[str]]], number: dict[str, int]
) -> tuple[list[str], list[Group]]:
    """Return phrases as ``lemma part`` and the single words that share a synset with each."""
    links: dict[tuple[str, str], set[int]] = defaultdict(set)
    for letter, sets in synsets.items():
        for names in sets:
            words = {number[name] for name in names if "_" not in name}
            for name in names:
                if "_" in name and words:
                    links[name.lower(), letter] |= words
    ordered = sorted(links)
    return [f"{lemma} {part}" for lemma, part in ordered], [
        tuple(sorted(links[k])) for k in ordered
    ]


def pack_groups(groups: list[Group]) -> list[bytes]:
    """Return sizes and members; bytes of equal weight lie together, which packs better."""
    sizes = np.array([len(group) for group in groups], np.uint8)
    members = np.array([member for group in groups for member in group], "<u4")
    planes = members.view(np.uint8).reshape(-1, 4)[:, :3]
    return [sizes.tobytes(), planes.T.tobytes()]


if __name__ == "__main__":
    main()
