"""A chart as a file: what is seen, or its numbers."""

from __future__ import annotations

from pathlib import Path

from mlops_desktop.domain.errors import StorageError
from mlops_desktop.ui.widgets.charts import TimeChart


def save_chart(chart: TimeChart, path: Path, kind: str) -> None:
    """`kind` is png or csv; StorageError says why it could not be written."""
    try:
        if kind == "csv":
            path.write_text(chart.to_csv(), encoding="utf-8", newline="")
        elif not chart.to_png().save(str(path), "PNG"):
            raise OSError(0, "the picture can't be written there")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StorageError(f"{path.name} was not saved: {why}.", "Choose another folder.") from None
