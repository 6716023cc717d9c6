import signal
import threading

import pytest

from harness.interrupts import held_back


def test_the_first_interrupt_is_held_back_and_the_second_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with held_back() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
        assert "Ctrl-C again" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert before == signal.getsignal(signal.SIGINT)


def test_outside_the_main_thread_nothing_is_held_back() -> None:
    seen: list[bool] = []

    def work() -> None:
        with held_back() as asked:
            seen.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
