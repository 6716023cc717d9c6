"""How often the vision tower runs: each distinct image once, and only where it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from models.engines.engine import Decoding
from models.images.feature_cache import FeatureCache
from models.libra.encoding import IMAGES_AT_ONCE, ImageEncoder, ImagePair
from models.libra.reporter import LibraReporter, Question
from tests.models.libra.golden_models import image, reporter


@contextmanager
def counted(model: LibraReporter) -> Iterator[list[int]]:
    """Count the images of every forward pass of the tower."""
    passes: list[int] = []
    hook = model.model.vision_tower.encoder.register_forward_hook(
        lambda _module, inputs, _output: passes.append(len(inputs[0]))
    )
    try:
        yield passes
    finally:
        hook.remove()


def pixels(model: LibraReporter, *names: str) -> list[np.ndarray]:
    return [model.preprocess(image(f"{name}.png")) for name in names]


def encoder(model: LibraReporter, cache: FeatureCache | None = None) -> ImageEncoder:
    return ImageEncoder(model.model, {"weights": "tiny"}, cache)


@pytest.mark.parametrize("beams", [3, 10])
def test_beams_do_not_encode_images_again(beams: int) -> None:
    model = reporter("full")
    with counted(model) as passes:
        made = model.report(
            image("cur_a.png"),
            image("prior_a.png"),
            num_beams=beams,
            num_return_sequences=beams,
            max_new_tokens=4,
        )
    assert beams == len(made)
    assert [2] == passes


def test_a_stand_in_for_the_prior_is_encoded_once() -> None:
    model = reporter("full")
    for prior in (None, image("cur_a.png")):
        with counted(model) as passes:
            model.report(image("cur_a.png"), prior, max_new_tokens=1)
        assert [1] == passes


@pytest.mark.parametrize("layout", ["medcxrgen", "llavamed_mistral"])
def test_a_prior_that_nothing_reads_is_not_encoded(layout: str) -> None:
    model = reporter(layout)
    with counted(model) as passes:
        model.report(image("cur_a.png"), image("prior_a.png"), max_new_tokens=1)
    assert [1] == passes


def test_studies_that_share_images_encode_each_once() -> None:
    model = reporter("full")
    a, b, c = pixels(model, "cur_a", "prior_a", "cur_wide")
    pairs = [ImagePair(a, b), ImagePair(b, a), ImagePair(c, a), ImagePair(a)]
    questions = [Question(pair, [("user", "What?")], key=str(n)) for n, pair in enumerate(pairs)]
    with counted(model) as passes:
        model.reports(questions, Decoding(max_new_tokens=1))
    assert 3 == sum(passes)


def test_embeddings_of_a_batch_equal_those_alone() -> None:
    model = reporter("full")
    a, b, c = pixels(model, "cur_a", "prior_a", "cur_wide")
    pairs = [ImagePair(a, b), ImagePair(c), ImagePair(b, c), ImagePair(b), ImagePair(c, a)]
    together = encoder(model).embeddings(pairs)
    for pair, expected in zip(pairs, together, strict=True):
        (alone,) = encoder(model).embeddings([pair])
        torch.testing.assert_close(alone, expected, rtol=1e-5, atol=1e-5)
    assert [] == encoder(model).embeddings([])


def test_kept_features_are_not_encoded_again(tmp_path: Path) -> None:
    model = reporter("full")
    a, b = pixels(model, "cur_a", "prior_a")
    found = []
    for count in (2, 0):
        fresh = encoder(model, FeatureCache(tmp_path))
        with counted(model) as passes:
            found.append(fresh.embeddings([ImagePair(a, b)])[0])
        assert count == sum(passes) == fresh.images
    assert torch.equal(found[0], found[1])


def test_rounded_features_are_the_same_in_the_first_run(tmp_path: Path) -> None:
    model = reporter("full")
    (a,) = pixels(model, "cur_a")
    first, second = (
        encoder(model, FeatureCache(tmp_path, "float16")).embeddings([ImagePair(a)])[0]
        for _ in range(2)
    )
    (exact,) = encoder(model).embeddings([ImagePair(a)])
    assert torch.equal(first, second)
    assert not torch.equal(first, exact)


def test_memory_that_runs_out_halves_what_is_encoded_at_once() -> None:
    model = reporter("full")
    few = encoder(model)
    pairs = [ImagePair(np.full((3, 56, 56), n, np.float32)) for n in range(IMAGES_AT_ONCE // 2)]
    expected = encoder(model).embeddings(pairs)
    passes = []

    def refuse(_module: object, inputs: tuple[torch.Tensor]) -> None:
        passes.append(len(inputs[0]))
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = model.model.vision_tower.encoder.register_forward_pre_hook(refuse)
    try:
        found = few.embeddings(pairs)
    finally:
        hook.remove()
    assert [4, 2, 1, 1, 1, 1] == passes
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)


def test_an_image_that_does_not_fit_alone_is_an_error() -> None:
    model = reporter("full")

    def refuse(_module: object, _inputs: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = model.model.vision_tower.encoder.register_forward_pre_hook(refuse)
    try:
        with pytest.raises(torch.OutOfMemoryError):
            encoder(model).embeddings([ImagePair(pixels(model, "cur_a")[0])])
    finally:
        hook.remove()
