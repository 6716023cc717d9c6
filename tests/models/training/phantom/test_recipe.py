from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import InputError
from models.training.phantom.recipe import Recipe
from models.training.recipe_files import find_recipe, read_recipe, recipe_names

BUNDLED = find_recipe("libra-phantom").read_text("utf-8")


def written(tmp_path: Path, old: str, new: str) -> Path:
    assert BUNDLED.count(old) >= 1
    path = tmp_path / "recipe.yaml"
    path.write_text(BUNDLED.replace(old, new, 1), "utf-8")
    return path


@pytest.mark.parametrize(
    "recipe",
    [
        recipe
        for name in recipe_names()
        if isinstance(recipe := read_recipe(find_recipe(name)), Recipe)
    ],
    ids=lambda recipe: recipe.name,
)
def test_no_recipe_learns_from_a_seed_that_is_kept_for_tests(recipe: Recipe) -> None:
    data = recipe.data
    assert min(data.seed, data.valid_seed) > 100
    assert data.seed != data.valid_seed


def test_an_unknown_recipe_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match=r"no recipe 'libra'.*libra-phantom"):
        find_recipe("libra")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 0", "sead: 0", "Unknown option 'sead'.*Did you mean 'seed'"),
        ("seed: 0\n", "", "'seed' is missing"),
        ("steps: ", "step: ", r"'step' in stages\[0\].*Did you mean 'steps'"),
        ("learns: lesions", "learns: language", r"'learns' in stages\[0\].* is wrong"),
        ("trains: [tower]", "trains: [projector]", "lesions does not use projector.*tower"),
        ("trains: [tower]", "trains: []", "lesions trains nothing"),
        ("name: connector", "name: tower", "'tower' is taken"),
        ("trains: [projector]", "trains: [lora]", "changes does not use lora"),
        (
            "trains: [projector, language_model]",
            "trains: [projector, lora]",
            "lora needs the key lora",
        ),
        ("patch_size: 16", "patch_size: 17", "17 does not divide image_size 96"),
        ("width: 96", "width: 100", "heads 6 does not divide width 100"),
        ("width: 128", "width: 132", "must be a multiple of twice its heads, 4"),
        ("drawn_from: 36000", "drawn_from: 600", "6000 cannot be drawn from .* 600"),
        ("learning_rate: 0.003", "learning_rate: 0", "should be greater than 0"),
        ("learning_rate: 0.003", "learning_rate: .inf", "should be less than 2147483648"),
        ("learning_rate: 0.003", "learning_rate: fast", "should be a valid number"),
        ("batch_size: 32", "batch_size: 0", "should be greater than or equal to 1"),
        ("seed: 0", "seed: -1", "'seed' in .* should be greater than or equal to 0"),
        ("name: libra-phantom", "name: ../elsewhere", "'name' in .* should match pattern"),
        ("name: connector", "name: a/b", r"'name' in stages\[1\].* should match pattern"),
        ("name: libra-phantom", "name: 2020-13-45", "cannot be read as YAML"),
    ],
)
def test_a_broken_recipe_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_recipe(written(tmp_path, old, new))


def test_a_learning_rate_may_be_written_without_a_point(tmp_path: Path) -> None:
    recipe = read_recipe(written(tmp_path, "learning_rate: 0.003", "learning_rate: 2e-5"))
    assert 2e-5 == recipe.stages[0].learning_rate


def test_what_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: a\nstages: [", "utf-8")
    with pytest.raises(InputError, match=r"recipe.yaml line \d cannot be read"):
        read_recipe(path)


def test_a_list_is_no_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("- 1", "utf-8")
    with pytest.raises(InputError, match="must hold an object"):
        read_recipe(path)
