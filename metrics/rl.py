"""Metrics as rewards of reinforcement learning, in the form that TRL's trainers call.

>>> reward = reward_function("rougeL")
>>> reward(["no effusion", "clear"], ["no pleural effusion", "clear"])
[0.8, 1.0]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.errors import InputError
from metrics.evaluation import refuse_absent_weights
from metrics.metric import Metric
from metrics.metric_settings import Settings
from metrics.protocols import PROTOCOLS
from metrics.registry import plugins
from metrics.samples import Samples, TestSet
from metrics.selection import FAMILIES, Selected, plain_key, select
from metrics.texts import check_list, prediction_list, reference_lists

Messages = Sequence[Mapping[str, Any]]
"""A completion in conversational form: mappings with ``role`` and ``content``."""


@dataclass(frozen=True)
class Reward:
    """One output of a metric as a reward: called with a batch, it returns one number per text.

    ``column`` is the data set's column that holds the references. Instances can be pickled.
    """

    name: str
    metric: Metric
    position: int
    sign: float
    column: str

    @property
    def __name__(self) -> str:
        # what TRL calls the reward in its logs
        return self.name.replace("/", "_")

    def __call__(
        self,
        completions: Sequence[str | Messages],
        references: Iterable[str | Sequence[str]] | None = None,
        **columns: Any,
    ) -> list[float]:
        """Return the reward of every completion; larger is better.

        Parameters
        ----------
        completions
            Texts, or lists of messages, of which the last one of the assistant counts.
        references
            One text per completion, or a list of texts where there are several.
        columns
            What TRL hands in besides; only the column of the references is read.

        Raises
        ------
        InputError
            If the references are missing or fewer, something is no text, or a reward is undefined.
        """
        given = columns.get(self.column) if references is None else references
        if given is None:
            raise InputError(
                f"Reward {self.name!r} got no references: the data set has no column "
                f"{self.column!r}. Add it, or name yours with reward_function(…, column=…)."
            )
        check_list(completions, "completions", "a list of texts, or of lists of messages")
        texts = prediction_list([_text(one) for one in completions], "completions")
        known = reference_lists(given)
        samples = Samples.of(texts, TestSet([str(i) for i in range(len(known))], known))
        if not texts:
            return []
        self.metric.annotate(samples)
        scores = self.metric.per_sample(self.metric.statistics(samples))[:, self.position]
        undefined = np.flatnonzero(np.isnan(scores))
        if undefined.size:
            raise InputError(
                f"Reward {self.name!r} is undefined for completions[{undefined[0]}] "
                f"({undefined.size} of {len(scores)} in this batch): the metric has no score of "
                "its own for such a pair. Leave such samples out of the data set, or choose "
                "another metric."
            )
        return [float(score) for score in self.sign * scores]


def reward_function(
    name: str,
    *,
    protocol: str | None = None,
    settings: Settings | None = None,
    corpus: Sequence[str | Sequence[str]] | None = None,
    column: str = "references",
) -> Reward:
    """Return the output ``name`` of any metric as a reward function.

    The reward is the sample's own score on the metric's scale. Of outputs where lower is better
    (``radcliq_v1``) it is the score times -1, so that a larger reward is always the better one.
    A batch is scored as one, annotations come from the annotation cache.

    Parameters
    ----------
    name
        One output (``radgraph_partial``), also as papers print it (``BLEU-4``), or
        ``protocol/output``.
    protocol
        The text treatment and definitions; ``default`` if None.
    settings
        What differs from the metric's own and the protocol's settings, such as
        ``{"radgraph": {"matching": "github"}}``.
    corpus
        All references of the training set: for metrics that weigh words by them (``cider``), whose
        rewards would otherwise depend on the batch.
    column
        The data set's column that holds the references.

    Raises
    ------
    InputError
        If the name or a setting is unknown, the name means several outputs, the output has no
        score for one sample, or the metric needs a corpus.
    MissingError
        If the metric's weights are not on this machine.
    """
    key, chosen = _only(name, protocol, settings)
    if not chosen.output(key).by_sample:
        raise InputError(
            f"{key!r} has no score for one sample, so it cannot be a reward. Choose another output."
        )
    refuse_absent_weights([chosen.metric])
    sign = 1.0 if chosen.output(key).higher_is_better else -1.0
    metric = _fitted(key, chosen.metric, corpus)
    return Reward(key, metric, chosen.columns[key], sign, column)


def _only(name: str, protocol: str | None, settings: Settings | None) -> tuple[str, Selected]:
    """Return the key and the metric of the one output that a name means."""
    selected = select([name], protocol, settings=settings)
    keys = [key for one in selected for key in one.columns]
    bare = name.rpartition("/")[2]
    groups = [*FAMILIES, *PROTOCOLS]
    if len(keys) > 1 and (name in plugins() or plain_key(bare, groups) in groups):
        raise InputError(
            f"{name!r} means {len(keys)} outputs: {', '.join(keys)}. A reward is one: name it."
        )
    # an output may bring companions, which come after it
    return keys[0], selected[0]


def _fitted(name: str, metric: Metric, corpus: Sequence[str | Sequence[str]] | None) -> Metric:
    known = reference_lists([""] if corpus is None else corpus, "corpus")
    if not known:
        raise InputError("corpus is an empty list. Give all references of the training set.")
    samples = Samples.of([""] * len(known), TestSet([str(i) for i in range(len(known))], known))
    fitted = metric.fit(samples)
    if corpus is None and fitted is not metric:
        raise InputError(
            f"Reward {name!r} weighs words by all references of the training set. Give them: "
            f"reward_function({name!r}, corpus=[…])."
        )
    return fitted


def _text(completion: str | Messages) -> object:
    """Return the text of a completion that is a list of messages, and any other as it is."""
    if not isinstance(completion, list | tuple):
        return completion
    if not all(isinstance(turn, Mapping) for turn in completion):
        return completion
    turns = reversed(completion)
    content = next((t.get("content") for t in turns if t.get("role") == "assistant"), "")
    if isinstance(content, str):
        return content
    # a turn that only calls tools has no content; other contents are lists of parts
    return "".join(part.get("text", "") for part in content or () if isinstance(part, Mapping))
