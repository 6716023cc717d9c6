from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from metrics._green import GreenStyle
from metrics.errors import InputError
from metrics.judges import JudgeSettings
from metrics.judges.asking import Unanswered
from metrics.judges.green import render_green_chat
from metrics.judges.local import LocalModel
from tests.models.random_models import language_model

TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a random model of 256 bytes and three marks, which begins texts with <s>."""
    path = tmp_path_factory.mktemp("judge")
    words = ["<unk>", "<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    made = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, [], unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(path)
    model = language_model("Llama", vocab_size=len(words), pad_token_id=None)
    model.save_pretrained(path)
    return path


def local(folder: Path, green: bool = False, **more: Any) -> LocalModel:
    return LocalModel(folder, JudgeSettings(str(folder), max_new_tokens=12, **more), green)


def chat(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def expected(model: LocalModel, text: str, special: bool) -> str:
    ids = model._tokenizer(text, add_special_tokens=special, return_tensors="pt")
    written = model._model.generate(**ids, max_new_tokens=12, do_sample=False, pad_token_id=2)
    answer = written[0, ids["input_ids"].shape[1] :]
    return str(model._tokenizer.decode(answer, skip_special_tokens=True))


def test_answers_are_greedy_and_follow_the_chat_template(folder: Path) -> None:
    model = local(folder)
    [answer] = model.ask([chat("lungs")], 0, json=False)
    assert expected(model, "user: lungs\nassistant:", special=False) == answer


def test_a_green_model_is_asked_in_its_own_form(folder: Path) -> None:
    model = local(folder, green=True)
    [answer] = model.ask([chat("lungs")], 0, json=False)
    assert expected(model, render_green_chat("lungs", "</s>"), special=True) == answer


def test_batches_answer_as_single_questions_do(folder: Path) -> None:
    chats = [chat("x" * n) for n in (9, 1, 30, 4, 17)]
    alone = local(folder).ask(chats, 0, json=False)
    assert alone == local(folder, batch_size=3).ask(chats, 0, json=False)
    assert len(set(alone)) > 1


def test_a_second_attempt_is_sampled_and_repeatable(folder: Path) -> None:
    model = local(folder)
    state = torch.random.get_rng_state()
    first, second, again = (model.ask([chat("lungs")], n, json=False) for n in (0, 1, 1))
    assert second == again
    assert first != second
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_prompt_that_is_too_long_has_no_answer(folder: Path) -> None:
    long, short = local(folder).ask([chat("x" * 300), chat("x")], 0, json=False)
    assert Unanswered("The prompt is longer than the judge's 256 tokens.") == long
    assert isinstance(short, str)


def test_a_model_without_a_chat_template_is_refused(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        if file.name != "chat_template.jinja":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(InputError, match="no chat template"):
        local(tmp_path)
    assert local(tmp_path, green=True).ask([], 0, json=False) == []


def test_a_damaged_model_is_an_input_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be loaded"):
        local(tmp_path)
    with pytest.raises(InputError, match="dtype"):
        local(folder, dtype="int8")


def test_a_model_that_knows_nothing_gives_errors_and_no_score(folder: Path) -> None:
    # a chat template and our wording are longer than its 256 tokens
    metric = GreenStyle(JudgeSettings(str(folder)))
    assert 1.0 == metric.score(["clear"], ["clear"])["green_style_errors"]
    assert "|judge:sha256-" in metric.signature
