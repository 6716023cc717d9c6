"""What of this installation works, and what to do about the rest."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from harness import __version__

DISTRIBUTION = "cxr-harness"


@dataclass(frozen=True)
class Check:
    """One thing looked at; ``mend`` says what to do where its state is not ``ok``."""

    what: str
    state: str
    detail: str
    required: bool = True
    mend: str = ""


def diagnose() -> list[Check]:
    """Return the checks of the interpreter, packages, bundled resources, folders and weights."""
    return [
        _python(),
        _own_version(),
        *_packages(),
        *_resources(),
        _cache(),
        *_weights(),
        _plugins(),
    ]


def _python() -> Check:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("Python", "ok", detail)


def _own_version() -> Check:
    return Check(DISTRIBUTION, "ok", f"{__version__} in {Path(__file__).parent.parent}")


def _packages() -> list[Check]:
    from packaging.requirements import Requirement

    try:
        declared = [Requirement(text) for text in requires(DISTRIBUTION) or ()]
    except PackageNotFoundError:
        mend = "Install it with `pip install cxr-harness` or `make install`."
        return [Check("packages", "missing", "cxr-harness is not installed", mend=mend)]
    checks = []
    for requirement in declared:
        extra = _extra(str(requirement.marker or ""))
        if extra != "dev":
            checks.append(_package(requirement.name, str(requirement.specifier), extra))
    return checks


def _package(name: str, wanted: str, extra: str) -> Check:
    from packaging.specifiers import SpecifierSet

    what = f"{name} ({extra})" if extra else name
    mend = f'Install it with `pip install "{name}{wanted}"`.'
    try:
        found = version(name)
    except PackageNotFoundError:
        state = "missing" if not extra else "not installed"
        return Check(what, state, f"wanted {wanted}", required=not extra, mend=mend)
    if not SpecifierSet(wanted).contains(found, prereleases=True):
        detail = f"{found}, tested with {wanted}"
        return Check(what, "untested", detail, required=False, mend=mend)
    return Check(what, "ok", found, required=not extra)


def _extra(marker: str) -> str:
    _, _, name = marker.partition("extra ==")
    return name.strip().strip("\"'")


def _resources() -> list[Check]:
    from metrics import meteor

    expected = 1 - 0.5 / 5**3
    found = meteor(["the lungs are clear ."], ["the lungs are clear ."]).scores["meteor"]
    state = "ok" if abs(found - expected) < 1e-12 else "missing"
    mend = "" if state == "ok" else "Install cxr-harness again; its bundled tables are damaged."
    return [Check("METEOR tables (WordNet 3.0, Punkt)", state, "bundled", mend=mend)]


def _cache() -> Check:
    from harness.cache_folder import cache_folder

    folder = cache_folder()
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK):
        return Check("cache folder", "ok", str(folder))
    mend = "Set CXR_HARNESS_CACHE to a folder that you can write to."
    return Check("cache folder", "missing", f"{folder} cannot be written", mend=mend)


def _weights() -> list[Check]:
    from harness.all_weights import all_weights

    return [
        Check(f"weights {row.name}", "ok", row.place, required=False)
        if row.place
        else Check(
            f"weights {row.name}", "not here", f"unlocks {row.unlocks}", False, f"`{row.download}`"
        )
        for row in all_weights()
    ]


def _plugins() -> Check:
    from metrics.errors import MetricsError
    from metrics.registry import load_plugin, plugins

    broken = []
    for name in plugins():
        try:
            load_plugin(name)
        except MetricsError:
            broken.append(name)
    if broken:
        detail = f"cannot be imported: {', '.join(broken)}"
        return Check("plug-in metrics", "broken", detail, False, "Mend or uninstall them.")
    return Check("plug-in metrics", "ok", f"{len(plugins())} installed", required=False)
