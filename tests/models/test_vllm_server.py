"""The OpenAI-compatible adapter against a vLLM server of a small Idefics 3 (`make test-vllm`).

Idefics 3, since vLLM reads its images without torchvision.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers import (
    AutoTokenizer,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    LlamaConfig,
)

from models.adapter import Request
from models.errors import InputError
from models.openai_compatible import OpenAICompatible
from models.vision_language import VisionLanguage
from tests.models.random_models import randomised
from tests.models.tiny_vision_models import save_llava

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(find_spec("vllm") is None, reason="needs vLLM (make install-vllm)"),
    pytest.mark.filterwarnings("ignore"),
]

IMAGES = Path(__file__).parents[1] / "golden" / "libra_e2e" / "images"
MARKS = ["<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>"]


@pytest.fixture(scope="module")
def idefics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model with heads of 32, of 4 tokens an image."""
    root = tmp_path_factory.mktemp("idefics")
    tokenizer = AutoTokenizer.from_pretrained(save_llava(root / "llava"))
    tokenizer.add_special_tokens({"additional_special_tokens": MARKS})
    side = {"longest_edge": 32}
    processor = Idefics3Processor(
        image_processor=Idefics3ImageProcessorPil(
            size=side, max_image_size=side, do_image_splitting=False
        ),
        tokenizer=tokenizer,
        image_seq_len=4,
        chat_template=tokenizer.chat_template
        or (root / "llava" / "chat_template.jinja").read_text(),
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    vision = {
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    image = tokenizer.convert_tokens_to_ids("<image>")
    model = Idefics3ForConditionalGeneration(
        Idefics3Config(
            vision_config=vision,
            text_config=text,
            image_token_id=image,
            pad_token_id=0,
            tie_word_embeddings=False,
        )
    )
    randomised(model, 0.3, 0)
    model.save_pretrained(root / "model")
    processor.save_pretrained(root / "model")
    return root / "model"


@pytest.fixture(scope="module")
def server(idefics: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running server; its log is shown if it does not start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(idefics), "--served-model-name", "tiny", "--dtype", "float32"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--enforce-eager"]
    command += ["--limit-mm-per-prompt", '{"image": 2}', "--max-model-len", "1024"]
    settings = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        # Set for the engine inside this process by other tests; a server is two processes.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "1",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **settings}
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + 240
    while time.monotonic() < limit and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.5)
    pytest.fail(log.read_text()[-4000:])


def test_the_server_answers_what_the_same_model_answers_here(server: str, idefics: Path) -> None:
    requests = [
        Request(
            "s1", IMAGES / "cur_a.png", IMAGES / "prior_a.png", context={"indication": "Cough."}
        ),
        Request("s2", IMAGES / "cur_wide.png"),
        Request("s3", IMAGES / "cur_rgb.png", IMAGES / "prior_tall.png"),
        Request("s4", IMAGES / "cur_small.png", prior="dummy"),
    ]
    generation = {"max_new_tokens": 16}
    remote = OpenAICompatible.from_settings(
        {"endpoint": server, "model": "tiny", "generation": generation}
    )
    here = VisionLanguage.from_settings(
        {"weights": str(idefics), "dtype": "float32", "generation": generation}
    )
    found = remote.generate(requests)
    expected = here.generate(requests)
    assert [None] * 4 == [answer.error for answer in found]
    # The server leaves out a last character whose bytes are not all there.
    assert [answer.text.rstrip("\ufffd") for answer in expected] == [
        answer.text.rstrip("\ufffd") for answer in found
    ]
    assert 4 == len({answer.text for answer in found})
    assert [answer.tokens for answer in expected] == [answer.tokens for answer in found]
    figures = remote.figures()
    assert (7, sum(answer.tokens or 0 for answer in found)) == (figures.images, figures.tokens)


def test_a_model_that_the_server_does_not_have_is_an_error(server: str) -> None:
    remote = OpenAICompatible.from_settings({"endpoint": server, "model": "other"})
    with pytest.raises(InputError, match="404"):
        remote.generate([Request("s1", IMAGES / "cur_a.png")])
