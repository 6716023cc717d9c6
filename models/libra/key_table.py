"""Compare the tensors that a checkpoint holds with those that a model needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models.errors import InputError

Shape = tuple[int, ...]
MOST_ROWS = 12
"""Rows of each kind that a message shows."""


@dataclass(frozen=True)
class KeyTable:
    """What does not fit: names of tensors, with shapes where these are what differs.

    ``wrong_shape`` holds, by name, the shape found and the shape needed.
    """

    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    wrong_shape: dict[str, tuple[Shape, Shape]] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether there is nothing to report."""
        return not (self.missing or self.unexpected or self.wrong_shape)

    def __add__(self, other: KeyTable) -> KeyTable:
        """Return both tables as one."""
        return KeyTable(
            self.missing + other.missing,
            self.unexpected + other.unexpected,
            self.wrong_shape | other.wrong_shape,
        )

    def prefixed(self, prefix: str) -> KeyTable:
        """Return the table with a prefix before every name."""
        return KeyTable(
            [prefix + name for name in self.missing],
            [prefix + name for name in self.unexpected],
            {prefix + name: shapes for name, shapes in self.wrong_shape.items()},
        )

    def __str__(self) -> str:
        """Return the table, a line per tensor."""
        rows = [
            *_rows("missing", [(name, "") for name in self.missing]),
            *_rows("unexpected", [(name, "") for name in self.unexpected]),
            *_rows(
                "wrong shape",
                [(n, f"{list(a)}, needed {list(b)}") for n, (a, b) in self.wrong_shape.items()],
            ),
        ]
        return "\n".join(rows)

    def refuse(self, where: object) -> None:
        """Raise InputError with the table, unless everything fits."""
        if not self.fits:
            raise InputError(
                f"The weights in {where} do not fit the model that its config.json describes; "
                f"nothing was loaded. Check that both are of one checkpoint.\n{self}"
            )


def compare(
    found: Mapping[str, Shape], needed: Mapping[str, Shape], ignored: Iterable[str] = ()
) -> KeyTable:
    """Return what differs between found and needed tensors; ``ignored`` names may be there."""
    passed = set(ignored)
    return KeyTable(
        missing=[name for name in needed if name not in found],
        unexpected=[name for name in found if name not in needed and name not in passed],
        wrong_shape={
            name: (found[name], shape)
            for name, shape in needed.items()
            if name in found and found[name] != shape
        },
    )


def _rows(kind: str, rows: list[tuple[str, str]]) -> list[str]:
    shown = [f"  {kind:<12} {name} {detail}".rstrip() for name, detail in rows[:MOST_ROWS]]
    more = len(rows) - MOST_ROWS
    return [*shown, f"  {kind:<12} … and {more} more"] if more > 0 else shown
