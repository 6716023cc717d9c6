"""Whatever is wrong with the input of a verb: status 2, one message, nothing touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.cli.conftest import Run
from tests.cli.workplace import Workplace, content

Spoil = Callable[[Workplace], list[str]]


@dataclass(frozen=True)
class Case:
    """How to spoil a workplace (returning the command), and what the message must say."""

    spoil: Spoil
    says: tuple[str, ...]


def edit(place: Workplace, name: str, change: Callable[[list[str]], None]) -> None:
    path = place.folder / f"{name}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    change(lines)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def lines(name: str, number: int, text: str | None) -> Spoil:
    """Replace a line of a file, or delete it."""

    def change(given: list[str]) -> None:
        given[number - 1 : number] = [] if text is None else [text]

    def spoil(place: Workplace) -> list[str]:
        edit(place, name, change)
        return place.score()

    return spoil


def repeated(name: str) -> Spoil:
    def spoil(place: Workplace) -> list[str]:
        edit(place, name, lambda given: given.insert(8, given[3]))
        return place.score()

    return spoil


def raw(name: str, make: Callable[[bytes], bytes]) -> Spoil:
    def spoil(place: Workplace) -> list[str]:
        path = place.folder / f"{name}.jsonl"
        path.write_bytes(make(path.read_bytes()))
        return place.score()

    return spoil


def words(*options: object, systems: tuple[str, ...] = ("a", "b")) -> Spoil:
    return lambda place: place.score(*options, systems=systems)


def a_folder_for_a_file(place: Workplace) -> list[str]:
    (place.folder / "folder").mkdir()
    return place.score("--predictions", "X=folder", systems=())


def output_is_a_file(place: Workplace) -> list[str]:
    return place.score("--output", "c.jsonl")


def output_is_foreign(place: Workplace) -> list[str]:
    (place.folder / "foreign").mkdir()
    (place.folder / "foreign" / "thesis.txt").write_text("years of work")
    return place.score("--output", "foreign")


def output_inside_a_file(place: Workplace) -> list[str]:
    return place.score("--output", "c.jsonl/inside")


def drop_field(name: str, field: str, from_line: int = 1) -> Spoil:
    def change(given: list[str]) -> None:
        for position in range(from_line - 1, len(given)):
            record = json.loads(given[position])
            record.pop(field)
            given[position] = json.dumps(record)

    def spoil(place: Workplace) -> list[str]:
        edit(place, name, change)
        return place.score("--cluster", "subject_id")

    return spoil


LONG = json.dumps({"study_id": "s006", "prediction": "clear " * 1_700_000})
SCORE = {
    "bad JSON on line 7 of the predictions": Case(
        lines("a", 7, '{"study_id": "s006", "prediction": '), ("a.jsonl line 7", "JSON")
    ),
    "bad JSON on line 7 of the references": Case(
        lines("refs", 7, '{"study_id": "s006",, }'), ("refs.jsonl line 7", "JSON")
    ),
    "a NaN literal in the predictions": Case(
        lines("a", 5, '{"study_id": "s004", "prediction": NaN}'), ("a.jsonl line 5", "NaN")
    ),
    "a NaN literal in the references": Case(
        lines("refs", 5, '{"study_id": "s004", "findings": NaN}'), ("refs.jsonl line 5", "NaN")
    ),
    "a prediction of null": Case(
        lines("a", 5, '{"study_id": "s004", "prediction": null}'), ("a.jsonl line 5", "null")
    ),
    "a prediction that is a number": Case(
        lines("a", 5, '{"study_id": "s004", "prediction": 4.5}'), ("a.jsonl line 5", "number")
    ),
    "a prediction that is a list": Case(
        lines("a", 5, '{"study_id": "s004", "prediction": ["x"]}'), ("a.jsonl line 5", "list")
    ),
    "a line that is a list": Case(lines("a", 3, '["s002", "x"]'), ("a.jsonl line 3", "list")),
    "a line without a prediction": Case(
        lines("a", 3, '{"study_id": "s002"}'), ("a.jsonl line 3", "no prediction")
    ),
    "a line without an id": Case(
        lines("a", 3, '{"prediction": "clear"}'), ("a.jsonl line 3", "no id")
    ),
    "an unknown prior mode": Case(
        lines("a", 3, '{"study_id": "s002", "prediction": "x", "prior": "fake"}'),
        ("a.jsonl line 3", "prior", "dummy"),
    ),
    "a study without the section": Case(
        lines("refs", 9, '{"study_id": "s008", "reference": {"impression": "clear"}}'),
        ("refs.jsonl line 9", "findings", "--section impression"),
    ),
    "the same id twice in the predictions": Case(
        repeated("a"), ("a.jsonl line 9", "twice", "line 4")
    ),
    "the same id twice in the references": Case(
        repeated("refs"), ("refs.jsonl line 9", "twice", "line 4")
    ),
    "one prediction too few": Case(
        lines("b", 11, None), ("b.jsonl", "1 of 40", "'s010'", "--allow-missing")
    ),
    "one prediction too many": Case(
        lines(
            "b",
            11,
            '{"study_id": "s010", "prediction": "x"}\n{"study_id": "zzz", "prediction": "x"}',
        ),
        ("b.jsonl line 12", "'zzz'"),
    ),
    "one id missing on each side": Case(
        lines("b", 11, '{"study_id": "zzz", "prediction": "x"}'),
        ("b.jsonl line 11", "'zzz'", "'s010'"),
    ),
    "UTF-16 predictions": Case(
        raw("a", lambda text: text.decode().encode("utf-16")), ("a.jsonl line 1", "UTF-16", "UTF-8")
    ),
    "Latin-1 predictions": Case(
        raw("a", lambda text: text.replace(b"effusion", b"\xe9ffusion")),
        ("a.jsonl line", "not UTF-8"),
    ),
    "an empty predictions file": Case(raw("a", lambda _: b""), ("a.jsonl line 1", "empty")),
    "an empty references file": Case(raw("refs", lambda _: b""), ("refs.jsonl", "line 1")),
    "binary noise": Case(raw("a", lambda _: bytes(range(256)) * 9), ("a.jsonl line 1",)),
    "a line of 10 MB": Case(lines("a", 7, LONG), ("a.jsonl line 7", "8 MB", "--max-line-mb")),
    "a folder for a file": Case(a_folder_for_a_file, ("folder is a folder",)),
    "a file that is not there": Case(
        words("--predictions", "nowhere.jsonl"), ("nowhere.jsonl does not exist",)
    ),
    "references that are not there": Case(
        words("--references", "nowhere.jsonl"), ("nowhere.jsonl does not exist",)
    ),
    "a name without a file": Case(words("--predictions", "X="), ("'X='", "NAME=FILE")),
    "two systems of one name": Case(words("--predictions", "a=c.jsonl"), ("'a'", "NAME=FILE")),
    "an unprintable name": Case(words("--predictions", "a\x1b[2J=c.jsonl"), ("printed",)),
    "an unknown metric": Case(words("--metrics", "meteo"), ("'meteo'", "meteor", "list metrics")),
    "no metric": Case(words("--metrics", ","), ("No metrics", "list metrics")),
    "an unknown protocol": Case(words("--protocol", "libre"), ("'libre'", "libra")),
    "a metric that the protocol does not define": Case(
        words("--metrics", "bleu4", "--protocol", "rexrank"), ("'rexrank'", "'bleu4'")
    ),
    "an unknown section": Case(
        words("--section", "finding"), ("refs.jsonl line 1", "no finding", "--section findings")
    ),
    "an empty section": Case(words("--section", ""), ("section",)),
    "a confidence of 95": Case(words("--confidence", 95), ("confidence", "95", "between 0 and 1")),
    "a confidence of 1": Case(words("--confidence", 1), ("confidence", "between 0 and 1")),
    "a confidence of nan": Case(words("--confidence", "nan"), ("confidence",)),
    "a confidence in words": Case(words("--confidence", "high"), ("--confidence",)),
    "a negative seed": Case(words("--seed", -1), ("--seed",)),
    "negative resamples": Case(words("--resamples", -1), ("--resamples",)),
    "BCa with few resamples": Case(words("--method", "bca"), ("5000", "50")),
    "an unknown method": Case(words("--method", "t-test"), ("t-test", "percentile")),
    "an unknown cluster field": Case(words("--cluster", "hospital"), ("'hospital'", "subject_id")),
    "a cluster field that a study lacks": Case(
        drop_field("refs", "subject_id", 13), ("refs.jsonl line 13", "subject_id")
    ),
    "an unknown slice": Case(words("--slice", "vieww"), ("'vieww'", "'view'")),
    "an endless line limit": Case(words("--max-line-mb", "inf"), ("--max-line-mb",)),
    "a column map of a JSON file": Case(words("--column", "findings=text"), ("refs.jsonl",)),
    "a column map without a column": Case(words("--column", "findings"), ("FIELD=COLUMN",)),
    "an image folder that is not there": Case(words("--images", "pictures"), ("pictures",)),
    "an output that is a file": Case(output_is_a_file, ("c.jsonl is no folder", "--output")),
    "an output inside a file": Case(output_inside_a_file, ("c.jsonl",)),
    "an output with foreign files": Case(output_is_foreign, ("thesis.txt", "--output")),
    "an output with another run": Case(
        words("--output", "scored"), ("scored", "another run", "--fresh")
    ),
    "an option that does not exist": Case(words("--metric", "bleu"), ("--metric", "--metrics")),
}


@pytest.mark.parametrize("name", SCORE)
def test_score_refuses(name: str, place: Workplace, run: Run) -> None:
    case = SCORE[name]
    command = case.spoil(place)
    before = content(place.folder)
    ended = run(*command)
    assert 2 == ended.status, ended.err
    assert "" == ended.out
    assert 1 == ended.err.count("Error: ")
    assert "Traceback" not in ended.err
    message = ended.err.partition("Error: ")[2]
    assert all(part in message for part in case.says), message
    assert before == content(place.folder)
    assert not place.output.exists()
