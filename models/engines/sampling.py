"""Greedy decoding and sampling, token by token."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.engines.engine import Decoding, EnginePrompt, GeneratedSequence
from models.engines.ngrams import ban_repeated_ngrams
from models.engines.shared_prompts import SharedPrompts
from models.errors import InputError


def uniform_draws(prompts: Sequence[EnginePrompt], decoding: Decoding) -> Tensor:
    """Return a number in [0, 1) for each study, sequence and step, ``[B, K, limit]`` (float64).

    A stream depends on the seed, the prompt's key and the sequence's number, and on nothing else.
    """
    seed = secrets.randbits(64) if decoding.seed is None else decoding.seed
    draws = [
        [
            _stream(f"{seed}/{number}/{prompt.key}").random(decoding.max_new_tokens)
            for number in range(decoding.num_return_sequences)
        ]
        for prompt in prompts
    ]
    return torch.from_numpy(np.array(draws))


def _stream(name: str) -> np.random.Generator:
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype="<u4")
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words.tolist())))


def choose(scores: Tensor, draws: Tensor, decoding: Decoding) -> Tensor:
    """Return the ids ``[...]`` drawn from scores ``[..., V]`` by numbers ``[...]`` in [0, 1).

    As transformers does it: the scores over the temperature, of these the ``top_k`` best (with all
    that equal the last), of these the fewest that hold ``top_p`` of the probability. The draw goes
    down the ids by falling probability, equal ones by number.
    """
    ranked, ids = (scores.double() / decoding.temperature).sort(
        dim=-1, descending=True, stable=True
    )
    if decoding.top_k:
        last = ranked[..., min(decoding.top_k, ranked.shape[-1]) - 1, None]
        ranked = ranked.masked_fill(ranked < last, -torch.inf)
    cumulative = ranked.softmax(dim=-1).cumsum(dim=-1)
    if decoding.top_p is not None:
        above = torch.nn.functional.pad(cumulative[..., :-1], (1, 0))
        kept = (above < decoding.top_p).sum(dim=-1, keepdim=True).clamp(min=1)
    else:
        kept = ranked.isfinite().sum(dim=-1, keepdim=True)
    total = cumulative.gather(-1, kept - 1)
    place = torch.searchsorted(
        cumulative, draws[..., None].to(cumulative.device) * total, right=True
    )
    return ids.gather(-1, place.minimum(kept - 1))[..., 0]


class Sampler:
    """Decodes a batch one token per sequence at a time.

    Parameters
    ----------
    batch
        The prompts, not yet prefilled, with K sequences each.
    ids
        ``[B, L]``: the prompts' ids, left-padded with ``ngrams.PADDING``.
    draws
        Numbers in [0, 1), ``[B, K, limit]``; None is greedy.
    """

    def __init__(
        self, batch: SharedPrompts, ids: Tensor, draws: Tensor | None, decoding: Decoding
    ) -> None:
        self._batch, self._ids, self._draws, self._decoding = batch, ids, draws, decoding
        shape = (len(ids), decoding.num_return_sequences, 0)
        self.tokens = torch.zeros(shape, dtype=torch.long, device=ids.device)
        """The new ids so far, ``[B, K, t]``."""

    @torch.inference_mode()
    def step(self) -> Tensor:
        """Append a token to every sequence, and return them ``[B, K]``."""
        count, length = self.tokens.shape[1:]
        if length:
            scores = self._batch.step(self.tokens[..., -1])
        else:
            scores = self._batch.prefill()[:, None].expand(-1, count, -1)
        if self._decoding.no_repeat_ngram_size:
            scores = self._without_repeats(scores)
        if self._draws is None:
            new = scores.argmax(dim=-1)
        else:
            new = choose(scores, self._draws[:, :, length], self._decoding)
        self.tokens = torch.cat([self.tokens, new[..., None]], dim=2)
        return new

    def keep(self, studies: Tensor) -> None:
        """Drop all studies but these (numbers, ascending)."""
        self._ids, self.tokens = self._ids[studies], self.tokens[studies]
        if self._draws is not None:
            self._draws = self._draws[studies.cpu()]
        self._batch.keep(studies)

    def _without_repeats(self, scores: Tensor) -> Tensor:
        before = self._ids[:, None].expand(-1, self.tokens.shape[1], -1)
        seen = torch.cat([before, self.tokens], dim=2)
        scores = ban_repeated_ngrams(scores, seen, self._decoding.no_repeat_ngram_size)
        if bool(scores.isneginf().all(dim=-1).any()):
            raise InputError(
                f"no_repeat_ngram_size {self._decoding.no_repeat_ngram_size} bans every id of the "
                f"vocabulary after {self.tokens.shape[2]} new tokens. Raise it, or set 0."
            )
        return scores


def sample(
    sampler: Sampler, decoding: Decoding, stop_ids: Sequence[int]
) -> list[list[GeneratedSequence]]:
    """Return each study's sequences; a study leaves the batch when all of them have ended."""
    results: list[list[GeneratedSequence]] = [[] for _ in sampler.tokens]
    places = list(range(len(results)))
    stops = torch.tensor(list(stop_ids), dtype=torch.long, device=sampler.tokens.device)
    for length in range(1, decoding.max_new_tokens + 1):
        sampler.step()
        ended = torch.isin(sampler.tokens, stops).any(dim=2).all(dim=1)
        if length == decoding.max_new_tokens:
            ended = torch.ones_like(ended)
        if not bool(ended.any()):
            continue
        for row in ended.nonzero().flatten().tolist():
            results[places[row]] = [_until_stop(t, stop_ids) for t in sampler.tokens[row].tolist()]
        left = (~ended).nonzero().flatten()
        if not len(left):
            break
        places = [places[row] for row in left.tolist()]
        sampler.keep(left)
    return results


def _until_stop(tokens: list[int], stop_ids: Sequence[int]) -> GeneratedSequence:
    for place, token in enumerate(tokens):
        if token in stop_ids:
            return GeneratedSequence(tokens[: place + 1], "stop")
    return GeneratedSequence(tokens, "length")
