"""An OpenAI-compatible endpoint that fails: what passes, what costs a sample, what ends the run."""

import json
import socket
import threading
import time
from pathlib import Path

import pytest

from models.adapter import FAILED, Request
from models.errors import InputError, MissingError
from tests.models.chat_server import Received, Reply, Serve, completion, serve
from tests.models.openai_requests import CONTEXT, ask, folder, grey, model_at, script

__all__ = ["folder", "serve"]


def test_a_rate_limit_is_waited_out_as_long_as_the_endpoint_says(
    serve: Serve, folder: Path
) -> None:
    server = serve(script(Reply(429, headers={"Retry-After": "1"}), completion("late")))
    begun = time.monotonic()
    (answer,) = model_at(server).generate([ask(folder)])
    assert "late" == answer.text
    assert time.monotonic() - begun >= 1.0


@pytest.mark.parametrize("status", [408, 500, 502, 503, 529])
def test_a_passing_failure_is_tried_again(status: int, serve: Serve, folder: Path) -> None:
    server = serve(script(Reply(status), completion("second")))
    assert "second" == model_at(server).generate([ask(folder)])[0].text
    assert 2 == len(server.received)


def test_a_lasting_failure_is_an_error_of_its_sample_only(serve: Serve, folder: Path) -> None:
    def reply(request: Received, number: int) -> Reply:
        return Reply(503) if grey(request.images[0]) == 50 else completion("fine")

    server = serve(reply)
    good, bad = model_at(server, max_retries=1).generate([ask(folder, 2), ask(folder, 1)])
    assert "fine" == good.text
    assert ("", FAILED) == (bad.text, bad.finish_reason)
    assert f"{server.endpoint[:-3]} answers HTTP 503." == bad.error
    assert 3 == len(server.received)


def test_an_answer_that_takes_too_long_is_an_error_of_its_sample(
    serve: Serve, folder: Path
) -> None:
    server = serve(Reply(body=completion("a").body, delay_s=2.0))
    begun = time.monotonic()
    (answer,) = model_at(server, timeout_s=0.1, max_retries=1).generate([ask(folder)])
    assert FAILED == answer.finish_reason
    assert "did not answer within 0.1 s (timeout_s)" in str(answer.error)
    assert 2 == len(server.received)
    assert time.monotonic() - begun < 2.0


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": 3}]}']
)
def test_an_answer_that_is_no_completion_is_not_asked_for_again(
    body: bytes, serve: Serve, folder: Path
) -> None:
    server = serve(Reply(body=body))
    (answer,) = model_at(server).generate([ask(folder)])
    assert "no chat completion" in str(answer.error)
    assert 1 == len(server.received)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_ends_the_run_and_names_its_variable(
    status: int, serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_TEST_KEY", "sesame-4711")
    server = serve(Reply(status, b'{"error": {"message": "sesame-4711", "code": "invalid_key"}}'))
    with pytest.raises(InputError, match=rf"HTTP {status} \(invalid_key\).*CXR_TEST_KEY") as caught:
        model_at(server, api_key_env="CXR_TEST_KEY").generate([ask(folder)])
    assert "sesame" not in str(caught.value)
    assert "Bearer sesame-4711" == server.received[0].headers["authorization"]


def test_a_wanted_key_that_nobody_named_is_asked_for(serve: Serve, folder: Path) -> None:
    server = serve(Reply(401))
    with pytest.raises(InputError, match="api_key_env"):
        model_at(server).generate([ask(folder)])
    assert "authorization" not in server.received[0].headers


def test_a_key_that_is_not_set_is_missing_before_anything_is_sent(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXR_TEST_KEY", raising=False)
    server = serve(completion("a"))
    adapter = model_at(server, api_key_env="CXR_TEST_KEY")
    with pytest.raises(MissingError, match="export CXR_TEST_KEY"):
        adapter.check()
    with pytest.raises(MissingError, match="CXR_TEST_KEY"):
        adapter.generate([ask(folder)])
    assert [] == server.received


def test_an_unknown_model_ends_the_run(serve: Serve, folder: Path) -> None:
    server = serve(Reply(404, b'{"error": {"code": "model_not_found"}}'))
    with pytest.raises(InputError, match="no model 'm'"):
        model_at(server).generate([ask(folder)])


def test_an_empty_account_ends_the_run(serve: Serve, folder: Path) -> None:
    server = serve(Reply(429, b'{"error": {"code": "insufficient_quota"}}'))
    with pytest.raises(InputError, match="wants payment"):
        model_at(server).generate([ask(folder)])
    assert 1 == len(server.received)


def test_a_refused_request_is_an_error_that_does_not_quote_it(serve: Serve, folder: Path) -> None:
    said = {"message": f"bad: {CONTEXT}", "type": "BadRequestError", "param": CONTEXT, "code": 400}
    server = serve(Reply(400, json.dumps(said).encode()))
    request = ask(folder, context={"indication": CONTEXT})
    (answer,) = model_at(server).generate([request])
    assert "HTTP 400 (BadRequestError)" in str(answer.error)
    assert "Zebra" not in str(answer.error)
    assert 1 == len(server.received)


def test_a_wait_of_hours_ends_the_run(serve: Serve, folder: Path) -> None:
    server = serve(Reply(429, headers={"Retry-After": "7200"}))
    with pytest.raises(MissingError, match="7,200 s"):
        model_at(server).generate([ask(folder)])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused(status: int, serve: Serve, folder: Path) -> None:
    other = serve(completion("stolen"))
    server = serve(Reply(status, headers={"Location": f"{other.endpoint}/chat/completions"}))
    with pytest.raises(InputError, match=f"sends requests on to {other.endpoint[:-3]}"):
        model_at(server).generate([ask(folder)])
    assert [] == other.received


def test_a_server_that_is_not_there_is_missing(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        adapter = model_at(endpoint, max_retries=0)
        with pytest.raises(MissingError, match="cannot be reached"):
            adapter.generate([ask(folder), ask(folder)])


def test_a_broken_connection_is_tried_again(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        adapter = model_at(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", max_retries=0)

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(1)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        (answer,) = adapter.generate([ask(folder)])
        thread.join()
    assert "The connection to" in str(answer.error)


def test_an_unreadable_image_is_an_error_of_its_sample_and_nothing_is_sent(
    serve: Serve, folder: Path
) -> None:
    (folder / "bad.png").write_bytes(b"no image at all")
    server = serve(completion("fine"))
    bad, missing, none, good = model_at(server).generate(
        [
            Request("a", folder / "bad.png"),
            Request("b", folder / "1.png", folder / "gone.png"),
            Request("c"),
            ask(folder),
        ]
    )
    assert "fine" == good.text
    assert [FAILED] * 3 == [one.finish_reason for one in (bad, missing, none)]
    assert "bad.png" in str(bad.error)
    assert "gone.png" in str(missing.error)
    assert "no current image" in str(none.error)
    assert 1 == len(server.received)
