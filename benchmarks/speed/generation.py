"""Beam search over a prompt of 1,400 tokens, against transformers' own, one study at a time.

``python -m benchmarks.speed.generation [--repeats N]`` prints Markdown tables: medians of CPU
seconds over interleaved runs; ids and scores of both sides are compared first. The peer encodes a
study's images once, as we do, and hands the embeddings to ``generate``, which prefills the prompt
once per beam. ``--gpu 3B`` or ``7B`` runs that shape on a CUDA device instead, in wall seconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from benchmarks.speed.generation_model import PATCHES, SHAPES, SmallLibra, Study, make_studies
from models.engines.beams import beam_search
from models.engines.engine import Decoding, GeneratedSequence
from models.engines.shared_prompts import SharedPrompts
from models.engines.transformers_engine import TransformersEngine

BEAMS = 10
DECODING = Decoding(
    num_beams=BEAMS,
    num_return_sequences=BEAMS,
    length_penalty=2.0,
    no_repeat_ngram_size=3,
    max_new_tokens=40,
)
BATCH = 4
Sequences = list[list[GeneratedSequence]]


def main() -> None:
    """Run both sides in turn, compare what they return and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gpu", choices=[name for name in SHAPES if name != "small"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    if options.gpu:
        from benchmarks.speed.generation_gpu import measure_gpu

        measure_gpu(SHAPES[options.gpu], options.repeats)
        return
    model = SmallLibra(SHAPES["small"])
    rows: dict[str, list[float]] = {}
    for repeat in range(options.repeats):
        _measure(model, make_studies(model.shape, BATCH, repeat), rows)
    _print_times({name: statistics.median(times) for name, times in rows.items()}, options)
    _print_memory(model)


def _measure(model: SmallLibra, studies: list[Study], rows: dict[str, list[float]]) -> None:
    """Add CPU seconds per study of the peer (one study) and ours (alone, and all in a batch)."""

    def add(name: str, count: int, function: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = function()
        rows.setdefault(name, []).append((time.process_time() - start) / count)
        return result

    engine = TransformersEngine(model.language_model, stop_ids=[], batch_size=BATCH)
    images = torch.stack([study.images for study in studies])
    one = add("encode 1", 1, lambda: model.encode(images[:1]))
    every = add("encode 4", BATCH, lambda: model.encode(images))
    prompts = [study.prompt(model, image) for study, image in zip(studies, every, strict=True)]
    alone = [studies[0].prompt(model, one[0])]
    peer = add("peer", 1, lambda: by_transformers(model, alone[0].embeddings))
    ours = add("ours 1", 1, lambda: engine.generate(alone, DECODING))
    batched = add("ours 4", BATCH, lambda: engine.generate(prompts, DECODING))
    check_equal(peer, ours[0])
    check_equal(peer, batched[0])


@torch.inference_mode()
def by_transformers(model: SmallLibra, embeddings: torch.Tensor) -> list[GeneratedSequence]:
    """Return transformers' beams for one prompt."""
    # Embeddings hide the prompt's n-grams from transformers; our prompts name no ids either.
    warnings.filterwarnings("ignore", message="Passing `no_repeat_ngram_size`")
    output = model.language_model.generate(
        inputs_embeds=embeddings[None],
        attention_mask=torch.ones(1, len(embeddings), dtype=torch.long, device=embeddings.device),
        do_sample=False,
        num_beams=BEAMS,
        num_return_sequences=BEAMS,
        length_penalty=DECODING.length_penalty,
        no_repeat_ngram_size=DECODING.no_repeat_ngram_size,
        max_new_tokens=DECODING.max_new_tokens,
        return_dict_in_generate=True,
        output_scores=True,
    )
    scores = output.sequences_scores.tolist()
    beams = zip(output.sequences.tolist(), scores, strict=True)
    return [GeneratedSequence(ids, "length", score) for ids, score in beams]


def check_equal(peer: list[GeneratedSequence], ours: list[GeneratedSequence]) -> None:
    """Stop unless both sides return the same ids with the same scores."""
    if [beam.token_ids for beam in peer] != [beam.token_ids for beam in ours]:
        raise SystemExit("The two sides return other ids: no table.")
    pairs = [(a.score or 0.0, b.score or 0.0) for a, b in zip(peer, ours, strict=True)]
    worst = max(abs(a - b) for a, b in pairs)
    if worst > 1e-5:
        raise SystemExit(f"The two sides' scores differ by {worst}: no table.")


def _print_times(seconds: dict[str, float], options: argparse.Namespace) -> None:
    peer, encoding = seconds["peer"], seconds["encode 1"]
    print(f"CPU seconds per study, {options.threads} thread(s), medians of {options.repeats}\n")
    print("| beams 10, 40 new tokens | transformers, one by one | cxr-harness | ratio |")
    print("|---|--:|--:|--:|")
    for size in (1, BATCH):
        ours, encode = seconds[f"ours {size}"], seconds[f"encode {size}"]
        print(f"| text, batch of {size} | {peer:.2f} | {ours:.2f} | {peer / ours:.1f}x |")
        whole, both = peer + encoding, ours + encode
        print(
            f"| images and text, batch of {size} | {whole:.2f} | {both:.2f} | {whole / both:.1f}x |"
        )


@torch.inference_mode()
def _print_memory(model: SmallLibra) -> None:
    """Print the keys and values of ten beams, as allocated, against ten copies of everything."""
    shape = model.shape
    prompt = make_studies(shape, 1, 0)[0].prompt(model, torch.randn(PATCHES, shape.width))
    length = len(prompt.embeddings)
    per_token = 2 * shape.layers * shape.key_value_heads * (shape.width // shape.heads) * 4
    print(f"\n| keys and values, {length:,} prompt tokens | ten copies, MB | ours, MB | ratio |")
    print("|---|--:|--:|--:|")
    for new in (2, 40, 128):
        batch = SharedPrompts(model.language_model, [prompt], BEAMS)
        beam_search(batch, torch.tensor([prompt.ids]), replace(DECODING, max_new_tokens=new), [])
        ours, copies = batch.cache.size_bytes() / 1e6, BEAMS * (length + new) * per_token / 1e6
        print(f"| after {new} new tokens | {copies:.0f} | {ours:.0f} | {copies / ours:.1f}x |")


if __name__ == "__main__":
    main()
