"""Make pictures of the window small: 256 colours are enough for flat surfaces and text."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QImage

EXACT = 176  # of the 256: the most frequent colours, kept as they are
SMALLEST_FILE = 0  # Qt's “quality” of a PNG: the strongest compression


def shrink(source: Path, target: Path) -> int:
    """Write `source` as an indexed PNG and return its size in bytes.

    Surfaces, lines and letters keep their very colours; the rare shades of smoothed edges are merged with neighbours.
    """
    import numpy as np

    image = QImage(str(source)).convertToFormat(QImage.Format.Format_RGB32)
    width, height = image.width(), image.height()
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(height, width) & 0xFFFFFF
    shades, where, counts = np.unique(pixels.ravel(), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    exact, rest = order[:EXACT], order[EXACT:]
    palette = [int(v) for v in shades[exact]]
    if len(rest):
        # The others by sixteen steps a channel; each bucket is its most frequent shade.
        bucket = shades[rest] & 0xF0F0F0
        _, first = np.unique(bucket, return_index=True)
        weights = [int(counts[rest][bucket == bucket[i]].sum()) for i in first]
        best = sorted(range(len(first)), key=lambda i: -weights[i])[: 256 - len(palette)]
        palette += [int(shades[rest][first[i]]) for i in best]
    parts = np.array([[v >> 16 & 255, v >> 8 & 255, v & 255] for v in palette], np.int32)
    wanted = np.stack([shades >> 16 & 255, shades >> 8 & 255, shades & 255], axis=1).astype(np.int32)
    nearest = np.empty(len(shades), np.uint8)
    for start in range(0, len(shades), 4096):
        distance = ((wanted[start : start + 4096, None, :] - parts[None, :, :]) ** 2).sum(axis=2)
        nearest[start : start + 4096] = distance.argmin(axis=1)
    rows = np.ascontiguousarray(nearest[where].reshape(height, width))
    small = QImage(rows.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
    small.setColorTable([0xFF000000 | value for value in palette])
    target.parent.mkdir(parents=True, exist_ok=True)
    if not small.save(str(target), "PNG", SMALLEST_FILE):  # type: ignore[call-overload]
        raise OSError(f"{target} can't be written")
    return target.stat().st_size
