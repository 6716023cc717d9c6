from __future__ import annotations

import json
import lzma
import random
import struct
from importlib import import_module
from pathlib import Path
from typing import Any

import nltk
import pytest

import metrics
from metrics.tokens.porter import stem
from metrics.tokens.wordnet import synonyms

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "meteor_synonyms.json").read_text("utf-8")
)["synonyms"]
RESOURCES = Path(metrics.__file__).parent / "resources"


@pytest.mark.parametrize("form", GOLDEN)
def test_synonyms_equal_nltks(form: str) -> None:
    assert GOLDEN[form] == sorted(synonyms(form))


def test_irregular_forms_whose_base_is_a_phrase_find_its_synonyms() -> None:
    assert {"comics", "comic", "comedian", "strip", "funnies"} == synonyms("comics")
    assert {"bases-on-balls", "walk", "pass"} == synonyms("bases-on-balls")


def test_a_word_that_wordnet_lacks_is_its_only_synonym() -> None:
    for word in ("effus", "", "_", " n", "é", "\n", "1.5"):
        assert word in synonyms(word)
    assert {"effus"} == synonyms("effus")


def test_names_keep_their_capitals() -> None:
    assert "Polish" in synonyms("polish")
    assert "Dr." in synonyms("dr.")


def test_tables_are_small_and_their_licence_lies_beside_them() -> None:
    assert 700_000 > sum(path.stat().st_size for path in RESOURCES.glob("*.xz"))
    notice = (RESOURCES / "LICENSES.md").read_text("utf-8")
    assert "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved." in notice


@pytest.fixture(scope="module")
def official() -> Any:
    reader = import_module("nltk.corpus").wordnet
    try:
        reader.ensure_loaded()
    except LookupError:
        pytest.fail("NLTK's WordNet 3.0 is not in nltk_data: `python -m nltk.downloader wordnet`")
    return reader


@pytest.mark.reference
def test_synonyms_equal_nltks_on_every_lemma_irregular_form_and_stem(official: Any) -> None:
    forms = set(official.all_lemma_names())
    for part in "nvar":
        forms |= set(official._exception_map[part])
    generator = random.Random(0)
    ordered = sorted(forms)
    endings = ["s", "es", "ies", "ing", "ed", "er", "est", "men", "ves", "zes", "shes"]
    invented = {
        generator.choice(ordered)[: -generator.randint(0, 2) or None] + generator.choice(endings)
        for _ in range(20_000)
    }
    for form in sorted(forms | invented | {stem(form) for form in forms}):
        lemmas = (lemma.name() for synset in official.synsets(form) for lemma in synset.lemmas())
        assert {name for name in lemmas if "_" not in name} | {form} == synonyms(form)


@pytest.mark.reference
def test_the_builder_makes_the_bundled_tables(official: Any) -> None:
    path = Path(__file__).parents[2] / "tools" / "build_wordnet_table.py"
    spec = import_module("importlib.util").spec_from_file_location("build_wordnet_table", path)
    builder = import_module("importlib.util").module_from_spec(spec)
    spec.loader.exec_module(builder)
    source = Path(str(nltk.data.find("corpora/wordnet")))
    for name, sections in zip(("words", "phrases"), builder.build(source), strict=True):
        content = lzma.decompress((RESOURCES / f"wordnet_{name}.xz").read_bytes())
        head = struct.pack(f"<{len(sections)}I", *map(len, sections))
        assert head + b"".join(sections) == content
