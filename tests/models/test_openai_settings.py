"""Options of an OpenAI-compatible model, its fingerprint, and what it leaves alone."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.adapter import Generation
from models.errors import InputError
from models.openai_compatible import OpenAICompatible
from tests.models.chat_server import Reply, Serve, completion, serve
from tests.models.openai_requests import CONTEXT, ask, folder, model_at, script

__all__ = ["folder", "serve"]


def test_the_fingerprint_covers_what_changes_the_text_and_nothing_else() -> None:
    first = model_at("http://h/v1").fingerprint()
    same = {
        "api_key_env": "K",
        "concurrency": 9,
        "timeout_s": 1.0,
        "max_retries": 1,
        "requests_per_minute": 1.0,
        "tokens_per_minute": 1.0,
        "price_per_million": {"input": 1.0, "output": 1.0},
    }
    assert first == model_at("http://h/v1", **same).fingerprint()
    others: list[dict[str, Any]] = [
        {"model": "n"},
        {"system": "x"},
        {"prompt": "x"},
        {"context": []},
        {"send_prior": False},
        {"images": {"max_side": 99}},
        {"generation": {"seed": 1}},
    ]
    for other in others:
        assert (
            first
            != OpenAICompatible.from_settings(
                {"endpoint": "http://h/v1", "model": "m", **other}
            ).fingerprint()
        ), other
    assert first != model_at("http://other/v1").fingerprint()
    json.dumps(first)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "localhost:8000/v1",
        "ftp://h/v1",
        "http://",
        "http://h:port/v1",
        "file:///etc",
        "http://[",
    ],
)
def test_what_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(InputError, match="is no address"):
        model_at(endpoint)


@pytest.mark.parametrize("endpoint", ["https://u:sesame@h/v1", "https://h/v1?key=sesame"])
def test_an_address_with_a_secret_is_refused_and_not_shown(endpoint: str) -> None:
    with pytest.raises(InputError, match="goes into the environment") as caught:
        model_at(endpoint)
    assert "sesame" not in str(caught.value)


def test_the_full_path_is_no_base_url() -> None:
    with pytest.raises(InputError, match="Leave /chat/completions out"):
        model_at("http://h/v1/chat/completions")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"max_retries": -1}, "max_retries"),
        ({"timeout_s": 0.0}, "timeout_s"),
        ({"requests_per_minute": -1.0}, "requests_per_minute"),
        ({"images": {"max_side": 1}}, "images.max_side"),
        ({"images": {"format": "bmp"}}, "'format' in images"),
        ({"generation": {"max_new_tokens": 0}}, "generation.max_new_tokens"),
        ({"generation": {"max_new_token": 3}}, "Did you mean 'max_new_tokens'"),
        ({"generation": {"extra": {"stream": True}}}, "'stream'"),
        ({"api_key": "sesame"}, "api_key_env"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        model_at("http://h/v1", **options)


def test_nothing_that_is_logged_holds_a_text(
    serve: Serve, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(script(Reply(500, CONTEXT.encode()), completion("Giraffes.")))
    model_at(server).generate([ask(folder, context={"indication": CONTEXT})])
    assert 2 == len(server.received)
    assert "Zebra" not in caplog.text
    assert "Giraffes" not in caplog.text


def test_a_notebook_with_a_running_loop_can_generate(serve: Serve, folder: Path) -> None:
    server = serve(completion("a"))

    async def cell() -> list[Generation]:
        return model_at(server).generate([ask(folder)])

    assert "a" == asyncio.run(cell())[0].text


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(completion("proxied"))
    server = serve(completion("direct"))
    monkeypatch.setenv("HTTP_PROXY", proxy.endpoint)
    monkeypatch.setenv("http_proxy", proxy.endpoint)
    assert "direct" == model_at(server).generate([ask(folder)])[0].text
    assert [] == proxy.received


def test_importing_the_adapter_loads_no_http_client() -> None:
    code = (
        "import sys, models.openai_compatible;"
        "print('httpx2' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False False" == done.stdout.strip()


def test_the_endpoint_is_what_data_are_sent_to() -> None:
    assert "https://api.example.org/v1" == model_at("https://api.example.org/v1").endpoint()
    assert "CXR_TEST_KEY" not in os.environ
