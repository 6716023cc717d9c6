"""The scores of the ``metrics`` room that a stage is validated by."""

from __future__ import annotations

from collections.abc import Sequence

from metrics import score
from metrics.evaluation import refuse_absent_weights
from metrics.selection import plain_key, select
from models.errors import InputError

_LOSS = "loss"


def check_metrics(names: Sequence[str], best_by: str) -> None:
    """Refuse, before a stage begins, what could not be scored after hours.

    Raises
    ------
    InputError
        If a metric is unknown, or ``best_by`` is none of their scores.
    MissingError
        If weights or packages of a metric are not on this machine.
    """
    if names:
        refuse_absent_weights([one.metric for one in select(names)])
    is_better_higher(names, best_by)


def is_better_higher(names: Sequence[str], best_by: str) -> bool:
    """Return whether the larger of two values of ``best_by`` is the better one."""
    if best_by == _LOSS:
        return False
    chosen = {key: one for one in select(names) for key in one.columns}
    key = plain_key(best_by, list(chosen))
    if key not in chosen:
        raise InputError(
            f"best_by: {best_by!r} is a family of scores. Choose one of: {', '.join(chosen)}."
        )
    return chosen[key].output(key).higher_is_better


def report_scores(
    texts: Sequence[str], references: Sequence[str], names: Sequence[str]
) -> dict[str, float]:
    """Return the scores of reports by their keys; NaN where one is undefined."""
    table = score(list(texts), list(references), metrics=list(names), resamples=0)
    (found,) = table.systems.values()
    return {key: one.score for key, one in found.metrics.items()}


def score_key(names: Sequence[str], best_by: str) -> str:
    """Return the key under which the value of ``best_by`` stands among a stage's scores."""
    if best_by == _LOSS:
        return best_by
    return plain_key(best_by, [key for one in select(names) for key in one.columns])
