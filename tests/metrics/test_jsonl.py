import gzip
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.errors import InputError
from metrics.files.jsonl import read_document, read_objects

GOOD = b'{"study_id": "s1", "text": "Clear."}\n'
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def _file(folder: Path, content: bytes, name: str = "a.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _message(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        list(read_objects(path, **options))
    assert caught.value.exit_status == 2
    return str(caught.value)


@given(
    objects=st.lists(st.dictionaries(TEXT, VALUES, max_size=4), min_size=1, max_size=5),
    ascii=st.booleans(),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]], ascii: bool
) -> None:
    text = "".join(json.dumps(one, ensure_ascii=ascii) + "\n" for one in objects)
    path = _file(tmp_path_factory.mktemp("round"), text.encode())
    assert list(enumerate(objects, 1)) == list(read_objects(path))


@given(content=st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_with_their_place(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = _file(tmp_path_factory.mktemp("bytes"), content)
    told = str(path)
    try:
        list(read_objects(path))
    except InputError as error:
        told = str(error)
    assert str(path) in told


def test_blank_lines_windows_ends_and_a_byte_order_mark_are_tolerated(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": 2}'
    assert [(1, {"a": 1}), (4, {"a": 2})] == list(read_objects(_file(tmp_path, content)))


def test_gzip_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    path = _file(tmp_path, gzip.compress(GOOD))
    assert [(1, {"study_id": "s1", "text": "Clear."})] == list(read_objects(path))


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, gzip.compress(GOOD * 1000)[:-10], "a.jsonl.gz")
    assert "damaged gzip file" in _message(path)


def test_escaped_characters_beyond_the_first_plane_are_whole(tmp_path: Path) -> None:
    path = _file(tmp_path, b'{"text": "\\ud83e\\udec1 \\u0000"}')
    assert [(1, {"text": "\U0001fac1 \0"})] == list(read_objects(path))


@pytest.mark.parametrize(
    ("line", "what", "mend"),
    [
        (b'{"a": "b', "line 7 column 7: not valid JSON", "It may be cut off"),
        (b"{'a': 1}\n", "line 7 column 2: not valid JSON", "one JSON object per line"),
        (b'{"a": 1}{"a": 2}\n', "line 7 column 9: not valid JSON", "one JSON object per line"),
        (b'{"a": NaN}\n', "line 7: NaN is no JSON value", "Write null or a text"),
        (b'{"a": [-Infinity]}\n', "line 7: -Infinity is no JSON value", "Write null or a text"),
        (b'{"a": 1e999}\n', "line 7: a number is too large", "Write it as a text"),
        (b'{"a": ' + b"9" * 5000 + b"}\n", "line 7: a number has too many digits", "as a text"),
        (b'{"a": 1, "a": 2}\n', "line 7: the key 'a' appears twice", "Keep one"),
        (b'{"x": {"a": 1, "a": 1}}\n', "line 7: the key 'a' appears twice", "Keep one"),
        (
            b"[1]\n",
            "line 7: expected an object in braces, found a list",
            "one JSON object per line",
        ),
        (b"null\n", "line 7: expected an object in braces, found null", "one JSON object per line"),
        (b"{\n", "line 7 column 3", "one document over many lines"),
        (b'{"a": "\xff"}\n', "line 7: not UTF-8 at byte 229 of the file", "Save it as UTF-8"),
        (b'{"a": "\\ud800"}\n', "line 7: half of a surrogate pair", "Write the whole character"),
        (b'{"a": 1}\0\0\0\n', "line 7 column 9", "NUL bytes"),
        (b'{"a":' + b"[" * 100_000 + b"\n", "line 7: nested too deeply", "Write plain fields"),
        (b'{"a": "' + b"x" * 2_000_000 + b'"}\n', "line 7: longer than 1 MB", "--max-line-mb"),
    ],
)
def test_a_broken_line_is_named_with_the_mend(
    tmp_path: Path, line: bytes, what: str, mend: str
) -> None:
    path = _file(tmp_path, GOOD * 6 + line)
    message = _message(path, max_line_bytes=1_000_000)
    assert message.startswith(f"{path} {what}")
    assert mend in message


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "line 1: the file is empty. Write one JSON object per line."),
        (b"\n \n", "line 1: the file is empty. Write one JSON object per line."),
        (GOOD.decode().encode("utf-16"), "line 1: the file is UTF-16. Save it as UTF-8."),
        (GOOD.decode().encode("utf-16-le"), "may be UTF-16"),
        (b"\x89PNG\r\n", "line 1: not UTF-8 at byte 0 of the file"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    assert what in _message(_file(tmp_path, content))


def test_paths_that_are_no_readable_file_are_refused(tmp_path: Path) -> None:
    assert "does not exist. Check the path." in _message(tmp_path / "none.jsonl")
    assert "is a folder. Name a file in it." in _message(tmp_path)
    assert "null byte" in _message(Path("a\0b"))
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in _message(tmp_path / "pipe")


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, GOOD)
    path.chmod(0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)  # root may read everything
    try:
        message = _message(path)
    finally:
        os.seteuid(me)
    assert "Permission denied. Allow reading it." in message


def test_a_line_of_ten_megabytes_is_refused_without_being_held(tmp_path: Path) -> None:
    path = _file(tmp_path, GOOD + b'{"text": "' + b"x" * 80_000_000)
    tracemalloc.start()
    message = _message(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "line 2: longer than 8 MB" in message
    assert peak < 40_000_000


def test_a_line_at_the_limit_is_read_with_any_line_end(tmp_path: Path) -> None:
    line = b'{"a": "' + b"x" * 91 + b'"}'
    for end in (b"", b"\n", b"\r\n"):
        path = _file(tmp_path, line + end)
        assert 1 == len(list(read_objects(path, max_line_bytes=100)))
    assert "line 1: longer than 9.9e-05 MB" in _message(path, max_line_bytes=99)


def test_a_document_is_read_as_strictly(tmp_path: Path) -> None:
    path = _file(tmp_path, b'{"a":\n {"b": 1}}')
    assert {"a": {"b": 1}} == read_document(path)
    for content, what in (
        (b'{"a":\n tru}', "line 2 column 2: not valid JSON"),
        (b"[]", "line 1: expected one object in braces, found a list"),
        (b" ", "line 1: the file is empty"),
        (b'{"a": 1,\n"a": 2}', "the key 'a' appears twice"),
        (b'{"a":\n "\xe9"}', "line 2: not UTF-8 at byte 8"),
    ):
        with pytest.raises(InputError) as caught:
            read_document(_file(tmp_path, content))
        assert str(caught.value).startswith(str(path))
        assert what in str(caught.value)
