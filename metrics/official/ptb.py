"""Stanford's PTB tokeniser through pycocoevalcap; it needs Java."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

from metrics.errors import MissingError
from metrics.official import needed

_LINE_ENDS = re.compile("[\r\v\f\x85\u2028\u2029]")
_GUARD = "x"


def tokenise(
    predictions: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[list[str], list[list[str]]]:
    """Return both sides as lines of tokens.

    The original reads all texts as one stream, one a line. Line ends that it does not expect are
    blanks here, and a word stands between texts, so that no text changes the tokens of another.

    Raises
    ------
    MissingError
        If pycocoevalcap or Java is not installed.
    """
    tokeniser = needed("pycocoevalcap.tokenizer.ptbtokenizer").PTBTokenizer()
    if shutil.which("java") is None:
        raise MissingError(
            "Stanford's PTB tokeniser needs Java, and there is no `java` on the PATH. Install a "
            "Java runtime, or use the native engine."
        )
    flat = [*predictions, *(text for texts in references for text in texts)]
    guarded = [_LINE_ENDS.sub(" ", text) for line in flat for text in (line, _GUARD)]
    captions = {place: [{"caption": text}] for place, text in enumerate(guarded)}
    lines = tokeniser.tokenize(captions)
    found = iter([lines[place][0] for place in range(0, len(guarded), 2)])
    return (
        [next(found) for _ in predictions],
        [[next(found) for _ in texts] for texts in references],
    )
