"""Compute every metric's statistics for every system, in chunks, in one process or several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.errors import InputError, MissingError
from metrics.metric import FloatArray, Metric
from metrics.samples import Samples, TestSet
from metrics.workers import map_in_processes

CHUNK = 4096
"""Samples analysed together: large enough to vectorise, small enough to bound memory."""


@dataclass(frozen=True, eq=False)
class System:
    """One system's predictions in the test set's order, and what it was shown."""

    predictions: Sequence[str]
    prior_shown: Sequence[bool | None] | None = None

    def slice(self, start: int, stop: int) -> System:
        """Return the predictions ``start`` to ``stop``."""
        shown = None if self.prior_shown is None else self.prior_shown[start:stop]
        return System(self.predictions[start:stop], shown)


Statistics = dict[str, list[FloatArray]]
"""Per system, one array of shape (n, k) per metric."""


def compute_statistics(
    metrics: Sequence[Metric],
    test_set: TestSet,
    systems: Mapping[str, System],
    processes: int = 1,
    progress: Callable[[int], None] = lambda samples: None,
) -> tuple[list[Metric], Statistics]:
    """Return the fitted metrics, and each system's statistics per metric.

    Chunks are the same whatever the number of processes, and so are the results, bit for bit.
    ``progress`` is called with the number of samples done since the last call.
    """
    _check(test_set, systems)
    refuse_absent_weights(metrics)
    fitted = [_fit(metric, test_set) for metric in metrics]
    samples = _annotated(fitted, test_set, systems)
    if len(test_set) <= CHUNK and processes <= 1:  # one chunk: what was analysed counts as it is
        counted = {
            name: [metric.statistics(one) for metric in fitted] for name, one in samples.items()
        }
        progress(len(test_set))
        return fitted, counted
    parts: dict[str, list[list[FloatArray]]] = {name: [] for name in systems}
    for size, part in _run(fitted, _chunks(test_set, systems), processes):
        for name, arrays in part.items():
            parts[name].append(arrays)
        progress(size)
    joined = {
        name: [np.concatenate(p) for p in zip(*rows, strict=True)] for name, rows in parts.items()
    }
    return fitted, joined


_Chunk = tuple[TestSet, dict[str, System]]


def _check(test_set: TestSet, systems: Mapping[str, System]) -> None:
    if not len(test_set):
        raise InputError("There is nothing to score: the test set holds no samples.")
    if not systems:
        raise InputError("There is nothing to score: no system's predictions are given.")
    for name, system in systems.items():
        if len(system.predictions) != len(test_set):
            raise InputError(
                f"System {name!r} has {len(system.predictions)} predictions for "
                f"{len(test_set)} references. Give one per reference, in the same order."
            )


def refuse_absent_weights(metrics: Sequence[Metric], more: Sequence[str] = ()) -> None:
    """Raise MissingError that names all that the metrics need and this machine lacks.

    ``more`` are names of weights that are needed for something else.
    """
    named = [*(name for metric in metrics for name in metric.weights), *more]
    needed = list(dict.fromkeys(named))
    lacks: dict[str, list[str]] = {}
    for metric in metrics:
        # a judge, say, lacks an address and no weights
        if not metric.weights and metric.lacking:
            lacks.setdefault(", ".join(metric.lacking), []).append(metric.info.name)
    lines = [f"Not here for {', '.join(names)}: {lack}." for lack, names in lacks.items()]
    if needed:
        from metrics.weights import refuse_absent

        try:
            refuse_absent(needed)
        except MissingError as error:
            raise MissingError("\n".join([str(error), *lines])) from None
    if lines:
        raise MissingError("\n".join(lines))


def _annotated(
    metrics: Sequence[Metric], test_set: TestSet, systems: Mapping[str, System]
) -> dict[str, Samples]:
    """Annotate every text once, so that chunks and worker processes only look annotations up."""
    samples = {
        name: Samples.of(system.predictions, test_set, system.prior_shown)
        for name, system in systems.items()
    }
    for metric in metrics:
        metric.annotate(*samples.values())
    return samples


def _fit(metric: Metric, test_set: TestSet) -> Metric:
    return metric.fit(Samples.of([""] * len(test_set), test_set))


def _chunks(test_set: TestSet, systems: Mapping[str, System]) -> Iterator[_Chunk]:
    for start in range(0, len(test_set), CHUNK):
        stop = min(start + CHUNK, len(test_set))
        yield test_set.slice(start, stop), {n: s.slice(start, stop) for n, s in systems.items()}


def _run(
    metrics: list[Metric], chunks: Iterator[_Chunk], processes: int
) -> Iterator[tuple[int, Statistics]]:
    if processes <= 1:
        return (_score_chunk(metrics, chunk) for chunk in chunks)
    return map_in_processes(_score_in_worker, chunks, processes, _take_metrics, metrics)


_WORKER_METRICS: list[Metric] = []
"""The fitted metrics of a worker process: sent once, since idf tables are large."""


def _take_metrics(metrics: list[Metric]) -> None:
    _WORKER_METRICS[:] = metrics


def _score_in_worker(chunk: _Chunk) -> tuple[int, Statistics]:
    return _score_chunk(_WORKER_METRICS, chunk)


def _score_chunk(metrics: list[Metric], chunk: _Chunk) -> tuple[int, Statistics]:
    test_set, systems = chunk
    statistics: Statistics = {}
    for name, system in systems.items():
        samples = Samples.of(system.predictions, test_set, system.prior_shown)
        statistics[name] = [metric.statistics(samples) for metric in metrics]
    return len(test_set), statistics
