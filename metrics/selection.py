"""From the names a user writes to the metrics to compute."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from metrics.errors import InputError
from metrics.judges import JudgeSettings
from metrics.judges.judged import JudgedMetric
from metrics.metric import Metric, Output
from metrics.metric_settings import Settings, check_settings
from metrics.printed_names import PRINTED, PRINTED_FOR_SEVERAL, plain
from metrics.protocols import PROTOCOLS, Protocol, protocol
from metrics.registry import ENTRIES, make, outputs_of, plugin_outputs, plugins

FAMILIES = {
    "bleu": "bleu",
    "rouge": "rouge",
    "temporal": "temporal_",
    "temporaldirection": "temporal_direction_",
    "bertscore": "bertscore_",
    "radgraph": "radgraph_",
    "chexbert": "chexbert_",
    "radcliq": "radcliq_",
    "vqa": "vqa_",
}
"""Prefix of the outputs that a family name stands for."""
_COMPANIONS = {
    "temporal_f1": ("temporal_f1_present",),
    "prior_hallucination": ENTRIES["prior_hallucination"].outputs[1:],
    **{
        name: (f"{name}_errors",)
        for name in ("green", "green_style", "crimson", "crimson_style", "fineradscore_style")
    },
}


@dataclass(frozen=True)
class Selected:
    """A metric to compute, and the column of each output that is reported, by its key.

    ``recorded`` is the signature under which it was computed earlier, perhaps with weights that
    are not on this machine.
    """

    metric: Metric
    columns: dict[str, int]
    recorded: str | None = None

    @property
    def signature(self) -> str:
        """The signature of its scores."""
        return self.metric.signature if self.recorded is None else self.recorded

    def output(self, key: str) -> Output:
        """Return the facts about the output reported under ``key``."""
        return self.metric.outputs[self.columns[key]]


def select(
    names: Sequence[str] | None,
    protocol_name: str | None = None,
    judge: JudgeSettings | None = None,
    wordings: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> list[Selected]:
    """Return the metrics that ``names`` ask for, in the order they were asked for.

    Each name is an output (``bleu4``), a family (``bleu``), a protocol (its own set under its
    own treatment), ``protocol/output``, or a name as papers print it (``BLEU-4``). Without names,
    the protocol's own set. The first protocol that a name brings in gives plain keys; outputs of
    further ones are keyed ``protocol/name``. ``protocol_name`` None stands for the first protocol
    among the names, or ``default``.

    ``judge`` is what metrics that need one ask; None stands for that of the environment.
    ``wordings`` are outputs in whose place others are reported; None stands for `own_wordings`.
    ``settings`` are fields of metrics, by registered name; they go before the protocol's own.

    Raises
    ------
    InputError
        If a name or setting is unknown (the nearest is offered), the protocol does not define it,
        or a setting is of another type or of a metric that is not selected.
    """
    if names is not None and not names:
        raise InputError("No metrics are named. `cxr-harness list metrics` shows all.")
    for one in names or ():
        if not isinstance(one, str):
            raise InputError(
                f"A metric is given as {type(one).__name__}. Give its name, such as 'radgraph'; "
                'other settings than its own are settings={"radgraph": {"matching": "github"}}.'
            )
    own = protocol_name or next((n for n in names or () if n in PROTOCOLS), "default")
    wanted: dict[tuple[str, str], None] = {}
    for name in names if names is not None else [own]:
        wanted.update(dict.fromkeys(_expand(name, protocol(own))))
    given = settings or {}
    found = _build(wanted, judge, wordings or {}, given)
    if wordings is None and (own_words := own_wordings(found)):
        return _build(wanted, judge, own_words, given)
    return found


def own_wordings(selected: Iterable[Selected]) -> dict[str, str]:
    """Return the scores of our own wording that stand for those whose published prompt is not here.

    They are by the output that was asked for; without a judge there are none.

    >>> own_wordings(select(["bleu"]))
    {}
    """
    return {
        output.name: output.name.replace(name, f"{name}_style")
        for one in selected
        if isinstance(one.metric, JudgedMetric) and one.metric.lacks_prompt
        for name in [one.metric.info.name]
        for output in one.metric.info.outputs
    }


def _build(
    wanted: Mapping[tuple[str, str], None],
    judge: JudgeSettings | None,
    wordings: Mapping[str, str],
    settings: Settings,
) -> list[Selected]:
    main, _ = next(iter(wanted))
    outputs = [(PROTOCOLS[name], wordings.get(asked, asked)) for name, asked in wanted]
    owners = [_defined(output, own) for own, output in outputs]
    check_settings(settings, dict.fromkeys(owners))
    chosen: dict[str, Selected] = {}
    for (own, output), owner in zip(outputs, owners, strict=True):
        metric = _metric_for(owner, own, judge, settings)
        names = [o.name for o in metric.info.outputs]
        selected = chosen.setdefault(metric.signature, Selected(metric, {}))
        column = names.index(output)
        if column not in selected.columns.values():
            key = output if own.name == main else f"{own.name}/{output}"
            selected.columns[key] = column
    return list(chosen.values())


def _expand(name: str, own: Protocol) -> list[tuple[str, str]]:
    if name in PROTOCOLS:
        return [(name, output) for output in _with_companions(PROTOCOLS[name].outputs)]
    prefix, slash, rest = name.partition("/")
    if slash and prefix in PROTOCOLS:
        return _expand(rest, PROTOCOLS[prefix])
    if name in plugins():
        return [(own.name, output) for output in outputs_of(name)]
    return [(own.name, output) for output in _with_companions(_outputs_named(name, own))]


def _outputs_named(name: str, own: Protocol) -> list[str]:
    known = known_outputs()
    spelled = plain(name)
    if spelled in FAMILIES:
        defined = [output for output in known if output.startswith(FAMILIES[spelled])]
        return [output for output in defined if _owner(output, own)]
    by_plain = {plain(output): output for output in known}
    output = PRINTED.get(spelled) or by_plain.get(spelled)
    if output is None and name in plugin_outputs():
        output = name
    if output is None:
        raise _unknown(name, by_plain)
    if not _owner(output, own):
        raise InputError(
            f"Protocol {own.name!r} does not define {output!r}; "
            f"it has {', '.join(own.outputs)}. Choose another protocol for it."
        )
    return [output]


def _unknown(name: str, by_plain: Mapping[str, str]) -> InputError:
    spelled = plain(name)
    if spelled in PRINTED_FOR_SEVERAL:
        choices = ", ".join(PRINTED_FOR_SEVERAL[spelled])
        return InputError(f"Papers print {name!r} for different scores. Name yours: {choices}.")
    near = difflib.get_close_matches(spelled, [*by_plain, *FAMILIES, *PROTOCOLS], n=1)
    hint = f"Did you mean {by_plain.get(near[0], near[0])!r}? " if near else ""
    return InputError(
        f"Unknown metric {name!r}. {hint}`cxr-harness list metrics` shows all metrics."
    )


def plain_key(name: str, keys: Sequence[str]) -> str:
    """Return the key that ``name`` is another spelling of, or ``name`` itself."""
    printed = PRINTED.get(plain(name), name)
    return next((key for key in keys if plain(key) == plain(printed)), name)


def known_outputs() -> list[str]:
    """Return the names of all outputs of the built-in metrics, in registry order."""
    return list(dict.fromkeys(output for entry in ENTRIES.values() for output in entry.outputs))


def _with_companions(outputs: Iterable[str]) -> list[str]:
    return [name for output in outputs for name in (output, *_COMPANIONS.get(output, ()))]


def _owner(output: str, own: Protocol) -> str | None:
    """Return the registered metric that reports ``output`` under the protocol, if one does."""
    default = next((name for name, entry in ENTRIES.items() if output in entry.outputs), None)
    if default is None:
        return plugin_outputs().get(output)
    name = own.instead.get(default, default)
    return name if output in outputs_of(name) else None


def _defined(output: str, own: Protocol) -> str:
    name = _owner(output, own)
    if name is None:
        raise InputError(f"Protocol {own.name!r} does not define {output!r}.")
    return name


def _metric_for(
    name: str, own: Protocol, judge: JudgeSettings | None, settings: Settings
) -> Metric:
    given = {**own.settings.get(name, {}), **settings.get(name, {})}
    return make(name, given, treatment=own.treatment, judge=judge)
