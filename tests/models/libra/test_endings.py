"""A text ends where the template that was asked for says, whatever the folder's name."""

import json
from pathlib import Path
from typing import Any

import pytest

import models
from models.adapter import Request
from models.engines.engine import Decoding, GeneratedSequence
from models.errors import InputError
from models.libra.adapter import Libra
from models.libra.encoding import ImagePair
from models.libra.endings import Ending
from models.libra.reporter import LibraReporter, Question
from tests.models.libra.golden_models import case, copied, image, reporter

LLAMA_3_END = 478
NGRAM_3 = Decoding(no_repeat_ngram_size=3, max_new_tokens=24)


@pytest.fixture(scope="module")
def finetune(tmp_path_factory: pytest.TempPathFactory) -> LibraReporter:
    """The 3B under a name that chooses another template, and an end token it never writes."""
    folder = copied("full_3b", tmp_path_factory.mktemp("named"))
    folder = folder.rename(folder.with_name("my-finetune"))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": 1}))
    return models.load(folder, device="cpu", dtype="float32")


def asked(model: LibraReporter, template: str | None) -> Question:
    one = case("full_3b", "c3")
    now, *before = (model.preprocess(image(name)) for name in one["images"])
    pair = ImagePair(now, before[0] if before else None)
    return Question(pair, [("user", one["query"])], template=template)


def test_the_end_token_of_the_template_asked_for_ends_a_text(finetune: LibraReporter) -> None:
    assert "libra_v1" == finetune.template.name
    golden = case("full_3b", "c3")["generation"]["greedy_ngram3"]
    (found,) = finetune.reports([asked(finetune, "llama_3")], NGRAM_3)[0]
    assert LLAMA_3_END == golden["ids"][-1]
    assert golden["ids"] == found.token_ids
    assert golden["text"] == found.text
    assert "stop" == found.finish_reason
    assert golden["text"] == "".join(finetune.stream(asked(finetune, "llama_3"), NGRAM_3))


def test_the_adapter_s_template_ends_its_texts(finetune: LibraReporter) -> None:
    one = case("full_3b", "c3")
    model = Libra.from_settings(
        {
            "weights": str(finetune.checkpoint.folder),
            "template": "llama_3",
            "prompt": one["query"],
            "generation": {"no_repeat_ngram_size": 3, "max_new_tokens": 24},
            "device": "cpu",
        }
    )
    now, before = map(image, one["images"])
    request = Request("s1", now, before)
    (found,) = model.generate([request])
    assert one["generation"]["greedy_ngram3"]["text"] == found.text
    assert ("stop", 14) == (found.finish_reason, found.tokens)


@pytest.mark.parametrize("beams", [1, 3])
def test_questions_of_different_templates_share_a_batch(
    finetune: LibraReporter, beams: int
) -> None:
    questions = [asked(finetune, name) for name in ("llama_3", "libra_v1", "llama_3", None, "v0")]
    decoding = Decoding(num_beams=beams, no_repeat_ngram_size=3, max_new_tokens=24)
    alone = [finetune.reports([one], decoding)[0][0].token_ids for one in questions]
    together = [one[0].token_ids for one in finetune.reports(questions, decoding)]
    assert alone == together
    assert alone[0] == alone[2] != alone[1] == alone[3]


def test_a_template_that_no_name_chooses_ends_with_its_token(tmp_path: Path) -> None:
    folder = copied("full_3b", tmp_path)
    for file in folder.glob("*token*.json"):
        file.write_text(file.read_text("utf-8").replace("<|eot_id|>", "<|endoftext|>"))
    model = models.load(folder, device="cpu", dtype="float32")
    for name, token in {"libra_v1.5_phi4_finetune": LLAMA_3_END, "llama_3": None}.items():
        prepared, (ending,) = model._prepared([asked(model, name)])
        assert token == ending.token
        assert (() if token is None else (token,)) == prepared[0].stop_ids


@pytest.mark.parametrize(
    ("stop", "text", "shown"),
    [
        ("###", "No change.### Human: more", "No change."),
        ("###", "No change.\n###", "No change."),
        ("###", "No change. # ## #", "No change. # ## #"),
        ("\n", "No change.\nNext line\n", "No change."),
        ("</s>", "No change.</s> more", "No change."),
    ],
)
def test_a_stop_string_of_several_tokens_ends_a_text(stop: str, text: str, shown: str) -> None:
    model = reporter("full_3b")
    ids = model.tokenizer.tokenizer(text, add_special_tokens=False).input_ids
    ending = Ending(stop, model.tokenizer)
    assert ending.token is None
    length = ending.length(ids)
    assert shown == model.tokenizer.text(ids[:length], stop)
    assert (length is None) == (shown == text)
    assert not any(ending.is_reached(ids[:fewer]) for fewer in range(1, length or len(ids)))


def test_reports_end_at_a_stop_string_but_beams_do_not() -> None:
    model = reporter("full_3b")
    ids = model.tokenizer.tokenizer("Clear.### more", add_special_tokens=False).input_ids
    for beams, text in ((1, "Clear."), (2, "Clear.### more")):
        decoding = Decoding(num_beams=beams)
        engine: Any = model.engines.for_decoding(decoding)
        score = None if beams == 1 else -1.0
        engine.generate = lambda _prompts, _decoding, score=score: [
            [GeneratedSequence(ids, "length", score)]
        ]
        try:
            (found,) = model.reports([asked(model, "v0")], decoding)[0]
        finally:
            del engine.generate
        assert text == found.text
        assert ("stop" if beams == 1 else "length") == found.finish_reason


@pytest.mark.parametrize("value", [True, "2", 2.0, [2, True], [-1], {"a": 2}])
@pytest.mark.parametrize("name", ["generation_config.json", "config.json"])
def test_end_tokens_that_are_no_ids_are_refused(tmp_path: Path, value: object, name: str) -> None:
    folder = copied("full", tmp_path)
    (folder / "generation_config.json").unlink(missing_ok=True)
    file = folder / name
    content = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**content, "eos_token_id": value}))
    with pytest.raises(InputError, match="eos_token_id"):
        models.load(folder, device="cpu", dtype="float32")


def test_a_token_beyond_the_embeddings_is_refused_where_a_prompt_uses_it(tmp_path: Path) -> None:
    folder = copied("full_3b", tmp_path)
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text("utf-8"))
    content["added_tokens"].append({**content["added_tokens"][-1], "id": 480, "content": "<new>"})
    file.write_text(json.dumps(content))
    model = models.load(folder, device="cpu", dtype="float32")
    now = image(case("full_3b", "c3")["images"][0])
    assert 1 == len(model.report(now, prompt="What is new?", max_new_tokens=2))
    with pytest.raises(InputError, match=r"token '<new>', id 480 of the tokenizer in .*0 to 479"):
        model.report(now, prompt="What is <new>?", max_new_tokens=2)
