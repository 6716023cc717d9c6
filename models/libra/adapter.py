"""The adapters of the Libra family: Libra, Med-CXRGen, LLaVA-Med."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from models.adapter import FAILED, Adapter, Figures, Generation, Request
from models.errors import InputError, MissingError
from models.hub import ALIASES, is_here
from models.libra import prompts
from models.libra.settings import LibraOptions

if TYPE_CHECKING:
    from models.libra.checkpoint import Checkpoint
    from models.libra.reporter import LibraReporter, Question, Report

_BATCH_SIZES = {"transformers": 8, "vllm": 64}
_PACKAGES = ("torch", "transformers", "safetensors")
CANVAS_NAME = "cxrgen"
"""Models with this in their name read all images of a study at once."""


class Libra(Adapter):
    """Libra and its relatives from their checkpoints (Libra, Med-CXRGen, converted LLaVA-Med).

    A study without a prior gets the current image as its own prior, as Libra does; so the prior
    modes ``dummy`` and ``none`` are the same for these models.
    """

    Options: ClassVar[type[LibraOptions]] = LibraOptions
    uses_images: ClassVar[bool] = True
    uses_prior: ClassVar[bool] = True
    silent_options: ClassVar[tuple[str, ...]] = (
        "weights",
        "base",
        "batch_size",
        "vllm",
        "device",
        "feature_cache",
    )
    options: LibraOptions

    def __init__(self, options: LibraOptions) -> None:
        super().__init__(options)
        self.batch_size = options.batch_size or _BATCH_SIZES[options.engine]
        self._found: Checkpoint | None = None
        self._reporter: LibraReporter | None = None
        self._load_s = 0.0
        self._warm_up_s = 0.0

    def check(self) -> None:
        """Check packages, settings, and that the checkpoint and its tower are on this machine."""
        for package in _PACKAGES:
            if find_spec(package) is None:
                raise MissingError(
                    f"The adapter needs the package {package}. Install it with "
                    '`pip install "cxr-harness[models]"`.'
                )
        from models.devices import placement
        from models.engines.checks import check_decoding
        from models.libra.loading import check_files

        for given in (self.options.weights, self.options.base):
            if given is not None and not is_here(given, self.options.revision):
                hub_id = ALIASES.get(given, given)
                raise MissingError(
                    f"The weights {given!r} are not on this machine. Download them with "
                    f"`hf download {hub_id}`, or give the path of their folder as weights."
                )
        if self.options.template is not None:
            prompts.stop_string(self.options.template)
        if self.options.batch_size is not None and self.options.batch_size < 1:
            raise InputError(f"batch_size {self.options.batch_size} is below 1.")
        if self.options.engine == "vllm":
            from models.engines.vllm_engine import check_installed

            check_installed()
        placement(self.options.device, self.options.dtype)
        self._feature_cache()
        check_decoding(self.options.generation.decoding())
        check_files(self._checkpoint)

    def fingerprint(self) -> dict[str, Any]:
        """Return the options that can change a text, and the hashes of all weights."""
        from models.devices import placement
        from models.libra.loading import settings_files, tower_files
        from models.weights_files import hash_weights

        where = placement(self.options.device, self.options.dtype)
        found, cache = self._checkpoint, self.options.feature_cache
        return {
            **super().fingerprint(),
            # features kept as float16 are not those that the tower gave
            "features": "float16" if cache is not None and cache.dtype == "float16" else "exact",
            "checkpoint": found.name,
            "template": self._template,
            "dtype": self.options.dtype or str(where.dtype).removeprefix("torch."),
            "weights": hash_weights(found.files),
            "tower": hash_weights(tower_files(found)),
            "settings": [hash_weights(files) for files in settings_files(found)],
        }

    @property
    def n_sequences(self) -> int:
        """How many answers to each request were asked for."""
        return self.options.generation.num_return_sequences

    def looks_at(self, request: Request) -> list[Path]:
        """Return the images that the projector reads: the prior is not for all."""
        current = [] if request.current_image is None else [request.current_image]
        if self._uses_canvas:
            current = list(request.images) or current
        prior = request.prior_image if self.reads_prior() else None
        return current if prior is None else [*current, prior]

    def reads_prior(self) -> bool:
        """Return whether the projector reads a prior: LLaVA's do not."""
        return self.uses_prior and self._checkpoint.config.projector_type == "TAC"

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        """Answer a batch; a request whose images cannot be read fails alone."""
        found: dict[int, Generation] = {}
        questions: dict[int, Question] = {}
        for place, request in enumerate(requests):
            try:
                questions[place] = self._question(request)
            except InputError as error:
                found[place] = Generation("", FAILED, error=str(error))
        found.update(self._answered(questions))
        return [found[place] for place in range(len(requests))]

    def figures(self) -> Figures | None:
        """Return times and counts of loading, encoding and decoding so far."""
        reporter = self._reporter
        if reporter is None:
            return None
        usage = reporter.engines.usage()
        return Figures(
            load_s=self._load_s,
            warm_up_s=self._warm_up_s,
            images=reporter.encoder.images,
            image_s=reporter.encoder.seconds,
            tokens=usage.tokens,
            token_s=usage.seconds,
            prompt_tokens=usage.prompt_tokens,
            peak_memory_bytes=reporter.engines.peak_memory_bytes(),
            device=str(reporter.record["device"]),
            dtype=str(reporter.record["dtype"]),
        )

    def close(self) -> None:
        """Drop the model and give its memory back."""
        if self._reporter is None:
            return
        self._reporter.engines.close()
        self._reporter = None
        gc.collect()
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @property
    def _checkpoint(self) -> Checkpoint:
        from models.libra.checkpoint import find_checkpoint

        if self._found is None:
            options = self.options
            self._found = find_checkpoint(options.weights, options.base, options.revision)
        return self._found

    @property
    def _template(self) -> str:
        return self.options.template or self._checkpoint.template.name

    def _loaded(self) -> LibraReporter:
        if self._reporter is None:
            from models.devices import placement
            from models.libra.assembly import assemble

            options = self.options
            begun = time.perf_counter()
            self._reporter = assemble(
                self._checkpoint,
                placement(options.device, options.dtype),
                engine=options.engine,
                batch_size=self.batch_size,
                cache=self._feature_cache(),
                padding=options.padding,
                vllm=options.vllm,
            )
            self._load_s += time.perf_counter() - begun
            self._warm_up_s += self._reporter.warm_up()
        return self._reporter

    def _feature_cache(self) -> Any:
        from models.images.feature_cache import FeatureCache, feature_folder

        settings = self.options.feature_cache
        if settings is None:
            return None
        folder = Path(settings.folder).expanduser() if settings.folder else feature_folder()
        most = settings.max_gigabytes
        return FeatureCache(folder, settings.dtype, None if most is None else int(most * 1e9))

    def _question(self, request: Request) -> Question:
        from models.libra.encoding import ImagePair
        from models.libra.reporter import Question

        current = self._current_pixels(request)
        prior = None
        if request.prior_image is not None and self._loaded().model.reads_prior:
            prior = self._loaded().preprocess(request.prior_image, self.options.dicom)
        return Question(
            ImagePair(current, prior),
            [("user", self._asked(request))],
            key=request.sample_id,
            template=self._template,
        )

    def _current_pixels(self, request: Request) -> Any:
        from models.images.canvas import study_canvas
        from models.images.reading import read_image

        if request.current_image is None:
            raise InputError(f"The study {request.sample_id!r} has no image. Leave it out.")
        reporter = self._loaded()
        if not self._uses_canvas:
            return reporter.preprocess(request.current_image, self.options.dicom)
        paths = request.images or (request.current_image,)
        images = [read_image(path, dicom=self.options.dicom) for path in paths]
        return reporter.preprocess(study_canvas(images, request.views))

    @property
    def _uses_canvas(self) -> bool:
        if self.options.canvas is not None:
            return self.options.canvas
        return CANVAS_NAME in self._checkpoint.name.lower()

    def _asked(self, request: Request) -> str:
        if request.question is not None:
            return request.question
        asked = self.options.prompt or prompts.section_question(request.section)
        return prompts.with_context(asked, self._context(request.context))

    def _context(self, context: Mapping[str, str]) -> Mapping[str, str]:
        sections = self.options.context
        if sections is None:
            trained = self._checkpoint.config.context_sections
            sections = list(context) if trained is None else list(trained)
        return {name: context[name] for name in sections if name in context}

    def _answered(self, questions: Mapping[int, Question]) -> dict[int, Generation]:
        """Answer questions together; if that cannot be, one by one to find whose fault it is."""
        if not questions:
            return {}
        decoding = self.options.generation.decoding()
        try:
            reports = self._loaded().reports(list(questions.values()), decoding)
        except InputError as error:
            if len(questions) == 1:
                return {place: Generation("", FAILED, error=str(error)) for place in questions}
            parts = [self._answered({place: one}) for place, one in questions.items()]
            return {place: made for part in parts for place, made in part.items()}
        return {
            place: _generations(found, question)
            for (place, question), found in zip(questions.items(), reports, strict=True)
        }


class LlavaMed(Libra):
    """LLaVA-Med v1.5, from Microsoft's layout or Libra's converted one; it sees no prior."""

    uses_prior: ClassVar[bool] = False


def _generations(reports: Sequence[Report], question: Question) -> Generation:
    first, *others = [_generation(report, question) for report in reports]
    return replace(first, others=tuple(others))


def _generation(report: Report, question: Question) -> Generation:
    return Generation(
        text=report.text,
        finish_reason=report.finish_reason,
        tokens=len(report.token_ids),
        prompt=question.turns[-1][1],
    )
