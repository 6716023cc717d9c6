import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from models.adapter import FAILED, Generation, Request
from models.api.pace import Pace, requested_wait, wait_before
from models.errors import InputError, MissingError
from models.openai_compatible import OpenAICompatible
from tests.models.chat_server import ChatServer, Received, Reply, completion

Serve = Callable[..., ChatServer]
CONTEXT = "Zebra stripes since Tuesday"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a server; a plain reply is given to every request."""
    with ExitStack() as stack:

        def start(reply: Reply | Callable[[Received, int], Reply]) -> ChatServer:
            answer = reply if callable(reply) else lambda request, number: reply
            return stack.enter_context(ChatServer(answer).running())

        yield start


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with four images, each of one grey level."""
    for i in range(4):
        Image.fromarray(np.full((40, 30), 50 * i, np.uint8)).save(tmp_path / f"{i}.png")
    return tmp_path


def _adapter(server: ChatServer | str, **options: Any) -> OpenAICompatible:
    endpoint = server if isinstance(server, str) else server.endpoint
    return OpenAICompatible.from_settings({"endpoint": endpoint, "model": "m", **options})


def _ask(folder: Path, current: int = 1, earlier: int | None = None, **more: Any) -> Request:
    image = None if earlier is None else folder / f"{earlier}.png"
    return Request(f"s{current}", folder / f"{current}.png", image, **more)


def _script(*replies: Reply) -> Callable[[Received, int], Reply]:
    return lambda request, number: replies[min(number, len(replies) - 1)]


def _grey(image: Image.Image) -> int:
    return int(np.asarray(image.convert("L")).mean())


def test_an_answer_comes_back_with_its_tokens_and_the_prompt(serve: Serve, folder: Path) -> None:
    server = serve(completion(" No effusion.\n"))
    (answer,) = _adapter(server).generate([_ask(folder, context={"indication": CONTEXT})])
    asked = (
        "The image is the current chest radiograph. There is no prior chest radiograph.\n"
        "Provide a detailed description of the findings in the radiology image. Following "
        f"clinical context: Indication: {CONTEXT}"
    )
    assert Generation("No effusion.", "stop", 7, prompt=asked) == answer
    (request,) = server.received
    assert "/v1/chat/completions" == request.path
    assert asked == request.text
    assert {"model": "m", "temperature": 0.0, "max_tokens": 1024, "seed": 0} == {
        name: value for name, value in request.body.items() if name != "messages"
    }
    assert ["user"] == [message["role"] for message in request.body["messages"]]


def test_every_setting_of_the_generation_is_sent(serve: Serve, folder: Path) -> None:
    server = serve(completion("a"))
    generation = {
        "temperature": None,
        "top_p": 0.5,
        "max_new_tokens": 9,
        "seed": None,
        "stop": ["END"],
        "limit_field": "max_completion_tokens",
        "extra": {"top_k": 3},
    }
    adapter = _adapter(server, generation=generation, system="Be brief.", images={"detail": "low"})
    adapter.generate([_ask(folder)])
    (request,) = server.received
    assert {
        "model": "m",
        "top_p": 0.5,
        "max_completion_tokens": 9,
        "stop": ["END"],
        "top_k": 3,
    } == {name: value for name, value in request.body.items() if name != "messages"}
    assert {"role": "system", "content": "Be brief."} == request.body["messages"][0]
    assert "low" == request.parts[0]["image_url"]["detail"]


@pytest.mark.parametrize(
    ("mode", "prior", "shown", "said"),
    [
        ("real", 2, [50, 100], "The second image is the prior"),
        ("real", None, [50], "There is no prior"),
        ("shuffled", 3, [50, 150], "The second image is the prior"),
        ("dummy", None, [50, 50], "The second image is the prior"),
        ("none", None, [50], "There is no prior"),
    ],
)
def test_each_prior_mode_shows_its_images_and_says_which_is_which(
    mode: Any, prior: int | None, shown: list[int], said: str, serve: Serve, folder: Path
) -> None:
    server = serve(completion("a"))
    _adapter(server).generate([_ask(folder, 1, prior, prior=mode)])
    assert shown == [_grey(image) for image in server.received[0].images]
    assert said in server.received[0].text


def test_without_send_prior_nothing_is_shown_or_said_of_it(serve: Serve, folder: Path) -> None:
    server = serve(completion("a"))
    adapter = _adapter(server, send_prior=False, prompt="Describe.", context=[])
    adapter.generate([_ask(folder, 1, 2, context={"indication": CONTEXT})])
    assert "Describe." == server.received[0].text
    assert [50] == [_grey(image) for image in server.received[0].images]


def test_a_question_is_asked_as_it_stands(serve: Serve, folder: Path) -> None:
    server = serve(completion("Yes"))
    request = _ask(folder, question="Is this a PA view?", context={"indication": CONTEXT})
    _adapter(server, prompt="Describe.").generate([request])
    assert "Is this a PA view?" == server.received[0].text


@pytest.mark.parametrize(("kind", "magic"), [("png", "PNG"), ("jpeg", "JPEG")])
def test_only_pixels_leave(kind: str, magic: str, serve: Serve, tmp_path: Path) -> None:
    noted = PngInfo()
    noted.add_text("PatientName", "Doe^Jane")
    exif = Image.Exif()
    exif[0x010E] = "Doe^Jane"
    pixels = np.tile(np.arange(200, dtype=np.uint8), (100, 1))
    path = tmp_path / "doe-jane.png"
    Image.fromarray(pixels).save(path, pnginfo=noted, exif=exif, dpi=(300, 300))
    server = serve(completion("a"))
    adapter = _adapter(server, images={"format": kind, "max_side": 100})
    adapter.generate([Request("s1", path, prior="none")])
    (sent,) = server.received[0].images
    assert (magic, (100, 50), {}) == (sent.format, sent.size, dict(sent.getexif()))
    assert not {"PatientName", "dpi", "exif", "comment"} & set(sent.info)
    assert server.received[0].uris[0].startswith(f"data:image/{kind};base64,")
    assert "doe" not in json.dumps(server.received[0].body).lower()


def test_a_png_holds_the_pixels_of_the_file(serve: Serve, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    grey = generator.integers(0, 256, (20, 10), np.uint8)
    colour = generator.integers(0, 256, (20, 10, 3), np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(colour).save(tmp_path / "colour.png")
    server = serve(completion("a"))
    _adapter(server).generate([Request("s1", tmp_path / "grey.png", tmp_path / "colour.png")])
    first, second = server.received[0].images
    np.testing.assert_array_equal(grey, np.asarray(first))
    np.testing.assert_array_equal(colour, np.asarray(second))


def test_of_a_dicom_file_only_pixels_leave(serve: Serve, tmp_path: Path) -> None:
    source = Path(pydicom.data.get_testdata_file("CT_small.dcm"))
    path = tmp_path / "x.dcm"
    path.write_bytes(source.read_bytes())
    server = serve(completion("a"))
    _adapter(server).generate([Request("s1", path)])
    (sent,) = server.received[0].images
    assert ("PNG", (128, 128), {}) == (sent.format, sent.size, sent.info)


def test_answers_keep_the_order_of_the_requests_and_run_together(
    serve: Serve, folder: Path
) -> None:
    def reply(request: Received, number: int) -> Reply:
        grey = _grey(request.images[0])
        done = completion(f"grey {grey}")
        return Reply(body=done.body, delay_s=0.3 - grey / 1000)

    server = serve(reply)
    begun = time.monotonic()
    answers = _adapter(server, concurrency=3).generate([_ask(folder, i % 4) for i in range(8)])
    assert [f"grey {50 * (i % 4)}" for i in range(8)] == [answer.text for answer in answers]
    assert 3 == server.most_at_once
    assert time.monotonic() - begun < 8 * 0.15


def test_one_at_a_time_means_one_at_a_time(serve: Serve, folder: Path) -> None:
    server = serve(Reply(body=completion("a").body, delay_s=0.02))
    _adapter(server, concurrency=1).generate([_ask(folder, i) for i in range(4)])
    assert 1 == server.most_at_once


def test_a_rate_limit_is_waited_out_as_long_as_the_endpoint_says(
    serve: Serve, folder: Path
) -> None:
    server = serve(_script(Reply(429, headers={"Retry-After": "1"}), completion("late")))
    begun = time.monotonic()
    (answer,) = _adapter(server).generate([_ask(folder)])
    assert "late" == answer.text
    assert time.monotonic() - begun >= 1.0


@pytest.mark.parametrize("status", [408, 500, 502, 503, 529])
def test_a_passing_failure_is_tried_again(status: int, serve: Serve, folder: Path) -> None:
    server = serve(_script(Reply(status), completion("second")))
    assert "second" == _adapter(server).generate([_ask(folder)])[0].text
    assert 2 == len(server.received)


def test_a_lasting_failure_is_an_error_of_its_sample_only(serve: Serve, folder: Path) -> None:
    def reply(request: Received, number: int) -> Reply:
        return Reply(503) if _grey(request.images[0]) == 50 else completion("fine")

    server = serve(reply)
    good, bad = _adapter(server, max_retries=1).generate([_ask(folder, 2), _ask(folder, 1)])
    assert "fine" == good.text
    assert ("", FAILED) == (bad.text, bad.finish_reason)
    assert f"{server.endpoint[:-3]} answers HTTP 503." == bad.error
    assert 3 == len(server.received)


def test_an_answer_that_takes_too_long_is_an_error_of_its_sample(
    serve: Serve, folder: Path
) -> None:
    server = serve(Reply(body=completion("a").body, delay_s=2.0))
    begun = time.monotonic()
    (answer,) = _adapter(server, timeout_s=0.1, max_retries=1).generate([_ask(folder)])
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
    (answer,) = _adapter(server).generate([_ask(folder)])
    assert "no chat completion" in str(answer.error)
    assert 1 == len(server.received)


@pytest.mark.parametrize(
    ("text", "reason", "finish", "error"),
    [
        ("a", "stop", "stop", None),
        ("a", None, "stop", None),
        ("a", "length", "length", None),
        ("", "stop", "stop", None),
        ("a", "content_filter", FAILED, "content filter"),
        ("a", "tool_calls", FAILED, "unknown here"),
        (None, "stop", FAILED, "no text"),
    ],
)
def test_finish_reasons_are_told_in_our_words(
    text: str | None, reason: str, finish: str, error: str | None, serve: Serve, folder: Path
) -> None:
    (answer,) = _adapter(serve(completion(text, reason))).generate([_ask(folder)])
    assert (finish, "" if error else text) == (answer.finish_reason, answer.text)
    assert (error or "None") in str(answer.error)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_ends_the_run_and_names_its_variable(
    status: int, serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_TEST_KEY", "sesame-4711")
    server = serve(Reply(status, b'{"error": {"message": "sesame-4711", "code": "invalid_key"}}'))
    with pytest.raises(InputError, match=rf"HTTP {status} \(invalid_key\).*CXR_TEST_KEY") as caught:
        _adapter(server, api_key_env="CXR_TEST_KEY").generate([_ask(folder)])
    assert "sesame" not in str(caught.value)
    assert "Bearer sesame-4711" == server.received[0].headers["authorization"]


def test_a_wanted_key_that_nobody_named_is_asked_for(serve: Serve, folder: Path) -> None:
    server = serve(Reply(401))
    with pytest.raises(InputError, match="api_key_env"):
        _adapter(server).generate([_ask(folder)])
    assert "authorization" not in server.received[0].headers


def test_a_key_that_is_not_set_is_missing_before_anything_is_sent(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXR_TEST_KEY", raising=False)
    server = serve(completion("a"))
    adapter = _adapter(server, api_key_env="CXR_TEST_KEY")
    with pytest.raises(MissingError, match="export CXR_TEST_KEY"):
        adapter.check()
    with pytest.raises(MissingError, match="CXR_TEST_KEY"):
        adapter.generate([_ask(folder)])
    assert [] == server.received


def test_an_unknown_model_ends_the_run(serve: Serve, folder: Path) -> None:
    server = serve(Reply(404, b'{"error": {"code": "model_not_found"}}'))
    with pytest.raises(InputError, match="no model 'm'"):
        _adapter(server).generate([_ask(folder)])


def test_an_empty_account_ends_the_run(serve: Serve, folder: Path) -> None:
    server = serve(Reply(429, b'{"error": {"code": "insufficient_quota"}}'))
    with pytest.raises(InputError, match="wants payment"):
        _adapter(server).generate([_ask(folder)])
    assert 1 == len(server.received)


def test_a_refused_request_is_an_error_that_does_not_quote_it(serve: Serve, folder: Path) -> None:
    said = {"message": f"bad: {CONTEXT}", "type": "BadRequestError", "param": CONTEXT, "code": 400}
    server = serve(Reply(400, json.dumps(said).encode()))
    request = _ask(folder, context={"indication": CONTEXT})
    (answer,) = _adapter(server).generate([request])
    assert "HTTP 400 (BadRequestError)" in str(answer.error)
    assert "Zebra" not in str(answer.error)
    assert 1 == len(server.received)


def test_a_wait_of_hours_ends_the_run(serve: Serve, folder: Path) -> None:
    server = serve(Reply(429, headers={"Retry-After": "7200"}))
    with pytest.raises(MissingError, match="7,200 s"):
        _adapter(server).generate([_ask(folder)])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused(status: int, serve: Serve, folder: Path) -> None:
    other = serve(completion("stolen"))
    server = serve(Reply(status, headers={"Location": f"{other.endpoint}/chat/completions"}))
    with pytest.raises(InputError, match=f"sends requests on to {other.endpoint[:-3]}"):
        _adapter(server).generate([_ask(folder)])
    assert [] == other.received


def test_a_server_that_is_not_there_is_missing(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        adapter = _adapter(endpoint, max_retries=0)
        with pytest.raises(MissingError, match="cannot be reached"):
            adapter.generate([_ask(folder), _ask(folder)])


def test_a_broken_connection_is_tried_again(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        adapter = _adapter(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", max_retries=0)

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(1)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        (answer,) = adapter.generate([_ask(folder)])
        thread.join()
    assert "The connection to" in str(answer.error)


def test_an_unreadable_image_is_an_error_of_its_sample_and_nothing_is_sent(
    serve: Serve, folder: Path
) -> None:
    (folder / "bad.png").write_bytes(b"no image at all")
    server = serve(completion("fine"))
    bad, missing, none, good = _adapter(server).generate(
        [
            Request("a", folder / "bad.png"),
            Request("b", folder / "1.png", folder / "gone.png"),
            Request("c"),
            _ask(folder),
        ]
    )
    assert "fine" == good.text
    assert [FAILED] * 3 == [one.finish_reason for one in (bad, missing, none)]
    assert "bad.png" in str(bad.error)
    assert "gone.png" in str(missing.error)
    assert "no current image" in str(none.error)
    assert 1 == len(server.received)


def test_tokens_and_cost_are_summed_over_batches(serve: Serve, folder: Path) -> None:
    server = serve(
        _script(completion("a", usage=(1000, 10)), completion("b", usage=None), completion("c"))
    )
    price = {"input": 2.5, "output": 10}
    adapter = _adapter(server, concurrency=1, price_per_million=price)
    answers = adapter.generate([_ask(folder, 1, 2), _ask(folder)])
    assert [10, None] == [answer.tokens for answer in answers]
    adapter.generate([_ask(folder)])
    figures = adapter.figures()
    assert (1100, 17, 4) == (figures.prompt_tokens, figures.tokens, figures.images)
    assert figures.cost == pytest.approx((1100 * 2.5 + 17 * 10) / 1e6)
    assert figures.token_s > 0
    assert _adapter(server).figures().cost is None


def test_requests_per_minute_spread_the_requests(serve: Serve, folder: Path) -> None:
    times: list[float] = []

    def reply(request: Received, number: int) -> Reply:
        times.append(time.monotonic())
        return completion("a")

    _adapter(serve(reply), requests_per_minute=600).generate([_ask(folder)] * 5)
    gaps = np.diff(times)
    assert gaps.min() > 0.05
    assert sum(gaps) >= 0.35


def test_tokens_per_minute_hold_back_what_would_exceed_them(serve: Serve, folder: Path) -> None:
    server = serve(completion("a", usage=(90, 10)))
    adapter = _adapter(
        server, concurrency=1, tokens_per_minute=60_000, generation={"max_new_tokens": 1}
    )
    adapter.generate([_ask(folder)])
    begun = time.monotonic()
    adapter.generate([_ask(folder)] * 5)
    # 100 tokens at 1,000 a second are 0.1 s each, and the last one's time is not waited for
    assert 0.35 <= time.monotonic() - begun < 2.0


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=20), st.floats(1, 1000))
def test_a_pace_never_exceeds_its_rate(amounts: list[float], per_minute: float) -> None:
    pace = Pace(per_minute)
    waits = [pace.reserve(amount, now=0.0) for amount in amounts]
    for i, wait in enumerate(waits):
        assert sum(amounts[:i]) * 60 / per_minute == pytest.approx(wait)
    assert 0.0 == Pace(None).reserve(1e9)


@given(st.integers(1, 30), st.floats(0, 200))
def test_waits_grow_and_heed_the_endpoint(attempt: int, asked: float) -> None:
    doubled = min(60.0, 0.5 * 2 ** (attempt - 1))
    assert doubled / 2 <= wait_before(attempt, {}) <= doubled
    assert asked <= wait_before(attempt, {"retry-after": str(asked)}) <= max(asked, doubled)


@pytest.mark.parametrize("given_", ["", "soon", "nan", "-3", "2020-13-45"])
def test_a_retry_after_that_says_nothing_asks_for_no_wait(given_: str) -> None:
    assert 0.0 == requested_wait({"retry-after": given_})


def test_a_retry_after_may_be_a_date() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    until = format_datetime(datetime(2030, 1, 1, 0, 0, 30, tzinfo=UTC), usegmt=True)
    assert 30.0 == requested_wait({"retry-after": until}, now)


def test_the_fingerprint_covers_what_changes_the_text_and_nothing_else() -> None:
    first = _adapter("http://h/v1").fingerprint()
    same = {
        "api_key_env": "K",
        "concurrency": 9,
        "timeout_s": 1.0,
        "max_retries": 1,
        "requests_per_minute": 1.0,
        "tokens_per_minute": 1.0,
        "price_per_million": {"input": 1.0, "output": 1.0},
    }
    assert first == _adapter("http://h/v1", **same).fingerprint()
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
    assert first != _adapter("http://other/v1").fingerprint()
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
        _adapter(endpoint)


@pytest.mark.parametrize("endpoint", ["https://u:sesame@h/v1", "https://h/v1?key=sesame"])
def test_an_address_with_a_secret_is_refused_and_not_shown(endpoint: str) -> None:
    with pytest.raises(InputError, match="goes into the environment") as caught:
        _adapter(endpoint)
    assert "sesame" not in str(caught.value)


def test_the_full_path_is_no_base_url() -> None:
    with pytest.raises(InputError, match="Leave /chat/completions out"):
        _adapter("http://h/v1/chat/completions")


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
        _adapter("http://h/v1", **options)


def test_nothing_that_is_logged_holds_a_text(
    serve: Serve, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(_script(Reply(500, CONTEXT.encode()), completion("Giraffes.")))
    _adapter(server).generate([_ask(folder, context={"indication": CONTEXT})])
    assert 2 == len(server.received)
    assert "Zebra" not in caplog.text
    assert "Giraffes" not in caplog.text


def test_a_notebook_with_a_running_loop_can_generate(serve: Serve, folder: Path) -> None:
    server = serve(completion("a"))

    async def cell() -> list[Generation]:
        return _adapter(server).generate([_ask(folder)])

    assert "a" == asyncio.run(cell())[0].text


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(completion("proxied"))
    server = serve(completion("direct"))
    monkeypatch.setenv("HTTP_PROXY", proxy.endpoint)
    monkeypatch.setenv("http_proxy", proxy.endpoint)
    assert "direct" == _adapter(server).generate([_ask(folder)])[0].text
    assert [] == proxy.received


def test_importing_the_adapter_loads_no_http_client() -> None:
    code = (
        "import sys, models.openai_compatible;"
        "print('httpx2' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False False" == done.stdout.strip()


def test_the_endpoint_is_what_data_are_sent_to() -> None:
    assert "https://api.example.org/v1" == _adapter("https://api.example.org/v1").endpoint()
    assert "CXR_TEST_KEY" not in os.environ
