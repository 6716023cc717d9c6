"""Which regular expression engine reads a text as NLTK does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

Compile = Callable[..., Any]
T = TypeVar("T")


def is_plain(text: str) -> bool:
    """Tell whether a text is ASCII without the four characters that engines read differently."""
    return text.isascii() and not any(mark in text for mark in "\x1c\x1d\x1e\x1f")


def compiled(build: Callable[[Compile], T], text: str) -> T:
    """Return what ``build`` makes with the engine that is right for ``text``.

    NLTK 3.10 runs on the package ``regex``, whose classes of letters, digits and spaces differ from
    the standard library's. On plain text both agree, and the standard one starts sooner.
    """
    made: T = _with_engine(build, "re" if is_plain(text) else "regex")
    return made


@cache
def _with_engine(build: Callable[[Compile], Any], engine: str) -> Any:
    return build(import_module(engine).compile)
