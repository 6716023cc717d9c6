"""What a benchmark file holds: data, models, metrics and statistics of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from harness.needs import HowToGet
from harness.slices import DEFAULT_SLICES
from harness.system_names import system_name
from metrics.judges import JudgeSettings
from models.adapter import Prior
from models.options import read_options

Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
NotNegative = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
WEIGHT_PATHS = ("weights", "base")
"""Options of adapters that are a folder, or else a name or a hub id."""
PHANTOMS = "phantoms"
"""The data format that draws its own studies."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Data(_Part):
    """The studies and their images.

    ``format`` None is told from the file. ``images`` is the folder that image paths start at.
    ``credentialed`` data may not leave the machine. ``seed``, ``patients`` and ``test_studies``
    are for the format ``phantoms``, which needs no path.
    """

    format: Text | None = None
    path: Text | None = None
    images: Text | None = None
    split: Text | None = None
    section: Text = "findings"
    credentialed: bool = False
    columns: dict[str, str] = Field(default_factory=dict)
    seed: NotNegative | None = None
    patients: Positive | None = None
    test_studies: Positive | None = None


class ModelEntry(_Part):
    """One model: its id in tables, the adapter that runs it, and the adapter's own options.

    ``path`` is the file of the adapter ``predictions``, and ``columns`` maps our fields to the
    columns of a table. A bank of training studies is a file
    (``bank``) or another split of the same data (``bank_split``).
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    id: Annotated[str, Field(min_length=1, max_length=200)]
    adapter: Text
    path: Text | None = None
    columns: dict[str, Text] | None = None
    bank: Text | None = None
    bank_split: Text | None = None
    priors: Annotated[tuple[Prior, ...], Field(strict=False, min_length=1)] = ("real",)

    @property
    def options(self) -> dict[str, Any]:
        """The keys that are the adapter's own."""
        return dict(self.model_extra or {})

    @property
    def systems(self) -> list[str]:
        """The names of the systems in tables, one per prior mode."""
        return [system_name(self.id, prior) for prior in self.priors]


class Statistics(_Part):
    """How intervals are made; ``cluster`` is ``auto``, ``none`` or a field of the studies."""

    resamples: NotNegative = 1000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    method: Literal["percentile", "bca"] = "percentile"
    seed: NotNegative = 0
    cluster: Text = "auto"


class Benchmark(_Part):
    """A benchmark file as read: defaults filled in, variables replaced, names checked.

    ``needs`` tells of variables how to get what they name. Relative inputs start at the file's
    folder (``input_path``), ``output`` at the working one.
    """

    name: Text
    data: Data
    models: Annotated[tuple[ModelEntry, ...], Field(strict=False, min_length=1)]
    metrics: Texts | None = None
    protocol: Text | None = None
    judge: dict[str, Any] | None = None
    metric_settings: dict[str, dict[str, Any]] | None = None
    statistics: Statistics = Statistics()
    slices: Annotated[tuple[Text, ...], Field(strict=False)] = DEFAULT_SLICES
    output: Text
    needs: dict[str, Text] = Field(default_factory=dict)

    _folder: Path = PrivateAttr(default=Path())
    _how_to_get: HowToGet = PrivateAttr(default=HowToGet())

    def input_path(self, text: str) -> Path:
        """Return where an input of the file is."""
        return self._folder / Path(text).expanduser()

    def adapter_options(self, entry: ModelEntry) -> dict[str, Any]:
        """Return a model's own options; weights that are a folder are found from the file's."""
        options = entry.options
        for name in WEIGHT_PATHS:
            given = options.get(name)
            if isinstance(given, str) and self.input_path(given).exists():
                options[name] = str(self.input_path(given))
        return options

    @property
    def judge_settings(self) -> JudgeSettings | None:
        """The judge; its prompt, and its model if it is a folder, are found from the file's.

        Raises
        ------
        InputError
            If a setting is unknown, missing or wrong.
        """
        if self.judge is None:
            return None
        found = read_options(JudgeSettings, self.judge, "judge")
        model, prompt = found.model, found.prompt
        if found.endpoint is None:
            model = str(self.input_path(model))
        if prompt is not None:
            prompt = str(self.input_path(prompt))
        return replace(found, model=model, prompt=prompt)

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """The metrics' settings; files and folders are found from the file's."""
        from metrics.metric_settings import with_paths

        return with_paths(self.metric_settings or {}, self._folder)

    @property
    def data_path(self) -> Path | None:
        """The file or folder of studies; None where the data are drawn."""
        return None if self.data.path is None else self.input_path(self.data.path)

    @property
    def image_folder(self) -> Path | None:
        """The folder that image paths start at; None where none is named."""
        return None if self.data.images is None else self.input_path(self.data.images)

    @property
    def output_path(self) -> Path:
        """The run folder."""
        return Path(self.output).expanduser()

    def resolved(self) -> dict[str, Any]:
        """Return the specification as plain values for the record of a run."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"needs"})

    @property
    def how_to_get(self) -> HowToGet:
        """How to get what the variables of the file name."""
        return self._how_to_get

    def in_folder(self, folder: Path, how_to_get: HowToGet | None = None) -> Benchmark:
        """Return the same benchmark as if its file were in ``folder``."""
        moved = self.model_copy()
        moved._folder = folder
        moved._how_to_get = how_to_get or self._how_to_get
        return moved
