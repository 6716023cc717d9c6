"""Where weights are looked for, what they are called in signatures, and what is said without."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from metrics.errors import InputError, MissingError
from metrics.weights import (
    WEIGHTS,
    absent_packages,
    find,
    locate,
    refuse_absent,
    sha256,
    sign,
    verify,
)
from metrics.weights.hashes import hash_weights
from tests.metrics.weights.test_importing import ARCHIVE, BERT, CHEXBERT, ENCODER, NER


@pytest.fixture
def radgraph(weights_folder: Path) -> Path:
    weights_folder.mkdir()
    return shutil.copy(ARCHIVE, weights_folder / "radgraph.tar.gz")


def _in_hub(hub: Path, repository: str, folder: Path) -> Path:
    home = hub / f"models--{repository.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("abc")
    return Path(shutil.copytree(folder, home / "snapshots" / "abc"))


def test_each_row_can_be_downloaded_and_says_what_it_unlocks() -> None:
    assert 13 == len(WEIGHTS)
    for name, row in WEIGHTS.items():
        assert name == row.name
        assert row.page.startswith("https://huggingface.co/")
        assert row.download.startswith("hf download ")
        assert row.licence
        assert row.unlocks


def test_the_weights_folder_comes_before_the_hubs_cache(
    tmp_path: Path, weights_folder: Path
) -> None:
    assert find("rate-ner") is None
    in_hub = _in_hub(tmp_path / "hub", WEIGHTS["rate-ner"].hub, NER)
    assert in_hub == find("rate-ner")
    shutil.copytree(NER, weights_folder / "rate-ner")
    assert weights_folder / "rate-ner" == find("rate-ner")


def test_official_packages_places_count(tmp_path: Path) -> None:
    kept = tmp_path / "home" / ".cache" / "chexbert"
    kept.mkdir(parents=True)
    shutil.copy(CHEXBERT, kept)
    assert kept / "chexbert.pth" == find("chexbert")


@pytest.mark.parametrize("lacks", ["config.json", "tokenizer.json", "model.safetensors"])
def test_half_a_download_does_not_count(lacks: str, tmp_path: Path) -> None:
    (_in_hub(tmp_path / "hub", WEIGHTS["rate-ner"].hub, NER) / lacks).unlink()
    assert find("rate-ner") is None


def test_the_encoder_that_an_archive_names_may_lie_beside_it(radgraph: Path) -> None:
    assert find("pubmedbert") is None
    named = shutil.copytree(ENCODER, radgraph.parent / "tiny-encoder")
    assert named == find("pubmedbert")
    assert ["ok"] == [found.state for found in verify(["radgraph"])]


def test_the_encoder_that_an_archive_names_may_be_in_the_hubs_cache(
    radgraph: Path, tmp_path: Path
) -> None:
    named = _in_hub(tmp_path / "hub", "tiny-encoder", ENCODER)
    assert named == find("pubmedbert")


def test_chexberts_encoder_may_lie_beside_it(weights_folder: Path) -> None:
    weights_folder.mkdir()
    shutil.copy(CHEXBERT, weights_folder)
    named = shutil.copytree(BERT, weights_folder / "bert-base-uncased")
    assert named == find("bert-base")


def test_a_broken_archive_names_no_encoder(radgraph: Path) -> None:
    radgraph.write_bytes(b"no archive")
    assert find("pubmedbert") is None
    assert ["broken"] == [found.state for found in verify(["radgraph"])]


def test_a_missing_weight_is_named_with_the_command_that_gets_it() -> None:
    with pytest.raises(MissingError, match=r"hf download StanfordAIMI/RRG_scorers chexbert\.pth"):
        locate("chexbert")
    with pytest.raises(MissingError, match=r"not on this machine: radgraph, pubmedbert\."):
        refuse_absent(["radgraph", "pubmedbert"])
    with pytest.raises(InputError, match="Unknown weights"):
        find("nothing")
    refuse_absent([])


def test_missing_packages_are_named_with_the_command_that_gets_them(
    monkeypatch: pytest.MonkeyPatch, radgraph: Path
) -> None:
    monkeypatch.setattr("metrics.weights.needs._PACKAGES", ("torch", "no_such_package"))
    assert ["no_such_package"] == absent_packages()
    with pytest.raises(MissingError, match=r'no_such_package.*pip install "cxr-harness\[models\]"'):
        refuse_absent(["radgraph"])
    refuse_absent([])


def test_a_signature_has_the_hash_of_what_is_here(radgraph: Path) -> None:
    digest = sha256("radgraph")
    assert f"radgraph@{digest}+chexbert@absent" == sign(["radgraph", "chexbert"])
    facts = radgraph.stat()
    content = bytearray(radgraph.read_bytes())
    content[-1] ^= 1
    radgraph.write_bytes(content)
    os.utime(radgraph, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert digest != sha256("radgraph")


def test_what_else_lies_in_a_folder_does_not_change_its_hash(weights_folder: Path) -> None:
    folder = shutil.copytree(NER, weights_folder / "rate-ner")
    digest = sha256("rate-ner")
    (folder / "README.md").touch()
    (folder / "pytorch_model.bin").touch()
    assert digest == sha256("rate-ner")
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    assert digest != sha256("rate-ner")


@pytest.mark.parametrize("content", ["", "[]", "no json", '{"a": 1}'])
def test_a_damaged_memory_of_hashes_is_begun_again(
    content: str, radgraph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = sha256("radgraph")
    monkeypatch.setattr("metrics.weights.hashes._KNOWN", {})
    (radgraph.parent / "hashes.json").write_text(content)
    assert digest == sha256("radgraph")


def test_verify_says_which_are_missing_broken_or_waiting(radgraph: Path) -> None:
    shutil.copy(CHEXBERT, radgraph.parent)
    shutil.copytree(ENCODER, radgraph.parent / "bert-base")
    found = {one.name: one for one in verify()}
    assert set(WEIGHTS) == set(found)
    assert "ok" == found["radgraph"].state
    assert "not loaded: pubmedbert is not here" in found["radgraph"].detail
    assert "broken" == found["chexbert"].state
    assert "do not fit the model" in found["chexbert"].detail
    assert "missing" == found["biolord"].state


def test_the_recipe_for_a_cluster_brings_all_files_that_count(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "weights.md").read_text("utf-8")
    [recipe] = [line for line in page.splitlines() if line.endswith("bundle/bert-base")]
    patterns = re.findall(r'--include "([^"]+)"', recipe)
    whole = shutil.copytree(BERT, tmp_path / "whole")
    for name in ("tokenizer_config.json", "special_tokens_map.json", "merges.txt"):
        (whole / name).write_text("{}")
    for name in ("README.md", "pytorch_model.bin", "model.safetensors"):
        (whole / name).touch()
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for file in whole.iterdir():
        if any(file.match(pattern) for pattern in patterns):
            shutil.copy(file, bundle)
    assert hash_weights(WEIGHTS["bert-base"], whole) == hash_weights(WEIGHTS["bert-base"], bundle)


@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_hashes_can_be_read_by_whom_the_umask_says(
    mask: int, expected: int, radgraph: Path
) -> None:
    before = os.umask(mask)
    try:
        sha256("radgraph")
    finally:
        os.umask(before)
    assert expected == (radgraph.parent / "hashes.json").stat().st_mode & 0o777
