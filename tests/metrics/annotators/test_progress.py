from collections.abc import Sequence
from pathlib import Path

from metrics.annotators.annotator import Annotator
from metrics.annotators.progress import Advance, watched
from metrics.annotators.remembered import RememberedAnnotator
from metrics.cache import AnnotationCache


class Lengths(Annotator[int]):
    version = 1

    def annotate_distinct(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    @staticmethod
    def encode(annotation: int) -> bytes:
        return str(annotation).encode()

    @staticmethod
    def decode(data: bytes) -> int:
        return int(data)


def test_a_watcher_is_told_of_unknown_texts_part_by_part(tmp_path: Path) -> None:
    said: list[tuple[str, int]] = []

    def watcher(name: str, texts: int) -> Advance:
        said.append((name, texts))
        return lambda steps: said.append(("done", steps))

    cache = AnnotationCache(tmp_path / "cache.sqlite")
    annotator = RememberedAnnotator(Lengths, "lengths|weights:x", Lengths, cache, chunk=2)
    assert [1] == annotator.annotate(["a"])  # nobody watches
    with watched(watcher):
        assert [3, 1, 2, 3, 4] == annotator.annotate(["abc", "a", "ab", "abc", "abcd"])
        assert [3, 4] == annotator.annotate(["abc", "abcd"])
    assert [5] == annotator.annotate(["abcde"])
    assert [("lengths", 3), ("done", 2), ("done", 1)] == said
