import asyncio
import logging
import socket
from typing import Any

import pytest

from metrics.errors import InputError, MissingError
from metrics.judges.asking import Unanswered
from metrics.judges.chat import ChatEndpoint
from metrics.judges.settings import JudgeSettings
from tests.models.chat_server import ChatServer, Received, Reply, Serve, completion

CHAT = [{"role": "system", "content": "Judge."}, {"role": "user", "content": "zebra"}]


def ask(server: ChatServer | str, chats: int = 1, attempt: int = 0, **more: Any) -> list[Any]:
    endpoint = server if isinstance(server, str) else server.endpoint
    settings = JudgeSettings("m", endpoint, **more)
    return ChatEndpoint(settings, endpoint).ask([CHAT] * chats, attempt, json=True)


def test_a_request_holds_the_model_the_messages_and_how_to_decode(serve: Serve) -> None:
    server = serve(completion("yes"))
    assert ["yes"] == ask(server, max_new_tokens=7)
    expected = {
        "model": "m",
        "messages": CHAT,
        "max_tokens": 7,
        "temperature": 0.0,
        "seed": 42,
        "response_format": {"type": "json_object"},
    }
    assert expected == server.received[0].body
    assert "/v1/chat/completions" == server.received[0].path


def test_a_second_attempt_samples_with_another_seed(serve: Serve) -> None:
    server = serve(completion("yes"))
    ask(server, attempt=1)
    body = server.received[0].body
    assert (0.7, 43) == (body["temperature"], body["seed"])


def test_what_an_endpoint_does_not_take_can_be_left_out(serve: Serve) -> None:
    server = serve(completion("yes"))
    options: dict[str, Any] = {"temperature": None, "seed": None, "json_mode": False}
    ask(server, limit_field="max_completion_tokens", attempt=2, **options)
    assert {"model", "messages", "max_completion_tokens"} == set(server.received[0].body)


def test_answers_come_in_the_order_of_the_questions(serve: Serve) -> None:
    def reply(request: Received, number: int) -> Reply:
        text = request.body["messages"][0]["content"]
        return Reply(body=completion(text).body, delay_s=0.1 if text == "0" else 0.0)

    server = serve(reply)
    settings = JudgeSettings("m", server.endpoint, concurrency=2)
    chats = [[{"role": "user", "content": str(i)}] for i in range(5)]
    answers = ChatEndpoint(settings, server.endpoint).ask(chats, 0, json=False)
    assert ["0", "1", "2", "3", "4"] == answers
    assert 2 == server.most_at_once


def test_the_key_goes_to_the_endpoint_and_nowhere_else(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", "sesame")
    server = serve(Reply(400, b'{"error": {"message": "sesame zebra"}}'))
    with caplog.at_level(logging.DEBUG):
        [answer] = ask(server, api_key_env="MY_KEY")
    assert "Bearer sesame" == server.received[0].headers["authorization"]
    assert "HTTP 400" in answer.problem
    assert "sesame" not in caplog.text + answer.problem
    assert "zebra" not in answer.problem


def test_a_key_that_is_not_set_is_missing(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(MissingError, match="MY_KEY"):
        ask(serve(completion("yes")), api_key_env="MY_KEY")


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_failure_that_may_pass_is_tried_again(serve: Serve, status: int) -> None:
    server = serve(lambda _, number: completion("yes") if number else Reply(status))
    assert ["yes"] == ask(server)
    assert 2 == len(server.received)


def test_retry_after_is_honoured_or_ends_the_run(serve: Serve) -> None:
    server = serve(lambda _, n: completion("yes") if n else Reply(429, b"", {"Retry-After": "1"}))
    assert ["yes"] == ask(server)
    slow = serve(Reply(429, b"", {"Retry-After": "4000"}))
    with pytest.raises(MissingError, match="asks to wait 4,000 s"):
        ask(slow)


def test_a_question_that_fails_to_the_end_has_no_answer(serve: Serve) -> None:
    server = serve(Reply(500))
    assert [Unanswered(f"{server.endpoint[:-3]} answers HTTP 500.")] == ask(server, max_retries=1)
    assert 2 == len(server.received)


def test_a_slow_answer_is_given_up(serve: Serve) -> None:
    server = serve(Reply(body=completion("yes").body, delay_s=1.0))
    [answer] = ask(server, timeout_s=0.1, max_retries=0)
    assert "did not answer within 0.1 s" in answer.problem


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "does not let us in"), (402, "wants payment"), (404, "no model 'm'"), (307, "sends")],
)
def test_what_no_request_can_change_ends_the_run(serve: Serve, status: int, words: str) -> None:
    server = serve(Reply(status, b"", {"Location": "http://127.0.0.1:9/v1"}))
    with pytest.raises(InputError, match=words):
        ask(server, chats=3, concurrency=1)
    assert 1 == len(server.received)


@pytest.mark.parametrize(
    "body",
    [
        b"not JSON",
        b"[]",
        b'{"choices": []}',
        completion(None).body,
        completion("", "content_filter").body,
        b'{"choices": [{"message": {"content": "x", "refusal": "I will not"}}]}',
    ],
)
def test_what_is_no_answer_is_told(serve: Serve, body: bytes) -> None:
    [answer] = ask(serve(Reply(body=body)))
    assert isinstance(answer, Unanswered)
    assert "I will not" not in answer.problem


def test_a_server_that_is_not_there_is_missing() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        with pytest.raises(MissingError, match=r"cannot be reached\. Start the server"):
            ask(endpoint, chats=2, max_retries=0)


def test_a_judge_can_be_asked_from_a_notebook(serve: Serve) -> None:
    server = serve(completion("yes"))

    async def cell() -> list[Any]:
        return ask(server)

    assert ["yes"] == asyncio.run(cell())


@pytest.mark.parametrize(
    "endpoint", ["host/v1", "ftp://host/v1", "https://me:pw@host/v1", "https://host/v1?key=k",
                 "https://host/v1/chat/completions", "http://host:99999/v1"]
)  # fmt: skip
def test_an_address_that_is_no_base_url_is_refused(endpoint: str) -> None:
    with pytest.raises(InputError, match="endpoint") as refused:
        JudgeSettings("m", endpoint)
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"concurrency": 0},
        {"second_tries": -1},
        {"temperature": -0.1},
        {"timeout_s": 0},
        {"limit_field": "tokens"},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="judge"):
        JudgeSettings(**{"model": "m", **wrong})
