"""What generating cost in time, memory and money, added up over all runs that it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.run_folder import RunFolder
from models.adapter import Adapter, Figures

_SUMS = ("load_s", "warm_up_s", "images", "image_s", "tokens", "token_s", "prompt_tokens", "cost")
_DECIMALS = 6


class Performance:
    """The figures of one system in run.json, beginning with what earlier runs left there.

    An adapter measures from when it was built and may serve several systems: what counts for this
    one is what it adds from here on. Its peak of memory is one for all.
    """

    def __init__(self, folder: RunFolder, system: str, adapter: Adapter) -> None:
        self._folder = folder
        self._system = system
        self._adapter = adapter
        self._earlier: Mapping[str, Any] = folder.record.get("performance", {}).get(system, {})
        self._before = adapter.figures() or Figures()

    def keep(self) -> None:
        """Put on record what was measured so far, if anything was."""
        now = self._adapter.figures()
        if now is None or now == self._before:
            return
        total = _added(self._earlier, asdict(self._before), asdict(now))
        self._folder.add({"performance": {self._system: total}})


def _added(
    earlier: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]
) -> dict[str, Any]:
    total = {name: _sum(earlier.get(name), _minus(now[name], before[name])) for name in _SUMS}
    peak = max(earlier.get("peak_memory_bytes", 0), now["peak_memory_bytes"])
    return {
        **total,
        "images_per_s": _rate(total["images"], total["image_s"]),
        "tokens_per_s": _rate(total["tokens"], total["token_s"]),
        "peak_memory_bytes": peak,
        "device": now["device"],
        "dtype": now["dtype"],
    }


def _minus(now: float | None, before: float | None) -> float | None:
    return None if now is None else now - (before or 0)


def _sum(earlier: float | None, here: float | None) -> float | None:
    """Add what is known; None where nothing is."""
    if earlier is None or here is None:
        return earlier if here is None else _rounded(here)
    return _rounded(earlier + here)


def _rate(number: float | None, seconds: float | None) -> float | None:
    return _rounded(number / seconds) if number and seconds else None


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else round(value, _DECIMALS)
