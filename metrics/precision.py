"""The number format of neural annotators: float32, or a faster one whose annotations deviate."""

from __future__ import annotations

from metrics.errors import InputError

FLOAT32 = "float32"
PRECISIONS = (FLOAT32, "bfloat16", "int8")


def check_precision(precision: str, device: str = "cpu") -> None:
    """Refuse a precision that is not known, or that the device does not have.

    Raises
    ------
    InputError
        If it is one of these.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision is {precision!r}. Write one of {', '.join(PRECISIONS)}.")
    if precision == "int8" and not device.startswith("cpu"):
        raise InputError(
            f"precision is 'int8', which runs on a CPU only, and the device is {device!r}. Write "
            "bfloat16, or hide the device with CUDA_VISIBLE_DEVICES=-1."
        )


def with_precision(annotator: str, precision: str) -> str:
    """Return the annotator's name, with its precision unless that is the default.

    >>> with_precision("radgraph", "float32"), with_precision("radgraph", "int8")
    ('radgraph', 'radgraph@int8')
    """
    return annotator if precision == FLOAT32 else f"{annotator}@{precision}"


def signed(precision: str) -> str:
    """Return what a signature says of a precision: nothing of the default, as before any other.

    >>> signed("float32"), signed("int8")
    ('', '|precision:int8')
    """
    return "" if precision == FLOAT32 else f"|precision:{precision}"


def name_and_precision(annotator: str) -> tuple[str, str]:
    """Return what `with_precision` made the name of.

    >>> name_and_precision("radgraph"), name_and_precision("radgraph@int8")
    (('radgraph', 'float32'), ('radgraph', 'int8'))
    """
    name, _, precision = annotator.partition("@")
    return name, precision or FLOAT32
