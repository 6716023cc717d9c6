"""What every model is to the rest of the project: requests in, generated reports out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from models.options import read_options

Prior = Literal["real", "dummy", "shuffled", "none"]
PRIORS: tuple[Prior, ...] = ("real", "dummy", "shuffled", "none")

FAILED = "error"
"""The finish reason of a sample that the model could not answer; its text is empty."""
TRUNCATED = "length"
"""The finish reason of a text that stopped at the limit of tokens."""
FALLBACK = "fallback"
"""The finish reason of a baseline that had nothing to go by and gave its standing text."""


@dataclass(frozen=True)
class Request:
    """Everything that a model may look at for one sample.

    With the prior mode ``dummy`` or ``none`` there is neither prior image nor prior report; what
    stands in for a dummy image is the adapter's own business. With ``shuffled`` both are another
    patient's. ``images`` are all images of the current study, ``views`` their views where known
    (as many, or none). ``section`` is what the report is asked for.
    """

    sample_id: str
    current_image: Path | None = None
    prior_image: Path | None = None
    images: tuple[Path, ...] = ()
    views: tuple[str, ...] = ()
    section: str = "findings"
    context: Mapping[str, str] = field(default_factory=dict)
    prior_report: str | None = None
    question: str | None = None
    prior: Prior = "real"


@dataclass(frozen=True)
class Generation:
    """One answer: its text, why it ended, and what is known of how it was made.

    ``seconds`` is a measured time; adapters whose time nobody asks for leave it None, so that
    two runs write equal files. ``error`` says, for the finish reason ``error`` only, what was
    wrong with the sample (file, problem, how to mend it); the runner decides whether that ends
    the run. ``others`` are further answers, where several were asked for: the first one counts.
    """

    text: str
    finish_reason: str = "stop"
    tokens: int | None = None
    seconds: float | None = None
    prompt: str | None = None
    error: str | None = None
    others: tuple[Generation, ...] = ()


@dataclass(frozen=True)
class Figures:
    """What an adapter measured of itself, summed over all it did since it was built.

    Times are seconds, memory is bytes. ``images`` are those that a vision tower encoded (a cached
    feature is none), ``tokens`` those that were generated; ``cost`` is money as the endpoint's
    price list of the options gives it.
    """

    load_s: float = 0.0
    warm_up_s: float = 0.0
    images: int = 0
    image_s: float = 0.0
    tokens: int = 0
    token_s: float = 0.0
    prompt_tokens: int = 0
    peak_memory_bytes: int = 0
    cost: float | None = None
    device: str | None = None
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class BankReport:
    """A training study that an adapter may copy from: its context in words, and its report."""

    sample_id: str
    context: Mapping[str, str]
    report: str


@dataclass(frozen=True)
class NoOptions:
    """The options of an adapter that has none."""


class Adapter(ABC):
    """A model under a name.

    A subclass names its ``Options``, a frozen dataclass whose fields are the keys a benchmark file
    may set, and says what it looks at: the runner hashes images, keeps a bank in memory and
    repeats a model with other priors only where that can change the text. ``silent_options`` are
    those that cannot: how fast and where it runs; a run goes on although they changed.
    """

    Options: ClassVar[type[Any]] = NoOptions
    uses_images: ClassVar[bool] = False
    uses_prior: ClassVar[bool] = False
    needs_bank: ClassVar[bool] = False
    silent_options: ClassVar[tuple[str, ...]] = ()
    batch_size: int = 256

    def __init__(self, options: Any) -> None:
        self.options = options

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], where: str = "the model's options") -> Self:
        """Build the adapter from a benchmark file's extra keys.

        Raises
        ------
        InputError
            If a key is unknown (the nearest is offered), is missing or has a wrong type.
        """
        return cls(read_options(cls.Options, settings, where))

    def fingerprint(self) -> dict[str, Any]:
        """Return, as plain JSON values, everything beside the request that can change the text.

        Asked for after ``prepare``.
        """
        options: dict[str, Any] = asdict(self.options)
        return {name: v for name, v in options.items() if name not in self.silent_options}

    def check(self) -> None:  # noqa: B027 (most models need nothing)
        """Find out, without loading anything heavy, whether the model can run here.

        Raises
        ------
        InputError
            If an option cannot be used.
        MissingError
            If weights or a package are not there; the message says how to get them.
        """

    def reads_prior(self) -> bool:
        """Return whether a prior can change an answer; asked for after ``check``."""
        return self.uses_prior

    @property
    def n_sequences(self) -> int:
        """How many answers each request gets that does not fail."""
        return 1

    def looks_at(self, request: Request) -> list[Path]:
        """Return the images that can change the answer to a request, each once."""
        if not self.uses_images:
            return []
        prior = request.prior_image if self.uses_prior else None
        named = dict.fromkeys((request.current_image, prior, *request.images))
        return [path for path in named if path is not None]

    def endpoint(self) -> str | None:
        """Return the address that texts and images are sent to; None if they stay here."""
        return None

    def prepare(self, bank: Sequence[BankReport]) -> None:
        """Take what stays the same over all requests; called once, before ``generate``."""
        del bank

    @abstractmethod
    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        """Answer a batch of requests, in their order; the batch must not change any text."""

    def figures(self) -> Figures | None:
        """Return what was measured so far; None for models that measure nothing."""
        return None

    def close(self) -> None:  # noqa: B027 (most models hold nothing)
        """Give back memory and connections; called after the last ``generate``."""
