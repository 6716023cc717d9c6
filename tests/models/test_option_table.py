"""Options of adapters as `describe` shows them."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass

import pytest

from models.option_table import OptionRow, option_table
from models.registry import ADAPTERS, adapter_class


@dataclass(frozen=True)
class Inner:
    beams: int = 1
    """Beams; 1 is
    no search."""


@dataclass(frozen=True)
class Derived(Inner):
    beams: int = 4
    depth: float = 0.5
    """How deep."""


@dataclass(frozen=True)
class Options:
    weights: str
    """A folder."""
    inner: Derived = Derived()
    """How."""
    maybe: Inner | None = None
    names: list[str] = field(default_factory=lambda: ["a"])


def test_a_table_has_types_defaults_and_meanings_also_of_options_inside() -> None:
    assert [
        OptionRow("weights", "str", None, "A folder."),
        OptionRow("inner", "Derived", "as below", "How."),
        OptionRow("inner.beams", "int", "4", "Beams; 1 is no search."),
        OptionRow("inner.depth", "float", "0.5", "How deep."),
        OptionRow("maybe", "Inner | None", "None", ""),
        OptionRow("maybe.beams", "int", "1", "Beams; 1 is no search."),
        OptionRow("names", "list[str]", "['a']", ""),
    ] == option_table(Options)


def test_a_row_reads_as_two_lines() -> None:
    rows = [str(row) for row in option_table(Options)]
    assert "weights: str (must be given)\n    A folder." == rows[0]
    assert "inner.beams: int = 4\n    Beams; 1 is no search." == rows[2]
    assert "names: list[str] = ['a']" == rows[-1]


def test_classes_without_a_source_have_no_meanings() -> None:
    made = make_dataclass("Made", [("beams", int, 1)])
    assert [OptionRow("beams", "int", "1", "")] == option_table(made)


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_option_of_every_adapter_has_a_meaning(name: str) -> None:
    rows = option_table(adapter_class(name).Options)
    assert rows
    assert [] == [row.name for row in rows if not row.meaning]
