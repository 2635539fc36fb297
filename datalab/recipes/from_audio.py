"""Audio as statistics of its log-mel spectrum, and as its course in time.

S. Davis, P. Mermelstein: Comparison of parametric representations for monosyllabic word
recognition, IEEE Transactions on Acoustics, Speech, and Signal Processing 28 (1980).
"""

import io
import warnings
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._optional import require
from datalab._typing import BoolArray, FloatArray
from datalab.recipes.from_images import reduce_columns

__all__ = ["encode_audio", "log_mel_statistics"]

BANDS = 40
WINDOW, HOP = 0.025, 0.010  # seconds
LOWEST, HIGHEST = 30.0, 8000.0  # Hz
# The rate of arrays that come without one.
RATE = 16_000
# So much of each recording is listened to, in seconds.
LONGEST = 60.0
# All statistics are logarithms; what varies less than this in them is not heard.
LEAST_SPREAD = 0.2
# The course of a recording is told for so many parts of equal length, from where it is first to
# where it is last within so much of its loudest (in nepers of power: 35 dB).
PARTS, HEARD = 6, 8.0
# Of which so many leading components are kept.
COURSE_COMPONENTS = 96
# Digital silence counts as the noise of a quiet room.
QUIETEST = 1e-9


def encode_audio(
    cells: Any, random_state: int, progress: bool = False
) -> tuple[dict[str, FloatArray], BoolArray, str]:
    """Sound and course of each recording, and which could be read.

    Parameters
    ----------
    cells : sequence of N arrays, dictionaries or decoders of Hugging Face, encoded files or paths
    random_state : int
    progress : bool

    Returns
    -------
    blocks : dict of ndarray of shape (N, d), float32
        Sound: statistics of the log-mel spectrum, standardised (d = 4 * 40 + 2). Course: leading
        components of its parts in time. 0 for missing recordings.
    readable : ndarray of bool, shape (N,)
    reason : str
        Why the first of the others could not be read; empty when none failed.
    """
    from tqdm.auto import tqdm

    found: dict[int, tuple[FloatArray, FloatArray]] = {}
    reason = ""
    rows = tqdm(range(len(cells)), desc="audio", disable=not progress, delay=1, leave=False)
    for row in rows:
        try:
            heard = _waveform(cells[row])
        except Exception as error:  # noqa: BLE001 (decoders raise anything on a damaged file)
            reason = reason or f"{type(error).__name__}: {error}"
            continue
        if heard is not None and heard[0].size:
            bands = _log_mel(*heard)
            found[row] = _statistics(bands, *heard), _course(bands)
    readable = np.zeros(len(cells), dtype=bool)
    if not found:
        return {}, readable, reason
    readable[np.fromiter(found, dtype=np.intp)] = True
    sound, course = map(np.stack, zip(*found.values(), strict=True))
    spread = np.maximum(sound.std(axis=0), LEAST_SPREAD)
    course = reduce_columns(course, COURSE_COMPONENTS, random_state)
    blocks = {}
    for name, block in (("sound", (sound - sound.mean(axis=0)) / spread), ("course", course)):
        blocks[name] = np.zeros((len(cells), block.shape[1]), dtype=np.float32)
        blocks[name][readable] = block
    return blocks, readable, reason


def log_mel_statistics(wave: FloatArray, rate: float) -> FloatArray:
    """Mean, spread, mean change and highest value of 40 log-mel bands; loudness and duration.

    Parameters
    ----------
    wave : ndarray of shape (n,)
        Samples.
    rate : float
        Samples per second.

    Returns
    -------
    ndarray of shape (162,), float32

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
    >>> log_mel_statistics(tone, 16000).shape
    (162,)
    """
    return _statistics(_log_mel(wave, rate), wave, rate)


def _log_mel(wave: FloatArray, rate: float) -> FloatArray:
    """Logarithm of the power in each band over time, (frames, 40)."""
    size = max(int(WINDOW * rate), 16)
    step = max(int(HOP * rate), 1)
    wave = _centred(wave, rate)
    wave = np.pad(wave, (0, max(size - len(wave), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[::step]
    n_points = 1 << (size - 1).bit_length()
    power = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), n_points)) ** 2
    bands: FloatArray = np.log(power @ _mel_bands(float(rate), n_points).T / size**2 + QUIETEST)
    return bands


def _centred(wave: FloatArray, rate: float) -> FloatArray:
    """The part that is listened to; an offset of the recorder is no sound."""
    wave = np.asarray(wave, dtype=np.float32)[: int(LONGEST * rate)]
    return wave - wave.mean() if wave.size else wave


def _statistics(bands: FloatArray, wave: FloatArray, rate: float) -> FloatArray:
    wave = _centred(wave, rate)
    change = np.abs(np.diff(bands, axis=0)).mean(axis=0) if len(bands) > 1 else np.zeros(BANDS)
    loudness = np.log(np.mean(wave.astype(np.float64) ** 2) + QUIETEST)
    length = np.log(max(len(wave), int(WINDOW * rate), 16) / rate)
    statistics = [bands.mean(axis=0), bands.std(axis=0), change, np.quantile(bands, 0.95, axis=0)]
    return np.concatenate([*statistics, [loudness, length]]).astype(np.float32)


def _course(bands: FloatArray) -> FloatArray:
    """Mean of each band in six parts of what is heard, less that of all bands, (6 * 40,)."""
    loud = bands.max(axis=1)
    heard = np.flatnonzero(loud > loud.max() - HEARD)
    bands = bands[heard[0] : heard[-1] + 1]
    ends = np.linspace(0, len(bands), PARTS + 1)
    # Parts of short recordings share frames.
    parts = [
        bands[int(low) : max(int(np.ceil(high)), int(low) + 1)].mean(axis=0)
        for low, high in pairwise(ends)
    ]
    course: FloatArray = np.stack(parts) - bands.mean()
    return course.ravel().astype(np.float32)


@lru_cache(maxsize=16)
def _mel_bands(rate: float, n_points: int) -> NDArray[np.float32]:
    """Triangular filters of equal width on the mel scale, shape (40, n_points // 2 + 1).

    The bands are the same for every rate; those above half the rate hear nothing.
    """
    edges = np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 2)
    hertz = 700.0 * (10.0 ** (edges / 2595.0) - 1.0)
    grid = np.arange(n_points // 2 + 1) * rate / n_points
    low, middle, high = hertz[:-2, None], hertz[1:-1, None], hertz[2:, None]
    rising, falling = (grid - low) / (middle - low), (high - grid) / (high - middle)
    return np.maximum(np.minimum(rising, falling), 0.0).astype(np.float32)


def _mel(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


def _waveform(cell: Any) -> tuple[FloatArray, float] | None:
    """Samples of one channel and their rate; None for a missing recording."""
    if cell is None:
        return None
    if hasattr(cell, "get_all_samples"):  # torchcodec, as Hugging Face datasets decode
        heard = cell.get_all_samples()
        return _one_channel(np.asarray(heard.data)), float(heard.sample_rate)
    if isinstance(cell, dict):
        if cell.get("array") is not None:
            return _one_channel(np.asarray(cell["array"])), float(cell.get("sampling_rate") or RATE)
        cell = cell.get("bytes") or cell.get("path")
        if cell is None:
            return None
    if isinstance(cell, (str, bytes, bytearray)) or hasattr(cell, "__fspath__"):
        return _decoded(cell)
    return _one_channel(np.asarray(cell)), RATE


def _one_channel(wave: NDArray[Any]) -> FloatArray:
    """Samples from -1 to 1, the mean of all channels (the shorter axis)."""
    if wave.dtype.kind == "u":
        wave = wave.astype(np.float32) / 128.0 - 1.0
    elif wave.dtype.kind == "i":
        wave = wave.astype(np.float32) / float(-np.iinfo(wave.dtype).min)
    wave = wave.astype(np.float32)
    if wave.ndim > 1:
        wave = wave.mean(axis=int(np.argmin(wave.shape)))
    return np.where(np.isfinite(wave), wave, 0.0).astype(np.float32)


def _decoded(file: Any) -> tuple[FloatArray, float]:
    """WAV by scipy, other files by soundfile."""
    from scipy.io import wavfile

    source = io.BytesIO(file) if isinstance(file, (bytes, bytearray)) else file
    start = bytes(file[:4]) if isinstance(file, (bytes, bytearray)) else b""
    if start == b"RIFF" or str(source).lower().endswith(".wav"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of parts that are not sound
            rate, wave = wavfile.read(source)
        return _one_channel(wave), float(rate)
    soundfile = require("soundfile", extra="audio", purpose="reading compressed audio")
    wave, rate = soundfile.read(source, always_2d=True)
    return _one_channel(wave), float(rate)
