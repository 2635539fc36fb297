"""A recording as bytes that a browser plays."""

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np

from datalab.exceptions import InputError

__all__ = ["playable"]

MOST_BYTES = 20_000_000
STARTS = {
    b"RIFF": "audio/wav",
    b"fLaC": "audio/flac",
    b"OggS": "audio/ogg",
    b"ID3": "audio/mpeg",
    b"\xff": "audio/mpeg",
}


def playable(value: Any) -> tuple[bytes, str, str]:
    """A recording from encoded bytes, a path, or samples with their rate.

    Parameters
    ----------
    value : bytes, path, or mapping with ``bytes`` or ``path``, or ``array`` and ``sampling_rate``

    Returns
    -------
    data : bytes
        Empty when there is nothing to play.
    mime : str
    problem : str
        Why there is nothing to play.
    """
    try:
        data = _bytes(value)
    except (OSError, ValueError, TypeError) as error:
        return b"", "", str(error)
    if len(data) > MOST_BYTES:
        return b"", "", f"the recording has {len(data):,} bytes; at most {MOST_BYTES:,} are played"
    # Only what a decoder of sounds will take: nothing else is handed to the page.
    mime = next((kind for start, kind in STARTS.items() if data.startswith(start)), "")
    return (data, mime, "") if mime else (b"", "", "not a recording that can be played")


def _bytes(value: Any) -> bytes:
    if isinstance(value, dict):
        if value.get("array") is not None:
            return _wave(np.asarray(value["array"]), int(value.get("sampling_rate") or 16_000))
        value = value.get("bytes") or value.get("path")
    if value is None:
        raise InputError("no recording")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    path = Path(value)
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise InputError(
            "the file does not exist" if not path.is_file() else "the file is too large"
        )
    return path.read_bytes()


def _wave(samples: Any, rate: int) -> bytes:
    """Samples in [-1, 1], shape (T,) or (channels, T), as a WAV file of 16 bits."""
    samples = np.atleast_2d(np.asarray(samples, dtype=np.float64)).mean(axis=0)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()
