"""Which of several largest values ``torch.topk`` takes: RaTEScore's ties hang on it.

On a CPU it sorts as little as it must with the C++ library's ``nth_element``, so the place of the
winner among equal values follows from the values before and after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

_PARTIAL_SORT = 64  # from here on topk sorts otherwise, and the first of the largest values wins


def largest(values: Sequence[float]) -> int:
    """Return the index of the largest value that ``torch.topk(values, 1)`` gives on a CPU.

    Source: PyTorch 2, ``topk_impl_loop``; GNU libstdc++, ``std::nth_element`` (introselect).

    >>> largest([0.5, 1.0, 0.2]), largest([1.0, 1.0, 0.2])
    (1, 0)
    """
    best = max(values)
    first = values.index(best)
    if len(values) >= _PARTIAL_SORT or values.count(best) == 1:
        return first
    order = list(range(len(values)))
    stop = len(order)
    rounds = 2 * (stop.bit_length() - 1)
    while stop > 3 and rounds > 0:
        stop = _partition(order, stop, lambda i, j: values[i] > values[j])
        rounds -= 1
    return max(order[:stop], key=values.__getitem__)  # the first of them, as its last sort leaves


def _partition(order: list[int], stop: int, before: Callable[[int, int], bool]) -> int:
    """Split ``order[:stop]`` by a median of three; return where the second part begins."""
    _median_to_front(order, (1, stop // 2, stop - 1), before)
    low, high = 1, stop
    while True:
        while before(order[low], order[0]):
            low += 1
        high -= 1
        while before(order[0], order[high]):
            high -= 1
        if low >= high:
            return low
        order[low], order[high] = order[high], order[low]
        low += 1


def _median_to_front(
    order: list[int], places: tuple[int, int, int], before: Callable[[int, int], bool]
) -> None:
    a, b, c = places

    def ahead(i: int, j: int) -> bool:
        return before(order[i], order[j])

    if ahead(a, b):
        median = b if ahead(b, c) else c if ahead(a, c) else a
    else:
        median = a if ahead(a, c) else c if ahead(b, c) else b
    order[0], order[median] = order[median], order[0]
