from __future__ import annotations

from pathlib import Path

import pytest

from harness.environment import variables
from models.errors import InputError
from models.training.recipe_files import find_recipe, read_recipe, recipe_names
from models.training.tuning.recipe import TuningRecipe, TuningStage

PUBLISHED = "libra-v1.0-7b"
TUNING = [name for name in recipe_names() if "phantom" not in name]


def tuning(path: Path) -> TuningRecipe:
    recipe = read_recipe(path)
    assert isinstance(recipe, TuningRecipe)
    return recipe


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


@pytest.mark.parametrize("name", recipe_names())
def test_every_bundled_recipe_is_read_under_its_own_name(name: str) -> None:
    assert name == read_recipe(find_recipe(name)).name


@pytest.mark.parametrize("name", TUNING)
def test_every_bundled_tuning_recipe_cites_its_source_and_says_how_to_get_its_data(
    name: str,
) -> None:
    recipe = tuning(find_recipe(name))
    assert all(source.startswith("https://") for source in recipe.source)
    assert recipe.source
    named = {
        name
        for stage in recipe.stages
        for text in (*recipe.data_of(stage).train, *recipe.data_of(stage).valid)
        for name in variables(text)
    }
    assert named == named & set(recipe.needs)


def test_libra_is_trained_with_the_published_hyper_parameters() -> None:
    recipe = tuning(find_recipe(PUBLISHED))
    alignment, findings = recipe.stages
    assert (("projector",), 1.0) == (alignment.trains, alignment.epochs)
    assert (("lora",), 3.0) == (findings.trains, findings.epochs)
    assert (128, 256, 0.05) == (recipe.lora.rank, recipe.lora.alpha, recipe.lora.dropout)
    for stage in recipe.stages:
        assert (16, 2e-5, 0.0, 0.03, "cosine", "bf16", 2048) == (
            stage.batch_size * stage.accumulation,
            stage.learning_rate,
            stage.weight_decay,
            stage.warmup_ratio,
            stage.schedule,
            stage.precision,
            stage.model_max_length,
        )


def test_an_extending_recipe_changes_what_it_names_and_keeps_the_rest(mine: Path) -> None:
    mine.write_text(
        f"extends: {PUBLISHED}\nname: mine\nlora: {{rank: 8}}\n"
        "stages: {findings: {epochs: 1, validation: {generated: 5}, data: {train: [a.jsonl]}}}\n"
    )
    recipe, published = tuning(mine), tuning(find_recipe(PUBLISHED))
    assert ("mine", 8, published.lora.alpha) == (recipe.name, recipe.lora.rank, recipe.lora.alpha)
    assert published.stages[0] == recipe.stages[0]
    changed, before = recipe.stages[1], published.stages[1]
    assert (1.0, before.learning_rate) == (changed.epochs, changed.learning_rate)
    assert (5, before.validation.metrics) == (
        changed.validation.generated,
        changed.validation.metrics,
    )
    assert (("a.jsonl",), recipe.data_of(before).images) == (
        recipe.data_of(changed).train,
        recipe.data_of(changed).images,
    )


def test_a_stage_that_is_null_is_left_out(mine: Path) -> None:
    mine.write_text(f"extends: {PUBLISHED}\nstages: {{alignment: null}}\n")
    assert ["findings"] == [stage.name for stage in tuning(mine).stages]


def test_a_list_of_stages_replaces_all(mine: Path) -> None:
    mine.write_text(
        f"extends: {PUBLISHED}\n"
        "stages: [{name: whole, trains: [projector, language_model], data: {train: [a.jsonl]}}]\n"
    )
    assert ["whole"] == [stage.name for stage in tuning(mine).stages]


def test_a_recipe_beside_the_extending_one_comes_before_a_bundled_name(mine: Path) -> None:
    (mine.parent / PUBLISHED).write_text(f"extends: {PUBLISHED}.yaml\nseed: 5\n")
    mine.write_text(f"extends: {PUBLISHED}\n")
    assert 5 == tuning(mine).seed


def test_a_recipe_of_phantoms_can_be_extended_too(mine: Path) -> None:
    mine.write_text("extends: libra-phantom\nname: longer\nstages: {together: {steps: 5}}\n")
    stages = read_recipe(mine).stages
    assert [1400, 900, 5] == [stage.steps for stage in stages if not isinstance(stage, TuningStage)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("sead: 0", "Unknown option 'sead'.*Did you mean 'seed'"),
        ("lora: {ranks: 1}", "Unknown option 'ranks' in lora.*Did you mean 'rank'"),
        ("lora: {dropout: 1}", r"'dropout' in lora.* less than 1"),
        ("seed: {a: 1}", "'seed' .* valid integer"),
        ("template: libra_v9", "no conversation template 'libra_v9'"),
        ("start: {projector: TACC}", "'projector' in start"),
        ("start: {projector: linear}", "linear does not go with select_layer all"),
        ("start: {checkpoint: x}", "checkpoint, or language_model and vision_tower, not both"),
        ("start: {vision_tower: null}", "give checkpoint, or language_model and vision_tower"),
        ("start: {base: x}", "base goes with checkpoint"),
        ("stages: []", "stages is empty"),
        ("stages: {finding: {epochs: 1}}", "changes 'finding'.*alignment, findings"),
        ("stages: {findings: 3}", "stages.findings must be an object"),
        ("stages: {findings: {epoch: 1}}", r"'epoch' in stages\[1\].*Did you mean 'epochs'"),
        ("stages: {findings: {epochs: 1e308}}", r"'epochs' in stages\[1\].* less than"),
        ("stages: {findings: {max_steps: 10000000000}}", r"'max_steps' in stages\[1\]"),
        ("stages: {findings: {name: alignment}}", "the name is taken"),
        ("stages: {findings: {name: Alignment}}", "the name is taken"),
        ("stages: {findings: {name: recipe.yaml}}", "the name is taken"),
        ("stages: {findings: {workers: 100000}}", r"'workers' in stages\[1\].* less than"),
        ("stages: {findings: {evaluate_every: 1.5}}", "evaluate_every is 1.5"),
        ("stages: {findings: {save_every: 2.5}}", "save_every is 2.5"),
        ("stages: {findings: {1: 2}}", r"'?1'? in stages\[1\]"),
        ("lora: {1: 2}", "Unknown option 1 in lora"),
        ("stages: {findings: {trains: []}}", r"stages\[1\] \(findings\): trains is empty"),
        ("stages: {findings: {trains: [tower]}}", r"'trains.0' in stages\[1\]"),
        ("stages: {findings: {trains: [lora, lora]}}", "names a part twice"),
        ("stages: {findings: {trains: [lora, language_model]}}", "Choose one of them"),
        ("stages: {findings: {learning_rate: fast}}", r"'learning_rate' in stages\[1\]"),
        ("stages: {findings: {projector_learning_rate: 1e-5}}", "the projector is frozen"),
        ("stages: {findings: {best_by: bleu1}}", "best_by 'bleu1' is neither loss nor"),
        ("stages: {findings: {data: {train: []}}}", "data.train is empty"),
        ("stages: {findings: {data: {sections: []}}}", "data.sections is empty"),
        ("stages: {findings: {data: {sections: [history]}}}", r"'sections.0' in data, stages\[1\]"),
        ("stages: {findings: {data: {sections: [findings, findings]}}}", "'findings' twice"),
        ("stages: {findings: {data: {context: [history, history]}}}", "'history' twice"),
        ("stages: {findings: {patience: 2, data: {valid: []}}}", "patience needs studies"),
        ("data: {train: [a.jsonl]}", "data has no effect"),
        ("extends: 3", "extends must be the name or path"),
        ("extends: nowhere", "no recipe 'nowhere'"),
        ("extends: mine.yaml", "leads back to .*mine.yaml"),
        (f"extends: {'x' * 300}", "no recipe 'xxx"),
        ("extends: ~nobody/here", "no recipe '~nobody/here'"),
        ("source: [a", "line 2 cannot be read as YAML"),
        (f"source: {'[' * 5000}", "cannot be read as YAML"),
        ("seed: 1\nlora: {rank: 1}\nseed: 2", r"line 4: the key 'seed' appears twice .*line 2"),
        ("lora: {rank: 1, rank: 2}", "the key 'rank' appears twice"),
    ],
)
def test_a_broken_recipe_names_the_key(mine: Path, change: str, message: str) -> None:
    begin = "" if change.startswith("extends") else f"extends: {PUBLISHED}\n"
    mine.write_text(begin + change)
    with pytest.raises(InputError, match=message):
        read_recipe(mine)


def test_stages_without_any_data_are_refused(mine: Path) -> None:
    mine.write_text(f"extends: {PUBLISHED}\nstages: {{findings: {{data: null}}}}\n")
    with pytest.raises(InputError, match="there is no data"):
        read_recipe(mine)
