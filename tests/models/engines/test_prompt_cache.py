import pytest
import torch

from models.engines.prompt_cache import PromptCache


def _plain(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, window: int | None
) -> torch.Tensor:
    """Attention of the last token of one sequence, written out: ``[H, d]`` over ``[Hkv, n, d]``."""
    out = []
    for head in range(query.shape[0]):
        group = head * keys.shape[0] // query.shape[0]
        scores = (keys[group] @ query[head]) * 0.4
        if window is not None:
            scores[: -window] = -torch.inf  # fmt: skip
        out.append(scores.softmax(0) @ values[group])
    return torch.stack(out)


@pytest.mark.parametrize("window", [None, 1, 3, 7])
def test_a_step_attends_to_its_prompt_and_its_own_tokens_only(window: int | None) -> None:
    generator = torch.Generator().manual_seed(0)
    lengths, sequences, steps = [6, 2], 3, 5

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    cache = PromptCache(lengths, sequences, torch.device("cpu"))
    cache.begin_prompts(slice(0, 2))
    prompt_keys, prompt_values = random(2, 2, 6, 4), random(2, 2, 6, 4)
    cache.attend(0, random(2, 4, 6, 4), prompt_keys, prompt_values, 0.4, window)
    own_keys, own_values = random(6, 2, steps, 4), random(6, 2, steps, 4)
    for step in range(steps):
        cache.begin_step()
        query = random(6, 4, 1, 4)
        new = slice(step, step + 1)
        found = cache.attend(0, query, own_keys[:, :, new], own_values[:, :, new], 0.4, window)
        for row in range(6):
            study = row // sequences
            first = 6 - lengths[study]
            keys = torch.cat([prompt_keys[study, :, first:], own_keys[row, :, : step + 1]], dim=1)
            values = torch.cat(
                [prompt_values[study, :, first:], own_values[row, :, : step + 1]], dim=1
            )
            expected = _plain(query[row, :, 0], keys, values, window)
            assert torch.allclose(expected, found[row, 0], atol=1e-12)


def test_the_prompt_is_kept_once_per_study() -> None:
    sizes = {}
    for sequences in (1, 10):
        cache = PromptCache([1400], sequences, torch.device("cpu"))
        cache.begin_prompts(slice(0, 1))
        prompt = torch.zeros(1, 2, 1400, 8)
        cache.attend(0, prompt, prompt, prompt, 1.0, None)
        cache.begin_step()
        token = torch.zeros(sequences, 2, 1, 8)
        cache.attend(0, token, token, token, 1.0, None)
        sizes[sequences] = cache.size_bytes()
    ten_copies = 10 * (1400 + 1) * 2 * 2 * 8 * 4
    assert sizes[10] < ten_copies / 6
    assert sizes[1] < sizes[10] < 2 * sizes[1]


@pytest.mark.parametrize("window", [None, 6])
def test_tokens_that_beams_come_to_share_move_to_the_prompt(window: int | None) -> None:
    generator = torch.Generator().manual_seed(1)
    lengths, sequences, steps = [2, 5, 3], 4, 60

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    cache = PromptCache(lengths, sequences, torch.device("cpu"))
    cache.begin_prompts(slice(0, 3))
    prompt_keys, prompt_values = random(3, 1, 5, 4), random(3, 1, 5, 4)
    cache.attend(0, random(3, 2, 5, 4), prompt_keys, prompt_values, 0.4, window)
    studies = torch.arange(3)
    own_keys, own_values = random(12, 1, 0, 4), random(12, 1, 0, 4)
    for step in range(steps):
        if step == 40:
            studies = torch.tensor([0, 2])
            cache.keep(studies)
            rows = torch.tensor([0, 1, 2, 3, 8, 9, 10, 11])
            own_keys, own_values = own_keys[rows], own_values[rows]
        parents = torch.randint(0, 2 if step % 5 else 4, (len(studies), 4), generator=generator)
        cache.reorder(parents)
        chosen = (parents + torch.arange(len(studies))[:, None] * 4).flatten()
        new_key, new_value = random(len(chosen), 1, 1, 4), random(len(chosen), 1, 1, 4)
        own_keys = torch.cat([own_keys[chosen], new_key], dim=2)
        own_values = torch.cat([own_values[chosen], new_value], dim=2)
        cache.begin_step()
        query = random(len(chosen), 2, 1, 4)
        found = cache.attend(0, query, new_key, new_value, 0.4, window)
        for row in range(len(chosen)):
            study = int(studies[row // 4])
            first = 5 - lengths[study]
            keys = torch.cat([prompt_keys[study, :, first:], own_keys[row]], dim=1)
            values = torch.cat([prompt_values[study, :, first:], own_values[row]], dim=1)
            expected = _plain(query[row, :, 0], keys, values, window)
            assert torch.allclose(expected, found[row, 0], atol=1e-12)
    assert [2 + 60, 3 + 60] == (cache.shared + cache.own).tolist()
    assert 30 > cache.own
