"""Check what single fields of a benchmark file cannot show: names, and fields that go together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path

from harness.benchmark import PHANTOMS, Benchmark, Data, ModelEntry
from harness.datasets import registry as formats
from harness.datasets.detection import is_table
from harness.datasets.prediction_table import refuse_unknown_fields
from harness.errors import InputError
from harness.suggest import suggestion
from harness.yaml_file import Location, YamlFile
from metrics.errors import InputError as MetricsInputError
from metrics.errors import MissingError
from models import registry as adapters
from models.options import read_options

PREDICTIONS = "predictions"
"""The adapter that reads reports which exist."""
_PHANTOM_FIELDS = ("seed", "patients", "test_studies")


def check(benchmark: Benchmark, file: YamlFile) -> None:
    """Raise InputError, with its place in the file, if the benchmark cannot be run as it is."""
    _check_data(benchmark.data, file)
    _check_names(benchmark, file)
    for position, entry in enumerate(benchmark.models):
        _check_model(entry, ("models", position), file)
    _check_metrics(benchmark, file)


def _check_data(data: Data, file: YamlFile) -> None:
    known = [PHANTOMS, *formats.FORMATS, *sorted(formats.plugins())]
    if data.format is not None and data.format not in known:
        place = file.place(("data", "format"))
        raise InputError(
            f"{place}: unknown format {data.format!r}. {suggestion(data.format, known)}"
        )
    if data.format == PHANTOMS:
        unwanted = [name for name in ("path", "images", "columns") if getattr(data, name)]
        reason = "the format phantoms draws its own data"
    else:
        unwanted = [name for name in _PHANTOM_FIELDS if getattr(data, name) is not None]
        reason = "it is for the format phantoms only"
        if data.path is None:
            raise InputError(f"{file.place(('data',))}: path is missing. Name the file of studies.")
    if unwanted:
        raise InputError(f"{file.place(('data', unwanted[0]))}: {reason}. Leave it out.")
    if data.columns and data.format not in (None, "csv"):
        raise InputError(f"{file.place(('data', 'columns'))}: it is for format csv. Leave it out.")


def _check_names(benchmark: Benchmark, file: YamlFile) -> None:
    seen: dict[str, int] = {}
    for position, entry in enumerate(benchmark.models):
        place = file.place(("models", position, "id"))
        if not entry.id.isprintable():
            raise InputError(f"{place}: it has characters that cannot be printed. Write others.")
        for system in entry.systems:
            if system in seen:
                first = file.place(("models", seen[system]))
                raise InputError(
                    f"{place}: the system {system!r} appears twice (first at {first}). "
                    "Give every model an id of its own, and name each prior once."
                )
            seen[system] = position


def _check_model(entry: ModelEntry, location: Location, file: YamlFile) -> None:
    place = file.place(location)
    if entry.adapter == PREDICTIONS:
        _refuse_unknown(entry, ["path", "columns"], location, file)
        if entry.path is None:
            raise InputError(f"{place}: path is missing. Name the file of predictions.")
        if len(entry.priors) > 1:
            raise InputError(
                f"{file.place((*location, 'priors'))}: one file of predictions has one prior mode. "
                "Name one, or give each file a model of its own."
            )
        _check_columns(entry, (*location, "columns"), file)
        return
    known = [PREDICTIONS, *adapters.names()]
    if entry.adapter not in known:
        raise InputError(
            f"{file.place((*location, 'adapter'))}: unknown adapter {entry.adapter!r}. "
            f"{suggestion(entry.adapter, known)}"
        )
    adapter = adapters.adapter_class(entry.adapter)
    banks = ["bank", "bank_split"] if adapter.needs_bank else []
    options = [field.name for field in fields(adapter.Options)]
    _refuse_unknown(entry, [*banks, *options], location, file)
    if banks and (entry.bank is None) == (entry.bank_split is None):
        raise InputError(
            f"{place}: the adapter {entry.adapter} needs training studies. "
            "Give either bank (a file) or bank_split (another split of the same data)."
        )
    read_options(adapter.Options, entry.options, place)


def _check_columns(entry: ModelEntry, location: Location, file: YamlFile) -> None:
    if not entry.columns:
        return
    if not is_table(Path(str(entry.path))):
        raise InputError(f"{file.place(location)}: it is for CSV and TSV files. Leave it out.")
    for name in entry.columns:
        refuse_unknown_fields({name: ""}, file.place((*location, name)))


def _refuse_unknown(
    entry: ModelEntry, known: list[str], location: Location, file: YamlFile
) -> None:
    known = ["id", "adapter", "priors", *known]
    ours = ("path", "columns", "bank", "bank_split")
    given = [name for name in ours if getattr(entry, name) is not None]
    for name in [*given, *entry.options]:
        if name not in known:
            raise InputError(
                f"{file.place((*location, name))}: unknown key {name!r} of the adapter "
                f"{entry.adapter}. {suggestion(name, known)}"
            )


def _check_metrics(benchmark: Benchmark, file: YamlFile) -> None:
    from metrics.judges import JudgeSettings
    from metrics.protocols import protocol
    from metrics.scoring import Resampling
    from metrics.selection import select

    if benchmark.protocol is not None:
        with _placed(file, ("protocol",)):
            protocol(benchmark.protocol)
    for position, name in enumerate(benchmark.metrics or ()):
        with _placed(file, ("metrics", position)):
            select([name], benchmark.protocol)
    if benchmark.judge is not None:
        with _placed(file, ("judge",)):
            read_options(JudgeSettings, benchmark.judge, file.place(("judge",)))
    _check_settings(benchmark, file)
    one = benchmark.statistics
    with _placed(file, ("statistics",)):
        Resampling(one.resamples, one.confidence, one.method, one.seed)


def _check_settings(benchmark: Benchmark, file: YamlFile) -> None:
    from metrics.metric_settings import check_metric, check_setting
    from metrics.selection import select

    if not benchmark.metric_settings:
        return
    for name, values in benchmark.metric_settings.items():
        with _placed(file, ("metric_settings", name)):
            check_metric(name)
        for field, value in values.items():
            with _placed(file, ("metric_settings", name, field)):
                check_setting(name, field, value)
    # a file that is not there comes after all that is wrong with this one
    with _placed(file, ("metric_settings",)), suppress(MissingError):
        select(benchmark.metrics, benchmark.protocol, settings=benchmark.settings)


@contextmanager
def _placed(file: YamlFile, location: Location) -> Iterator[None]:
    """Begin the message of an error of the metrics room with the place in the file."""
    try:
        yield
    except MetricsInputError as error:
        raise InputError(f"{file.place(location)}: {error}") from error
