import csv
import io
import math
from dataclasses import replace

import pytest

from metrics.results import ScoreTable, SystemScores
from reports.errors import InputError
from reports.leaderboard import leaderboard_csv, libra_csv, rows_for_terminal, run_csv
from tests.reports.factory import score, table

BOTH = {"bleu4": score(0.24543, 0.00651), "cider": score(1.2344, 0.01, bounds=(0.0, 10.0))}
LIBRA = {
    name: score(0.5, name=name, treatment="libra")
    for name in ("bleu1", "bleu2", "bleu3", "bleu4", "meteor", "rougeL", "temporal_f1")
}


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_run_is_written_in_our_form_with_fractions_times_100() -> None:
    expected = (
        "Model,n,partial,bleu4,bleu4_low,bleu4_high,cider,cider_low,cider_high\n"
        "a,300,false,24.54,23.89,25.19,1.234,1.224,1.244\n"
    )
    assert expected == run_csv(table({"a": BOTH}))


def test_a_partial_run_says_so_in_its_own_file() -> None:
    assert "true" == cells(run_csv(table({"a": BOTH}, partial=True)))[1][2]


def test_undefined_and_absent_scores_are_empty_cells() -> None:
    text = run_csv(table({"a": {"bleu4": score(math.nan)}, "b": {}}))
    assert ["", "", ""] == cells(text)[1][3:]
    assert ["", "", ""] == cells(text)[2][3:]


def test_scores_without_resamples_have_empty_interval_cells() -> None:
    bare = replace(BOTH["bleu4"], low=None, high=None)
    assert ["24.54", "", ""] == cells(run_csv(table({"a": {"bleu4": bare}})))[1][3:]


def test_bounds_like_zero_to_one_but_open_are_not_times_100() -> None:
    open_ended = score(0.25, name="x", bounds=(0.0, math.inf))
    assert "0.250" == cells(run_csv(table({"a": {"x": open_ended}})))[1][3]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n"])
def test_names_that_look_like_formulas_get_an_apostrophe(start: str) -> None:
    text = run_csv(table({f"{start}1+1": BOTH}))
    assert f"'{start}1+1" == cells(text)[1][0]


def test_carriage_returns_become_line_breaks_and_so_cannot_end_a_row() -> None:
    assert "'\n1+1\n" == cells(run_csv(table({"\r1+1\r\n": BOTH})))[1][0]


def test_negative_numbers_never_get_an_apostrophe() -> None:
    negative = score(-0.5, 0.1, bounds=(-math.inf, math.inf))
    expected = ["-0.500", "-0.600", "-0.400"]
    assert expected == cells(run_csv(table({"a": {"x": negative}})))[1][3:]


def test_a_tiny_negative_number_is_not_printed_as_minus_zero() -> None:
    assert "0.00" == cells(run_csv(table({"a": {"x": score(-1e-9)}})))[1][3]


@pytest.mark.parametrize("name", ['a,b"c', "two\nlines", "[/red]", "\ud800", "é"])
def test_any_name_survives_quoting_and_utf8(name: str) -> None:
    text = run_csv(table({name: BOTH})).encode("utf-8").decode()
    assert name.replace("\ud800", "\ufffd") == cells(text)[1][0]


def test_runs_are_joined_in_the_order_given() -> None:
    one, two = table({"a": BOTH}), table({"b": BOTH})
    assert ["Model", "b", "a"] == [row[0] for row in cells(leaderboard_csv([two, one]))]


def test_other_signatures_of_a_metric_get_columns_of_their_own() -> None:
    one = table({"a": {"bleu4": score(0.2)}})
    two = table({"b": {"bleu4": score(0.3, treatment="libra")}})
    header, a, b = cells(leaderboard_csv([one, two]))
    tag = " [bleu4|treatment:libra|v:1]"
    assert ["bleu4", "bleu4_low", "bleu4_high"] == header[3:6]
    assert [f"bleu4{tag}", f"bleu4_low{tag}", f"bleu4_high{tag}"] == header[6:]
    assert ["20.00", ""] == [a[3], a[6]]
    assert ["", "30.00"] == [b[3], b[6]]


def test_mixed_test_sets_are_refused_and_named() -> None:
    tables = [table({"a": BOTH}), table({"b": BOTH}, test_set="sha256:ff")]
    with pytest.raises(InputError, match=r"different test sets.*runs/one.*runs/two"):
        leaderboard_csv(tables, ["runs/one", "runs/two"])


def test_partial_runs_are_refused_and_named() -> None:
    tables = [table({"a": BOTH}), table({"b": BOTH}, partial=True)]
    with pytest.raises(InputError, match=r"^Partial runs do not go on a leaderboard: runs/two\."):
        leaderboard_csv(tables, ["runs/one", "runs/two"])


def test_no_run_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="none is given"):
        leaderboard_csv([])


def test_the_same_system_with_equal_scores_is_shown_once() -> None:
    undefined = {"x": score(math.nan)}
    tables = [table({"a": undefined}), table({"a": undefined, "b": BOTH})]
    assert ["a", "b"] == [row[0] for row in cells(leaderboard_csv(tables))[1:]]


def test_the_same_name_with_other_scores_carries_its_run() -> None:
    tables = [table({"a": BOTH}), table({"a": {"bleu4": score(0.3)}})]
    names = [row[0] for row in cells(leaderboard_csv(tables, ["one", "two"]))[1:]]
    assert ["a (one)", "a (two)"] == names


def test_names_that_stay_ambiguous_are_refused() -> None:
    tables = [table({"a": BOTH}), table({"a": {"bleu4": score(0.3)}})]
    with pytest.raises(InputError, match="same name: a \\(one\\)"):
        leaderboard_csv(tables, ["one", "one"])


def test_libra_form_has_its_columns_and_leaves_missing_scores_empty() -> None:
    expected = (
        "Model Name,BLEU1,BLEU2,BLEU3,BLEU4,METEOR,ROUGE-L,Bert_score,Temporal_entity_score\n"
        "a,50.00,50.00,50.00,50.00,50.00,50.00,,50.00\n"
    )
    assert expected == libra_csv([table({"a": LIBRA})])


def test_libra_form_takes_scores_that_are_keyed_by_protocol() -> None:
    second = {"bleu4": score(0.1), "libra/bleu4": score(0.4, treatment="libra")}
    assert "40.00" == cells(libra_csv([table({"a": second})]))[1][4]


def test_libra_form_refuses_scores_of_raw_texts() -> None:
    with pytest.raises(InputError, match=r"System 'a' lacks bleu4.*--protocol libra"):
        libra_csv([table({"a": {"bleu4": score(0.4)}})])


def test_libra_form_refuses_a_run_without_any_of_its_scores() -> None:
    with pytest.raises(InputError, match="--protocol libra"):
        libra_csv([table({"a": {"cider": score(0.4, name="cider")}})])


def test_libra_form_refuses_two_definitions_in_one_column() -> None:
    other = replace(LIBRA["bleu1"], signature="bleu1|treatment:libra|v:2")
    with pytest.raises(InputError, match="BLEU1 have different definitions"):
        libra_csv([table({"a": LIBRA, "b": {**LIBRA, "bleu1": other}})])


def test_libra_form_refuses_partial_runs() -> None:
    with pytest.raises(InputError, match="Partial runs"):
        libra_csv([table({"a": LIBRA}, partial=True)])


def test_terminal_rows_are_metrics_with_intervals() -> None:
    lower = score(0.1, 0.01, name="h", higher_is_better=False)
    shown = rows_for_terminal(table({"a": {**BOTH, "h": lower}, "b": {"bleu4": score(math.nan)}}))
    assert ["metric", "a", "b"] == shown.headers
    assert ["bleu4", "24.54 [23.89, 25.19]", "\u2013"] == shown.rows[0]
    assert ["h ↓", "10.00 [9.00, 11.00]", "\u2013"] == shown.rows[2]


def test_terminal_rows_say_which_scores_are_over_fewer_studies() -> None:
    fewer = {"h": score(0.2, 0.01, n=7)}
    none = {"h": score(math.nan, n=0)}
    shown = rows_for_terminal(table({"a": {"h": score(0.2, 0.01)}, "b": fewer, "c": none}))
    expected = ["h", "20.00 [19.00, 21.00]", "20.00 [19.00, 21.00] (n 7)", "\u2013 (n 0)"]
    assert [expected] == shown.rows


def test_terminal_rows_hold_no_control_characters() -> None:
    shown = rows_for_terminal(table({"a\x1b[31m\u202e": BOTH}))
    assert "a\ufffd[31m\ufffd" == shown.headers[1]


def test_a_table_read_back_from_json_gives_the_same_csv() -> None:
    first = ScoreTable("b", 3, "sha256:00", {"a": SystemScores(3, BOTH)})
    assert run_csv(first) == run_csv(ScoreTable.from_json(first.to_json()))
