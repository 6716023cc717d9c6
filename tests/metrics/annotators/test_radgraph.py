import gzip
import json
import random
import shutil
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.annotators import RadGraphAnnotator
from metrics.annotators.radgraph import heads
from metrics.annotators.radgraph.pieces import WordPieces
from metrics.annotators.radgraph.words import words
from metrics.errors import InputError, MissingError

GOLDEN = Path(__file__).parents[2] / "golden" / "radgraph"
TYPES = ("radgraph", "radgraph-xl", "modern-radgraph-xl")
NOTHING = {"text": "", "entities": {}, "data_source": None, "data_split": "inference"}
ODD = [
    "\ud800",
    "caf\u00e9 \u200b\u2003x",
    "\u200b",
    "\x00\x1c\x85",
    "\u80ba",
    "[SEP] [MASK]",
    "\\n",
    "a" * 3000,
]


@cache
def annotator(model_type: str) -> RadGraphAnnotator:
    return RadGraphAnnotator.load(GOLDEN / model_type / f"{model_type}.tar.gz")


@cache
def golden(model_type: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        gzip.decompress((GOLDEN / model_type / "expected.json.gz").read_bytes())
    )
    return found


def unpacked(model_type: str, folder: Path) -> Path:
    with tarfile.open(GOLDEN / model_type / f"{model_type}.tar.gz") as tar:
        tar.extractall(folder / model_type, filter="data")
    shutil.copytree(GOLDEN / model_type / "tiny-encoder", folder / "tiny-encoder")
    return folder / model_type


@pytest.mark.parametrize("model_type", TYPES)
def test_golden_reports_get_the_official_annotations(model_type: str) -> None:
    expected = golden(model_type)
    assert expected["annotations"] == annotator(model_type).annotate(expected["reports"])


@pytest.mark.parametrize("model_type", TYPES)
@pytest.mark.parametrize("side", ["hyp", "ref"])
def test_both_sides_of_golden_pairs_get_the_official_annotations(
    model_type: str, side: str
) -> None:
    pairs = [pair for pair in golden(model_type)["pairs"] if pair["hyp"] and pair["ref"]]
    found = annotator(model_type).annotate([pair[side] for pair in pairs])
    assert golden(model_type)[f"{side}_annotations"] == found


@pytest.mark.parametrize("model_type", TYPES)
def test_batch_and_order_do_not_move_an_annotation(model_type: str) -> None:
    texts = [*golden(model_type)["reports"], *ODD]
    alone = {text: annotator(model_type).annotate([text])[0] for text in texts}
    for size in (7, 64):
        random.Random(size).shuffle(texts)
        for start in range(0, len(texts), size):
            part = texts[start : start + size]
            assert [alone[text] for text in part] == annotator(model_type).annotate(part)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_move_an_annotation(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = annotator("radgraph").annotate(golden("radgraph")["reports"])
        assert threads == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
    assert golden("radgraph")["annotations"] == found


@pytest.mark.parametrize("model_type", TYPES)
@pytest.mark.parametrize("text", ["", " ", "\n\t\u2003"])
def test_empty_and_blank_reports_have_no_entities(model_type: str, text: str) -> None:
    assert [NOTHING] == annotator(model_type).annotate([text])


def test_no_texts_are_no_annotations() -> None:
    assert [] == annotator("radgraph").annotate([])


def test_repeated_texts_get_annotations_of_their_own() -> None:
    first, second = annotator("radgraph").annotate(["Clear lungs."] * 2)
    assert first == second
    assert first is not second


def test_any_iterable_of_texts_is_annotated() -> None:
    texts = ["Clear lungs.", "No effusion."]
    expected = annotator("radgraph").annotate(texts)
    assert expected == annotator("radgraph").annotate(text for text in texts)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ("a text", "one string"),
        ([None], r"texts\[0\] is None"),
        (["", 3], r"texts\[1\] is of type"),
    ],
)
def test_texts_that_are_no_list_of_strings_are_refused(texts: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        annotator("radgraph").annotate(texts)


def test_blocks_of_spans_and_pairs_do_not_move_an_annotation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heads, "_SPANS", 17)
    monkeypatch.setattr(heads, "_PAIRS", 5)
    assert golden("radgraph")["annotations"] == annotator("radgraph").annotate(
        golden("radgraph")["reports"]
    )


def test_a_long_report_is_read_to_its_end() -> None:
    text = "The lungs are clear. There is a small left pleural effusion. " * 60
    (found,) = annotator("radgraph-xl").annotate([text])
    assert len(words(text, "radgraph-xl")) == len(found["text"].split(" "))
    assert max(entity["end_ix"] for entity in found["entities"].values()) > 600


def test_an_unpacked_folder_is_read_like_its_archive(tmp_path: Path) -> None:
    loaded = RadGraphAnnotator.load(unpacked("radgraph-xl", tmp_path))
    assert golden("radgraph-xl")["annotations"][:3] == loaded.annotate(
        golden("radgraph-xl")["reports"][:3]
    )


def test_the_encoder_may_lie_elsewhere(tmp_path: Path) -> None:
    archive = tmp_path / "radgraph.tar.gz"
    shutil.copy(GOLDEN / "radgraph" / "radgraph.tar.gz", archive)
    loaded = RadGraphAnnotator.load(archive, GOLDEN / "radgraph" / "tiny-encoder")
    assert golden("radgraph")["annotations"][:1] == loaded.annotate(
        golden("radgraph")["reports"][:1]
    )
    with pytest.raises(MissingError, match="'tiny-encoder' is not there"):
        RadGraphAnnotator.load(archive)


def test_echograph_reads_words_as_radgraph_xl(tmp_path: Path) -> None:
    folder = unpacked("radgraph-xl", tmp_path)
    for path in (folder / "vocabulary").glob("radgraph-xl__*"):
        path.rename(path.with_name(path.name.replace("radgraph-xl", "echograph")))
    weights = torch.load(folder / "weights.th", weights_only=True)
    renamed = {name.replace("radgraph-xl__", "echograph__"): v for name, v in weights.items()}
    torch.save(renamed, folder / "weights.th")
    loaded = RadGraphAnnotator.load(folder.rename(tmp_path / "echograph"))
    assert golden("radgraph-xl")["annotations"] == loaded.annotate(golden("radgraph-xl")["reports"])


def test_misplaced_special_tokens_can_be_put_right() -> None:
    path = GOLDEN / "modern-radgraph-xl" / "modern-radgraph-xl.tar.gz"
    fixed = RadGraphAnnotator.load(path, special_tokens="fixed")
    expected = golden("modern-radgraph-xl")
    assert expected["annotations"] != fixed.annotate(expected["reports"])
    with pytest.raises(InputError, match="special_tokens"):
        RadGraphAnnotator.load(path, special_tokens="other")  # type: ignore[arg-type]


class _Letters:
    """A tokeniser of one piece per letter, of no class of its own."""

    cls_token_id, sep_token_id = 1, 2

    def __init__(self) -> None:
        self.backend_tokenizer = self

    def no_truncation(self) -> None: ...

    def no_padding(self) -> None: ...

    def encode(self, text: str, add_special_tokens: bool) -> Any:
        self.ids = [ord(letter) for letter in text]
        return self


@given(st.lists(st.text("ab", max_size=6), min_size=1, max_size=20), st.integers(3, 9))
def test_every_piece_stands_in_one_row_and_at_its_words_place(
    texts: list[str], length: int
) -> None:
    layout = WordPieces(_Letters(), length, "fixed").layout(texts)
    joined = [piece for row in layout.rows for piece in row]
    assert texts == ["".join(chr(joined[at]) for at in places) for places in layout.words]
    assert all(len(row) <= length and row[0] == 1 and row[-1] == 2 for row in layout.rows)


def test_words_of_the_first_model_are_parted_at_seven_marks_and_the_slash() -> None:
    found = words("a/b,c:d.e!f?(g)h-i 3.5", "radgraph")
    assert "a / b , c : d . e ! f ? ( g ) h-i 3 . 5" == " ".join(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(low). 5%, 6%. (7%) 'up.'", "( low ) . 5 % , 6 % . ( 7 % ) ' up . '"),
        ('a\\nb\\fc\\u2122d \\"e\n f', "a b c d `` e f"),
        ("no!! \u2122x_1", "no !! \u2122 x_1"),
    ],
)
def test_words_of_later_models_are_runs_of_letters_and_of_marks(text: str, expected: str) -> None:
    assert expected.split() == words(text, "radgraph-xl")


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_annotated_and_remembered_to_the_letter(text: str) -> None:
    for model_type in TYPES:
        (found,) = annotator(model_type).annotate([text])
        kept = RadGraphAnnotator.decode(RadGraphAnnotator.encode(found))
        assert found == kept
        split = found["text"].split(" ")
        for entity in found["entities"].values():
            own = split[entity["start_ix"] : entity["end_ix"] + 1]
            assert entity["tokens"] == " ".join(own)
            assert all(target in found["entities"] for _, target in entity["relations"])
