"""Beam search whose result for a study is that of transformers for the study alone.

transformers (4.51 to 5.24, ``early_stopping`` false) ends a batch when every row is done, and rows
that were done earlier go on meanwhile, so their beams depend on their neighbours. Here each study
ends by its own rule and leaves the batch. The rules, t being the generated tokens:

- each step ranks ``max(2, 1 + stop ids) * K`` continuations by their summed log-probabilities;
- those that end with a stop id, or are at the token limit, are finished, but only among the first
  K; their score is the sum over ``t ** length_penalty``; the best K finished ones are kept;
- the best K others go on;
- a study is done at the limit, or when K are finished and its best running beam, scored as if it
  ended now, is not above the worst of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from models.engines.engine import Decoding, GeneratedSequence
from models.engines.ngrams import ban_repeated_ngrams
from models.engines.shared_prompts import SharedPrompts

_NEVER = -1e9  # transformers' score of what must not be chosen; part of its tie-breaking


@dataclass
class _Beams:
    """Running and finished beams of B studies; every tensor's first dimension is the study."""

    tokens: Tensor  # [B, K, limit]
    scores: Tensor  # [B, K], sums of log-probabilities
    finished_tokens: Tensor  # [B, K, limit]
    finished_lengths: Tensor  # [B, K]
    finished_scores: Tensor  # [B, K], with the length penalty
    is_finished: Tensor  # [B, K]; false where a place is still empty

    @classmethod
    def start(cls, studies: int, beams: int, limit: int, device: torch.device) -> _Beams:
        scores = torch.full((studies, beams), _NEVER, device=device)
        finished_scores = scores.clone()
        scores[:, 0] = 0.0  # all beams are equal at first: only one of them may branch
        tokens = torch.zeros((studies, beams, limit), dtype=torch.long, device=device)
        lengths = torch.zeros((studies, beams), dtype=torch.long, device=device)
        none = torch.zeros((studies, beams), dtype=torch.bool, device=device)
        return cls(tokens, scores, tokens.clone(), lengths, finished_scores, none)

    def keep(self, studies: Tensor) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[studies])

    def advance(
        self, log_probabilities: Tensor, length: int, stop_ids: Tensor, penalty: float
    ) -> Tensor:
        """Take the step to ``length`` tokens; return the running beams' parents ``[B, K]``."""
        beams, vocabulary = log_probabilities.shape[1:]
        ranked = max(2, 1 + len(stop_ids)) * beams
        totals = (log_probabilities + self.scores[..., None]).flatten(1)
        scores, chosen = totals.topk(ranked, dim=1)
        parents, new = chosen // vocabulary, chosen % vocabulary
        tokens = _pick(self.tokens, parents)
        tokens[:, :, length - 1] = new
        ends = torch.isin(new, stop_ids)
        if length == tokens.shape[2]:
            ends = torch.ones_like(ends)
        self._finish(tokens, scores / length**penalty, ends, length)
        running_scores = scores + ends * _NEVER
        running = running_scores.topk(beams, dim=1).indices
        self.tokens, self.scores = _pick(tokens, running), running_scores.gather(1, running)
        kept: Tensor = parents.gather(1, running)
        return kept

    def _finish(self, tokens: Tensor, scores: Tensor, ends: Tensor, length: int) -> None:
        beams = self.scores.shape[1]
        may = ends.clone()
        may[:, beams:] = False
        scores = torch.cat([self.finished_scores, scores + ~may * _NEVER], dim=1)
        best = scores.topk(beams, dim=1).indices
        lengths = torch.full_like(ends, length, dtype=torch.long)
        self.finished_scores = scores.gather(1, best)
        self.finished_lengths = torch.cat([self.finished_lengths, lengths], dim=1).gather(1, best)
        self.is_finished = torch.cat([self.is_finished, may], dim=1).gather(1, best)
        self.finished_tokens = _pick(torch.cat([self.finished_tokens, tokens], dim=1), best)

    def done(self, length: int, penalty: float) -> Tensor:
        """Which studies are done after ``length`` tokens ``[B]``."""
        if length == self.tokens.shape[2]:
            return torch.ones_like(self.is_finished[:, 0])
        possible = self.scores[:, :1] / length**penalty
        worst = self.finished_scores.min(dim=1, keepdim=True).values
        hopeless: Tensor = possible <= torch.where(self.is_finished, worst, _NEVER)
        return hopeless.all(dim=1)

    def best(self, study: int, count: int, stop_ids: Sequence[int]) -> list[GeneratedSequence]:
        """Return a study's ``count`` best finished beams."""
        found = []
        for beam in range(count):
            length = int(self.finished_lengths[study, beam])
            ids = self.finished_tokens[study, beam, :length].tolist()
            reason = "stop" if ids and ids[-1] in stop_ids else "length"
            found.append(GeneratedSequence(ids, reason, float(self.finished_scores[study, beam])))
        return found


def beam_search(
    batch: SharedPrompts, ids: Tensor, decoding: Decoding, stop_ids: Sequence[int]
) -> list[list[GeneratedSequence]]:
    """Return each study's best ``num_return_sequences`` beams.

    Parameters
    ----------
    batch
        The prompts, not yet prefilled, with ``num_beams`` sequences each.
    ids
        ``[B, L]``: the prompts' ids, left-padded with ``ngrams.PADDING``.
    """
    results: list[list[GeneratedSequence]] = [[] for _ in ids]
    places = torch.arange(len(ids), device=ids.device)
    stops = torch.tensor(list(stop_ids), dtype=torch.long, device=ids.device)
    count, penalty = decoding.num_beams, decoding.length_penalty
    beams = _Beams.start(len(ids), count, decoding.max_new_tokens, ids.device)
    logits = batch.prefill()[:, None].expand(-1, count, -1)
    for length in range(1, decoding.max_new_tokens + 1):
        scores = logits.log_softmax(dim=-1)
        if decoding.no_repeat_ngram_size:
            before = ids[:, None].expand(-1, count, -1)
            seen = torch.cat([before, beams.tokens[:, :, : length - 1]], dim=2)
            scores = ban_repeated_ngrams(scores, seen, decoding.no_repeat_ngram_size)
        parents = beams.advance(scores, length, stops, penalty)
        done = beams.done(length, penalty)
        if bool(done.any()):
            for row in done.nonzero().flatten().tolist():
                results[int(places[row])] = beams.best(row, decoding.num_return_sequences, stop_ids)
            left = (~done).nonzero().flatten()
            if not len(left):
                break
            places, ids, parents = places[left], ids[left], parents[left]
            beams.keep(left)
            batch.keep(left)
        batch.cache.reorder(parents)
        logits = batch.step(beams.tokens[:, :, length - 1])
    return results


def _pick(tensor: Tensor, beams: Tensor) -> Tensor:
    return tensor.gather(1, beams[..., None].expand(-1, -1, tensor.shape[2]))
