"""Read benchmark files: find one, replace variables, and refuse what cannot be run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.environment import expanded, unset_variables
from harness.errors import InputError
from harness.suggest import suggestion

if TYPE_CHECKING:
    from harness.benchmark import Benchmark
    from harness.yaml_file import Location

_PATHS: tuple[Location, ...] = (
    ("data", "path"), ("data", "images"), ("output",),
    ("judge", "model"), ("judge", "endpoint"), ("judge", "prompt"),
    ("metric_settings", "bertscore", "model"), ("metric_settings", "bertscore", "baseline_file"),
    ("metric_settings", "ratescore", "matrix"),
)  # fmt: skip
_MODEL_PATHS = ("path", "bank", "weights", "base", "endpoint")
"""Where variables of the environment are read."""


def bundled_benchmarks() -> list[Path]:
    """Return the benchmark files that come with the package."""
    folder = Path(str(files("benchmarks")))
    return sorted(folder.glob("*.yaml"))


def find_benchmark(name_or_path: str | Path) -> Path:
    """Return the file of a benchmark: a path, or the name of a bundled one.

    Raises
    ------
    InputError
        If there is neither; the nearest bundled name is offered.
    """
    path = Path(name_or_path).expanduser()
    bundled = {file.stem: file for file in bundled_benchmarks()}
    if str(name_or_path) in bundled and not path.is_file():
        return bundled[str(name_or_path)]
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1 or path.is_file():
        return path
    raise InputError(
        f"There is no benchmark {str(name_or_path)!r}, neither as a file nor with the package. "
        f"{suggestion(str(name_or_path), bundled)}"
    )


def load_spec(name_or_path: str | Path) -> Benchmark:
    """Return a benchmark, checked as far as its file alone tells.

    Parameters
    ----------
    name_or_path
        A YAML file, or the name of a bundled one such as ``demo``.

    Raises
    ------
    InputError
        If the file cannot be read or a field is wrong; the message names file, line and field.
    MissingError
        If a plug-in that it names cannot be imported, or a variable that it needs is not set.
    """
    from harness.benchmark import Benchmark
    from harness.needs import how_to_get, refuse_unset, steps_by_variable
    from harness.spec_checks import check
    from harness.spec_messages import validated
    from harness.yaml_file import read_yaml

    file = read_yaml(find_benchmark(name_or_path))
    written = {location: _at(file.values, location) for location in _path_locations(file.values)}
    steps = steps_by_variable(file, written)
    paths = {
        location: _expanded(text, file.place(location), steps) for location, text in written.items()
    }
    values = _with_paths(file.values, paths)
    name = values.setdefault("name", file.path.stem)
    values.setdefault("output", f"results/{name}")
    folder = file.path.absolute().parent
    benchmark = validated(Benchmark, values, file)
    benchmark = benchmark.in_folder(folder, how_to_get(written, paths, steps, folder))
    check(benchmark, file)
    # last: what is wrong with the file comes to light without the data
    refuse_unset(file, written, steps)
    return benchmark


def _expanded(text: str, place: str, steps: Mapping[str, str]) -> str | None:
    """Return a path with its variables replaced; as it is where a needed one is not set."""
    if any(name in steps for name in unset_variables(text)):
        return text
    # `${IMAGES:-}` is how a file leaves a path to whoever sets the variable
    return expanded(text, place) or None


def _with_paths(values: Mapping[str, Any], paths: Mapping[Location, str | None]) -> dict[str, Any]:
    """Return the file's values with these paths, leaving the file's as they are."""
    found = dict(values)
    for (*outer, last), path in paths.items():
        holder: Any = found
        for part in outer:
            # copied on the way: two fields may share one object through a YAML alias
            holder[part] = holder[part].copy()
            holder = holder[part]
        holder[last] = path
    return found


def _path_locations(values: dict[str, Any]) -> Iterator[Location]:
    locations = list(_PATHS)
    models = values.get("models")
    for position in range(len(models) if isinstance(models, list) else 0):
        locations += [("models", position, name) for name in _MODEL_PATHS]
    for location in locations:
        if isinstance(_at(values, location), str):
            yield location


def _at(values: Any, location: Location) -> Any:
    for part in location:
        if isinstance(part, str) and isinstance(values, dict):
            values = values.get(part)
        elif isinstance(part, int) and isinstance(values, list):
            values = values[part]
        else:
            return None
    return values
