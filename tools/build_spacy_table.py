"""Write spaCy's English tokeniser out as the table of ``metrics/resources``.

    pip install "spacy==3.7.5" "numpy<2"      # in an environment of its own
    python tools/build_spacy_table.py metrics/resources

``metrics/annotators/ratescore/spacy_tokens.py`` reads it.
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

import spacy
from spacy.attrs import ORTH


def main() -> None:
    """Write the table into the folder named first."""
    tokenizer = spacy.blank("en").tokenizer
    table = {
        "prefix": tokenizer.prefix_search.__self__.pattern,
        "suffix": tokenizer.suffix_search.__self__.pattern,
        "infix": tokenizer.infix_finditer.__self__.pattern,
        "url": tokenizer.url_match.__self__.pattern,
        "exceptions": {
            text: [piece[ORTH] for piece in pieces]
            for text, pieces in sorted(tokenizer.rules.items())
        },
    }
    path = Path(sys.argv[1]) / "spacy_english.json.xz"
    packed = json.dumps(table, separators=(",", ":")).encode()
    path.write_bytes(lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME))
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
