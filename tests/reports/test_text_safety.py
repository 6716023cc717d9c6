import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from reports.text_safety import csv_text, encodable, terminal_text, visible

ANY_TEXT = st.text(st.characters() | st.sampled_from("=+-@\t\r\n\x00\x1b\u202e\ud800"))


@given(ANY_TEXT)
def test_no_csv_cell_begins_like_a_formula(text: str) -> None:
    assert not csv_text(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(ANY_TEXT)
def test_csv_cells_come_back_as_written(text: str) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow([csv_text(text)])
    (cells,) = csv.reader(io.StringIO(buffer.getvalue(), newline=""))
    assert [csv_text(text)] == cells


@given(ANY_TEXT)
def test_terminal_text_is_printable_and_as_long(text: str) -> None:
    assert terminal_text(text).isprintable()
    assert len(text) == len(terminal_text(text))


@given(ANY_TEXT)
def test_encodable_text_can_be_written_as_utf8(text: str) -> None:
    assert encodable(text) == encodable(text).encode("utf-8").decode("utf-8")


def test_visible_text_keeps_line_breaks_and_drops_what_browsers_obey() -> None:
    assert "a\nb\tc\ufffd\ufffd\ufffd\ufffd" == visible("a\nb\tc\x00\u202e\ud800\r")
