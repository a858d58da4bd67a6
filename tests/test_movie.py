"""Movies of what probes kept: as many pictures as steps, in the colours of their numbers."""

import io

import numpy as np
import pytest
from PIL import Image

from framework.cli import run_command
from framework.pictures import Film, gif_of

FRAMES = {0: np.zeros((2, 2)), 5: np.array([[0.0, 1.0], [0.5, 0.0]]), 9: np.ones((2, 2))}
FILM = Film("map", FRAMES, "neuron", "frequency", "share of power", bound=1.0)


def pictures_of(gif):
    image = Image.open(io.BytesIO(gif))
    for number in range(image.n_frames):
        image.seek(number)
        yield image.info["duration"], np.asarray(image.convert("RGB"), float).mean(axis=2)


def test_each_step_is_a_picture_and_the_last_one_stands():
    durations, pictures = zip(*pictures_of(gif_of([FILM], [0, 5, 9], "a run", 4.0)), strict=True)
    assert durations == (2000, 2000, 2000) and len(pictures) == 3
    brightness = [picture[250:300, 100:400].mean() for picture in pictures]  # large shares are dark
    assert brightness[0] > 225 and brightness[2] < 15 and brightness[2] < brightness[1] < brightness[0]


def test_a_film_without_a_bound_is_scaled_by_each_frame():
    film = Film("W", {1: np.full((2, 2), 0.001), 2: np.full((2, 2), 7.0)}, "column", "row", "entry / largest entry", signed=True)
    (_, first), (_, second) = pictures_of(gif_of([film], [1, 2], "", 1.0))
    assert first[250:300, 100:400].mean() == second[250:300, 100:400].mean()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seconds=0"], "--seconds=0: between 0.1 and 600 seconds are allowed"),
        (["--output=x.mp4"], "--output=x.mp4: movies are GIF; end it in .gif"),
        ([], "nowhere is not a run"),
    ],
)
def test_mistakes_are_a_sentence(words, message, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert run_command(["movie", "nowhere", "--probe=fourier", *words]) == 2
    assert message in capfd.readouterr().err
