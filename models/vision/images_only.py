"""Processors that also take videos, without their videos: for machines without torchvision.

Half of transformers' vision-language models (Qwen-VL, InternVL, GLM-V) have a processor whose
part for videos exists with torchvision only. Images need none of it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

_VIDEOS = "video_processor"


class NoVideos(dict[str, Any]):
    """Stands where a processor keeps its part for videos; empty, as the processor's JSON shows."""

    model_input_names: tuple[str, ...] = ()


def load_without_videos(folder: Path, name: str) -> Any:
    """Return the processor of a checkpoint, of transformers' class ``name``, for images and text.

    Raises
    ------
    Exception
        Whatever transformers raises; KeyError if the processor has parts of other kinds.
    """
    import transformers

    kind: Any = getattr(transformers, name)
    local = {"local_files_only": True, "trust_remote_code": False}
    parts: dict[str, Any] = {
        "image_processor": partial(transformers.AutoImageProcessor.from_pretrained, backend="pil"),
        "feature_extractor": transformers.AutoFeatureExtractor.from_pretrained,
        "tokenizer": transformers.AutoTokenizer.from_pretrained,
        _VIDEOS: lambda *_, **__: NoVideos(),
    }

    class ImagesOnly(kind):  # type: ignore[misc]
        @classmethod
        def _get_arguments_from_pretrained(cls, *_: Any, **__: Any) -> list[Any]:
            return [parts[attribute](folder, **local) for attribute in kind.get_attributes()]

        def check_argument_for_proper_class(self, name: str, argument: Any) -> Any:
            if name == _VIDEOS:
                return NoVideos
            return super().check_argument_for_proper_class(name, argument)

    ImagesOnly.__name__ = name
    return ImagesOnly.from_pretrained(folder, local_files_only=True)
