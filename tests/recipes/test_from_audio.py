"""Recordings as statistics of their spectrum."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile
from scipy.signal import resample

from datalab.recipes.from_audio import encode_audio, log_mel_statistics


def tone(hertz: float, rate: int = 16_000, seconds: float = 0.5) -> np.ndarray:
    """A tone in a room with some noise."""
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    noise = 0.02 * np.random.default_rng(0).normal(size=len(wave))
    return (wave + noise).astype(np.float32)


def wav(wave: np.ndarray, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    wavfile.write(file, rate, wave)
    return file.getvalue()


def test_the_loudest_band_follows_the_tone() -> None:
    bands = [int(log_mel_statistics(tone(h), 16_000)[:40].argmax()) for h in (200, 800, 3000)]
    assert bands == sorted(set(bands))
    # The mel of a tone by hand: 40 bands from 30 to 8000 Hz.
    mel = 2595 * np.log10(1 + np.array([30, 800, 8000]) / 700)
    assert bands[1] == pytest.approx((mel[1] - mel[0]) / (mel[2] - mel[0]) * 41 - 1, abs=1)


def test_rates_channels_and_kinds_of_storage_say_the_same(tmp_path: Path) -> None:
    wave = tone(440)
    path = tmp_path / "a.wav"
    path.write_bytes(wav(wave))
    cells: list[Any] = [
        wave,
        np.stack([wave, wave]),
        {"array": wave, "sampling_rate": 16_000},
        {"bytes": wav(wave), "path": None},
        wav((wave * 32767).astype(np.int16)),
        wav(((wave + 1) * 127.5).astype(np.uint8)),
        str(path),
        {"array": resample(wave, 2 * len(wave)), "sampling_rate": 32_000},
    ]
    others = [tone(3000), *map(tone, range(200, 6000, 300))]
    blocks, readable, reason = encode_audio([*cells, *others], random_state=0)
    assert readable.all()
    assert reason == ""
    for vector in blocks.values():
        distance = np.linalg.norm(vector[:8] - vector[0], axis=1)
        assert distance.max() < np.linalg.norm(vector[8] - vector[0]) / 2


def test_missing_broken_short_and_silent() -> None:
    cells: list[Any] = [None, b"RIFFnothing", np.zeros(3), np.zeros(16_000), np.array([])]
    blocks, readable, reason = encode_audio([*cells, tone(300)], random_state=0)
    vector = np.hstack(list(blocks.values()))
    assert readable.tolist() == [False, False, True, True, False, True]
    assert reason
    assert np.isfinite(vector).all()
    assert (vector[~readable] == 0).all()


def test_the_course_tells_rising_from_falling() -> None:
    """The same sounds in another order: statistics over time cannot tell them apart."""
    rng = np.random.default_rng(0)
    rising = np.arange(40) % 2
    cells = []
    for up in rising:
        parts = [tone(pitch)[:3000] for pitch in (300, 900, 2700)]
        wave = np.concatenate(parts if up else parts[::-1])
        lead = rng.normal(size=int(rng.integers(0, 3000))) * 1e-4
        cells.append(np.concatenate([lead, wave * rng.uniform(0.2, 1.0)]))
    blocks, _, _ = encode_audio(cells, random_state=0)
    course = blocks["course"]
    distance = np.linalg.norm(course[:, None] - course, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (rising[distance.argmin(axis=1)] == rising).all()


def test_a_file_that_is_cut_off_is_left_out() -> None:
    whole = wav((tone(440) * 20_000).astype(np.int16))
    cells: list[Any] = [whole[:n] for n in (10, 30, 40)] + [whole[:900], whole, whole]
    readable = encode_audio(cells, random_state=0, progress=False)[1]
    assert readable.tolist()[:3] == [False, False, False]
    assert readable[4:].all()
