"""A loaded model that writes reports: what notebooks, the command line and adapters use."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.arguments import check_argument
from models.engines.choice import Engines
from models.engines.engine import Decoding, Engine, EnginePrompt, GeneratedSequence
from models.errors import InputError
from models.images.preprocess import Preprocessor
from models.images.reading import DicomMode, read_image
from models.libra import prompts
from models.libra.checkpoint import Checkpoint
from models.libra.encoding import ImageEncoder, ImagePair
from models.libra.endings import Ending
from models.libra.model import LibraModel
from models.libra.tokenizers import ReportTokenizer
from models.options import read_options
from models.threads import threads_for

if TYPE_CHECKING:
    from PIL.Image import Image

    ImageSource = str | Path | Image | np.ndarray

Turn = tuple[str, str | None]


@dataclass(frozen=True)
class Report:
    """One generated text.

    ``token_ids`` are the new ids only, up to and with the end token. ``score`` is a beam's sum of
    log-probabilities over ``length ** length_penalty``; None without beams. ``finish_reason`` is
    ``stop`` or ``length``.
    """

    text: str
    token_ids: list[int]
    score: float | None
    finish_reason: str


@dataclass(frozen=True)
class Question:
    """What a model is asked about a pair of images.

    ``turns`` is the conversation so far without image tokens, the user's question last; ``key``
    tells questions apart for seeded sampling.
    """

    images: ImagePair
    turns: Sequence[Turn]
    key: str = ""
    template: str | None = None


class LibraReporter:
    """A model of the Libra family, ready to write; made by `models.load`.

    ``record`` says in plain values what it was loaded from.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        model: LibraModel,
        tokenizer: ReportTokenizer,
        preprocessor: Preprocessor,
        encoder: ImageEncoder,
        engines: Engines,
        record: Mapping[str, Any],
    ) -> None:
        self.checkpoint = checkpoint
        self.model = model
        self.tokenizer = tokenizer
        self.preprocessor = preprocessor
        self.encoder = encoder
        self.record = record
        self.engines = engines
        self.template = checkpoint.template
        """The template of questions that name none, and why: the original goes by names."""

    @property
    def name(self) -> str:
        """The checkpoint's name, by which the original chooses a conversation template."""
        return self.checkpoint.name

    def preprocess(self, image: ImageSource, dicom: DicomMode = "published") -> np.ndarray:
        """Return float32 pixels ``[3, S, S]`` of an image, as the vision tower gets them.

        Parameters
        ----------
        image
            A file (PNG, JPEG, DICOM, …), a Pillow image, or an array ``[H, W]`` or ``[H, W, 3]``.
        dicom
            How DICOM values become grey, see `models.images.reading.read_image`.
        """
        return self.preprocessor(read_image(image, dicom=dicom))

    def report(
        self,
        current: ImageSource,
        prior: ImageSource | None = None,
        prompt: str | None = None,
        template: str | None = None,
        num_beams: int = 1,
        length_penalty: float = 1.0,
        no_repeat_ngram_size: int = 0,
        max_new_tokens: int = 128,
        num_return_sequences: int = 1,
        temperature: float = 0.0,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> list[Report]:
        """Return the model's texts on one study, best first.

        Parameters
        ----------
        current, prior
            Images: files, Pillow images or arrays. Without a prior the current image stands in
            for it, as Libra does.
        prompt
            The question, without the image token; Libra's question for findings if None.
        template
            Name of a conversation template; None: as the original chooses it by the model's name.
        num_beams, length_penalty, no_repeat_ngram_size, max_new_tokens, num_return_sequences
            As in `models.engines.engine.Decoding`.
        temperature, top_p, seed
            0 is greedy; above, texts are sampled. ``seed`` None: other texts each time.

        Raises
        ------
        InputError
            If an image, the template or a setting cannot be used.
        """
        check_argument("prompt", prompt, str, None)
        check_argument("template", template, str, None)
        decoding = Decoding(
            num_beams=num_beams,
            length_penalty=length_penalty,
            no_repeat_ngram_size=no_repeat_ngram_size,
            max_new_tokens=max_new_tokens,
            num_return_sequences=num_return_sequences,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
        )
        pair = ImagePair(
            self.preprocess(current), None if prior is None else self.preprocess(prior)
        )
        asked = prompts.FINDINGS_QUESTION if prompt is None else prompt
        return self.reports([Question(pair, [("user", asked)], template=template)], decoding)[0]

    def reports(self, questions: Sequence[Question], decoding: Decoding) -> list[list[Report]]:
        """Return ``num_return_sequences`` texts per question, best first, in their order."""
        engine = self._engine(decoding)
        with threads_for(self.model):
            prepared, endings = self._prepared(questions)
            found = engine.generate(prepared, decoding)
        return [
            [self._report(one, ending) for one in sequences]
            for sequences, ending in zip(found, endings, strict=True)
        ]

    def stream(self, question: Question, decoding: Decoding) -> Iterator[str]:
        """Yield one text in pieces while it is written; greedy or sampled, never with beams.

        The pieces together are the text that `report` returns.
        """
        from models.engines.transformers_engine import TransformersEngine

        engine = self._engine(decoding)
        if not isinstance(engine, TransformersEngine):
            raise InputError("Only the transformers engine streams. Load with engine transformers.")
        prepared, (ending,) = self._prepared([question])
        ids: list[int] = []
        shown, text = "", ""
        for token in engine.stream(prepared[0], decoding):
            ids.append(token)
            text = self.tokenizer.text(ids, ending.text)
            # the last word waits: other bytes of a character, a joined apostrophe, or a stop string
            # that is cut may still change it
            words = text.rpartition(" ")[0].rstrip()
            if words.startswith(shown) and words != shown:
                yield words[len(shown) :]
                shown = words
            if ending.is_reached(ids):
                break
        if text != shown:
            yield text.removeprefix(shown)

    def warm_up(self) -> float:
        """Run the tower once, since first runs are slow; return the seconds it took."""
        import torch

        begun = time.perf_counter()
        size = self.model.vision_tower.image_size
        self.model.vision_tower(torch.zeros(1, 3, size, size))
        if self.model.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begun

    def prompt_text(self, question: Question) -> str:
        """Return the whole prompt of a question as text."""
        template = self._template(question)
        start_end = self.checkpoint.config.use_start_end
        turns = list(question.turns)
        first = next((place for place, (role, _) in enumerate(turns) if role == "user"), None)
        if first is None:
            raise InputError("The question has no turn of the user's. Give one.")
        turns[first] = (
            "user",
            prompts.image_question(turns[first][1] or "", start_and_end=start_end),
        )
        return prompts.render(template, [*turns, ("assistant", None)])

    def _engine(self, decoding: Decoding) -> Engine:
        check_argument("decoding", decoding, Decoding)
        read_options(Decoding, asdict(decoding), "the decoding settings")
        return self.engines.for_decoding(decoding)

    def _prepared(self, questions: Sequence[Question]) -> tuple[list[EnginePrompt], list[Ending]]:
        images = self.encoder.embeddings([question.images for question in questions])
        prepared, endings = [], []
        for question, image in zip(questions, images, strict=True):
            ids = self._ids(question)
            embeddings = self.model.embed_prompt(ids, image)
            ending = Ending(prompts.stop_string(self._template(question)), self.tokenizer)
            stop_ids = () if ending.token is None else (ending.token,)
            prepared.append(EnginePrompt(ids, embeddings, question.key, stop_ids))
            endings.append(ending)
        return prepared, endings

    def _ids(self, question: Question) -> list[int]:
        ids = prompts.tokenize(self.prompt_text(question), self.tokenizer.tokenizer)
        rows = self.model.language_model.get_input_embeddings().num_embeddings
        beyond = max(ids, default=0)
        if beyond >= rows:
            word = self.tokenizer.tokenizer.convert_ids_to_tokens(beyond)
            raise InputError(
                f"The prompt uses the token {word!r}, id {beyond} of the tokenizer in "
                f"{self.checkpoint.text_folder}, but the model embeds ids 0 to {rows - 1} only. "
                "Leave it out of the prompt, or take the tokenizer that the model was trained with."
            )
        return ids

    def _template(self, question: Question) -> str:
        return question.template or self.template.name

    def _report(self, sequence: GeneratedSequence, ending: Ending) -> Report:
        # the original ends no beam by its text: all of them would have to end in the same step
        length = ending.length(sequence.token_ids) if sequence.score is None else None
        ids = sequence.token_ids[:length]
        return Report(
            text=self.tokenizer.text(ids, ending.text),
            token_ids=list(ids),
            score=sequence.score,
            finish_reason=sequence.finish_reason if length is None else "stop",
        )
