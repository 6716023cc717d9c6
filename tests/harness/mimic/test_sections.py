import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.mimic import extract_sections
from harness.mimic.section_names import Rules, section_name
from harness.mimic.sections import has_empty_section, split_report

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "mimic" / "sections.json").read_text(encoding="utf-8")
)
RULES: tuple[Rules, ...] = ("official", "libra")
PIECES = st.sampled_from(
    ["\n", "\n ", " ", "FINDINGS:", "IMPRESSION: ", "CHEST (PA):", "HISTORY:", "Text.", "A b:"]
)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("report", GOLDEN["reports"], ids=lambda report: str(report["id"]))
def test_sections_equal_those_of_the_original_parser(report: dict[str, Any], rules: Rules) -> None:
    expected = report[rules]
    found = split_report(report["text"], rules)
    assert expected["section_names"] == [section.name for section in found]
    assert expected["section_texts"] == [section.text for section in found]
    assert expected["section_starts"] == [section.start for section in found]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("report", GOLDEN["reports"], ids=lambda report: str(report["id"]))
def test_the_last_section_of_a_name_counts_stripped(report: dict[str, Any], rules: Rules) -> None:
    row = report[rules]["csv_row"]
    found = extract_sections(report["text"], rules)
    assert row == {name: found.get(name) for name in row}


@given(text=st.lists(PIECES, max_size=12).map("".join), rules=st.sampled_from(RULES))
def test_every_section_stands_in_the_report_where_it_says(text: str, rules: Rules) -> None:
    sections = split_report(text, rules)
    assert sorted(section.start for section in sections) == [s.start for s in sections]
    for section in sections:
        if section.name != "last_paragraph":
            end = section.start + len(section.text)
            assert text[section.start : end] == section.text


@given(text=st.text(max_size=60))
def test_a_report_without_a_heading_is_one_section_or_two(text: str) -> None:
    plain = text.replace(":", "")
    first, blank, rest = plain.partition("\n \n")
    expected = {"full report": first.strip()}
    if blank:
        expected["last_paragraph"] = rest.strip()
    assert expected == extract_sections(plain)


def test_an_empty_section_is_told_from_one_that_is_not_there() -> None:
    text = "FINAL REPORT\n FINDINGS:  \n \n IMPRESSION:  Normal.\n"
    assert "findings" not in extract_sections(text)
    assert has_empty_section(text, "findings", "libra")
    assert not has_empty_section(text, "impression", "libra")


def test_libra_finds_a_technique_in_a_longer_heading() -> None:
    assert "radiographic technique" == section_name("RADIOGRAPHIC TECHNIQUE", "official")
    assert "technique" == section_name("RADIOGRAPHIC TECHNIQUE", "libra")


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(InputError, match="Choose libra or official"):
        extract_sections("", "mimic")  # type: ignore[arg-type]
