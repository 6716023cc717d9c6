"""What there is to choose from, and the facts about each name."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from harness.all_weights import weights_in_words
from harness.errors import InputError
from harness.suggest import suggestion
from metrics.errors import InputError as MetricsInputError
from metrics.errors import MetricsError
from metrics.printed_names import PRINTED_FOR_SEVERAL, plain
from metrics.protocols import PROTOCOLS
from metrics.registry import ENTRIES, metric_class, plugins
from metrics.selection import select

Row = dict[str, str]


def catalogue(kind: str) -> list[Row]:
    """Return one row per name; kinds are those of the command ``list``."""
    rows = {
        "metrics": _metrics,
        "protocols": _protocols,
        "models": _models,
        "benchmarks": _benchmarks,
        "recipes": _recipes,
    }
    return rows[kind]()


def description(name: str) -> dict[str, Any]:
    """Return the facts about a metric, its output, a protocol, adapter, benchmark or recipe.

    Raises
    ------
    InputError
        If nothing has this name.
    """
    if name in ENTRIES or name in plugins():
        return _describe_metric(name)
    adapters = {row["name"]: row for row in _models()}
    if name in PROTOCOLS:
        # `libra` and `llava_med` are models too
        model = _describe_adapter(name) if name in adapters else {}
        return {**_describe_protocol(name), **model}
    if name in adapters:
        return _describe_adapter(name)
    files = {row["name"]: row for row in _benchmarks()}
    if name in files:
        return dict(files[name])
    recipes = {row["name"] for row in _recipes()}
    if name in recipes:
        return _describe_recipe(name)
    owners = {row["name"]: row["metric"] for row in _metrics()}
    if name in owners:
        return _describe_metric(owners[name])
    try:
        selected = select([name])
    except MetricsInputError:
        if plain(name) in PRINTED_FOR_SEVERAL:
            raise
        known = [*owners, *PROTOCOLS, *ENTRIES, *adapters, *files, *recipes]
        raise InputError(f"There is nothing called {name!r}. {suggestion(name, known)}") from None
    names = [one.metric.info.name for one in selected]
    if len(names) > 1:
        return {"family": name, "metrics": ", ".join(names)}
    return _describe_metric(names[0])


def _metrics() -> list[Row]:
    return [row for name in [*ENTRIES, *plugins()] for row in _outputs(name)]


def _outputs(name: str) -> list[Row]:
    try:
        found = metric_class(name)
    except MetricsError as error:
        # one broken plug-in does not hide the rest
        unknown = dict.fromkeys(("better", "bounds", "weights"), "")
        return [{"name": name, "metric": name, **unknown, "protocols": str(error)}]
    weights = weights_in_words(found().weights)
    return [
        {
            "name": output.name,
            "metric": name,
            "better": output.direction,
            "bounds": "{:g} to {:g}".format(*output.bounds),
            "weights": weights,
            "protocols": ", ".join(p for p in PROTOCOLS if _in_protocol(name, output.name, p)),
        }
        for output in found.info.outputs
    ]


def _in_protocol(metric: str, output: str, protocol: str) -> bool:
    return (metric, output) in _protocol_outputs(protocol)


@cache
def _protocol_outputs(protocol: str) -> set[tuple[str, str]]:
    return {
        (one.metric.info.name, one.output(key).name)
        for one in select([protocol], wordings={})
        for key in one.columns
    }


def _protocols() -> list[Row]:
    return [
        {"name": p.name, "summary": p.summary, "metrics": " ".join(p.outputs), "source": p.source}
        for p in PROTOCOLS.values()
    ]


def _models() -> list[Row]:
    from models import registry

    own = {"name": "predictions", "summary": "Reports that exist already, read from a file."}
    rows = [{"name": d.name, "summary": d.error or d.summary} for d in registry.describe()]
    return [*rows, own]


def _recipes() -> list[Row]:
    from models.training.recipe_files import find_recipe, read_recipe, recipe_names

    rows = []
    for path in map(find_recipe, recipe_names()):
        recipe = read_recipe(path)
        rows.append(
            {
                "name": recipe.name,
                "summary": _first_comment(path),
                "stages": ", ".join(stage.name for stage in recipe.stages),
            }
        )
    return rows


def _describe_recipe(name: str) -> dict[str, Any]:
    from models.training.recipe_files import find_recipe, read_recipe
    from models.training.tuning.recipe import TuningRecipe

    path = find_recipe(name)
    recipe = read_recipe(path)
    found = {"name": name, "summary": _first_comment(path), "path": str(path)}
    if not isinstance(recipe, TuningRecipe):
        return {
            **found,
            "projector": recipe.projector,
            "stages": {stage.name: f"{stage.steps} steps" for stage in recipe.stages},
        }
    stages = {
        stage.name: f"trains {', '.join(stage.trains)} for "
        f"{f'{stage.max_steps} steps' if stage.max_steps else f'{stage.epochs:g} epochs'}, "
        f"learning rate {stage.learning_rate:g}"
        for stage in recipe.stages
    }
    parts = asdict(recipe.start)
    shown = ("checkpoint", "base") if recipe.start.checkpoint else tuple(parts)
    start = {name: parts[name] for name in shown if parts[name] is not None}
    needs = {name: text.strip() for name, text in recipe.needs.items()}
    return {**found, "start": start, "stages": stages, "source": list(recipe.source)} | (
        {"needs": needs} if needs else {}
    )


def _benchmarks() -> list[Row]:
    from harness.spec import bundled_benchmarks

    return [
        {"name": path.stem, "summary": _first_comment(path), "path": str(path)}
        for path in bundled_benchmarks()
    ]


def _first_comment(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ") if first.startswith("#") else ""


def _describe_protocol(name: str) -> dict[str, Any]:
    own = PROTOCOLS[name]
    selected = select([name], wordings={})
    needed = [one.metric.weights for one in selected]
    return {
        "protocol": own.name,
        "summary": own.summary,
        "source": own.source,
        "treatment": own.treatment,
        "metrics": ", ".join(own.outputs),
        "weights": weights_in_words(list(dict.fromkeys(chain.from_iterable(needed)))) or "none",
        "signatures": "\n".join(one.metric.signature for one in selected),
    }


def _describe_metric(name: str) -> dict[str, Any]:
    found = metric_class(name)
    info = found.info
    return {
        "metric": info.name,
        "outputs": "\n".join(
            f"{o.name} ({o.direction} is better, {o.bounds[0]:g} to {o.bounds[1]:g})"
            for o in info.outputs
        ),
        "version": info.version,
        "source": info.source,
        "empty texts": info.empty,
        "signature": found().signature,
        "weights": weights_in_words(found().weights) or "none",
        "missing here": ", ".join(found().lacking) or "nothing",
        "definition": inspect.cleandoc(found.__doc__ or ""),
    }


def _describe_adapter(name: str) -> dict[str, Any]:
    if name == "predictions":
        return {"adapter": name, "definition": "Reports that exist already, read from `path`."}
    from models.option_table import option_table
    from models.registry import adapter_class

    found = adapter_class(name)
    options = [str(row) for row in option_table(found.Options)]
    return {
        "adapter": name,
        "definition": inspect.cleandoc(found.__doc__ or ""),
        "options": "\n".join(options) or "none",
    }
