"""Read the CSV tables of a raw data set whole, as text, with every refusal naming the file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError
from metrics.files.text_lines import opened

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return these columns of a CSV file (``.gz`` too) as text; an empty cell is ``""``.

    Raises
    ------
    InputError
        If the file cannot be read, is no table in UTF-8, or lacks a column.
    """
    import pandas as pd

    with opened(path) as file, warnings.catch_warnings():
        # told that no column is an index, pandas warns of rows longer than the header
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = pd.read_csv(
                file, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False
            )
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not in UTF-8. Save it as UTF-8.") from error
        except pd.errors.ParserWarning as error:
            raise InputError(
                f"{path} has rows with more cells than its header. Download it again."
            ) from error
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            reason = str(error).strip()
            raise InputError(f"{path} is no CSV table ({reason}). Download it again.") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}. Name the file that has "
            f"{', '.join(columns)}."
        )
    # as objects: looking up many of them is several times faster
    return table[list(columns)].astype(object)
