"""What an OpenAI-compatible endpoint is sent, and what comes back of its answers."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from models.adapter import FAILED, Generation, Request
from tests.models.chat_server import Received, Reply, Serve, completion, serve
from tests.models.openai_requests import CONTEXT, ask, folder, grey, model_at, script

__all__ = ["folder", "serve"]


def test_an_answer_comes_back_with_its_tokens_and_the_prompt(serve: Serve, folder: Path) -> None:
    server = serve(completion(" No effusion.\n"))
    (answer,) = model_at(server).generate([ask(folder, context={"indication": CONTEXT})])
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
    adapter = model_at(server, generation=generation, system="Be brief.", images={"detail": "low"})
    adapter.generate([ask(folder)])
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
    model_at(server).generate([ask(folder, 1, prior, prior=mode)])
    assert shown == [grey(image) for image in server.received[0].images]
    assert said in server.received[0].text


def test_without_send_prior_nothing_is_shown_or_said_of_it(serve: Serve, folder: Path) -> None:
    server = serve(completion("a"))
    adapter = model_at(server, send_prior=False, prompt="Describe.", context=[])
    adapter.generate([ask(folder, 1, 2, context={"indication": CONTEXT})])
    assert "Describe." == server.received[0].text
    assert [50] == [grey(image) for image in server.received[0].images]


def test_a_question_is_asked_as_it_stands(serve: Serve, folder: Path) -> None:
    server = serve(completion("Yes"))
    request = ask(folder, question="Is this a PA view?", context={"indication": CONTEXT})
    model_at(server, prompt="Describe.").generate([request])
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
    adapter = model_at(server, images={"format": kind, "max_side": 100})
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
    model_at(server).generate([Request("s1", tmp_path / "grey.png", tmp_path / "colour.png")])
    first, second = server.received[0].images
    np.testing.assert_array_equal(grey, np.asarray(first))
    np.testing.assert_array_equal(colour, np.asarray(second))


def test_of_a_dicom_file_only_pixels_leave(serve: Serve, tmp_path: Path) -> None:
    source = Path(pydicom.data.get_testdata_file("CT_small.dcm"))
    path = tmp_path / "x.dcm"
    path.write_bytes(source.read_bytes())
    server = serve(completion("a"))
    model_at(server).generate([Request("s1", path)])
    (sent,) = server.received[0].images
    assert ("PNG", (128, 128), {}) == (sent.format, sent.size, sent.info)


def test_answers_keep_the_order_of_the_requests_and_run_together(
    serve: Serve, folder: Path
) -> None:
    def reply(request: Received, number: int) -> Reply:
        level = grey(request.images[0])
        done = completion(f"grey {level}")
        return Reply(body=done.body, delay_s=0.3 - level / 1000)

    server = serve(reply)
    begun = time.monotonic()
    answers = model_at(server, concurrency=3).generate([ask(folder, i % 4) for i in range(8)])
    assert [f"grey {50 * (i % 4)}" for i in range(8)] == [answer.text for answer in answers]
    assert 3 == server.most_at_once
    assert time.monotonic() - begun < 8 * 0.15


def test_one_at_a_time_means_one_at_a_time(serve: Serve, folder: Path) -> None:
    server = serve(Reply(body=completion("a").body, delay_s=0.02))
    model_at(server, concurrency=1).generate([ask(folder, i) for i in range(4)])
    assert 1 == server.most_at_once


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
    (answer,) = model_at(serve(completion(text, reason))).generate([ask(folder)])
    assert (finish, "" if error else text) == (answer.finish_reason, answer.text)
    assert (error or "None") in str(answer.error)


def test_tokens_and_cost_are_summed_over_batches(serve: Serve, folder: Path) -> None:
    server = serve(
        script(completion("a", usage=(1000, 10)), completion("b", usage=None), completion("c"))
    )
    price = {"input": 2.5, "output": 10}
    adapter = model_at(server, concurrency=1, price_per_million=price)
    answers = adapter.generate([ask(folder, 1, 2), ask(folder)])
    assert [10, None] == [answer.tokens for answer in answers]
    adapter.generate([ask(folder)])
    figures = adapter.figures()
    assert (1100, 17, 4) == (figures.prompt_tokens, figures.tokens, figures.images)
    assert figures.cost == pytest.approx((1100 * 2.5 + 17 * 10) / 1e6)
    assert figures.token_s > 0
    assert model_at(server).figures().cost is None
