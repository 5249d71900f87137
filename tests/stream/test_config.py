"""Settings: the rig file, the command line over it, and wrong keys."""

from __future__ import annotations

import pytest

from posewire.config import RunSettings, run_settings
from posewire_models.errors import InputError


def rig(tmp_path, text):
    path = tmp_path / "rig.toml"
    path.write_text(text)
    return path


def test_no_rig_and_no_option_is_the_synthetic_scene():
    assert run_settings(None, {"source": None}) == RunSettings()


def test_the_command_line_wins_over_the_rig(tmp_path):
    settings = run_settings(rig(tmp_path, 'source = "a.mp4"\nframes = 5\nwait-subscribers = 2'), {"frames": 7})
    assert (settings.source, settings.frames, settings.wait_subscribers) == ("a.mp4", 7, 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("soruce = 'a'", "rig.toml: soruce: no such key; did you mean 'source'"),
        ("frames = 0", "rig.toml: frames = 0"),
        ("pace = 'fast'", "rig.toml: pace = 'fast'.*'real' or 'max'"),
        ("min_score = 2.0", "rig.toml: min_score = 2.0.*less than or equal to 1"),
        ("frames = ", "rig.toml: not valid TOML"),
    ],
)
def test_a_wrong_rig_names_file_key_and_expectation(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        run_settings(rig(tmp_path, text), {})


def test_a_wrong_option_is_named_as_an_option(tmp_path):
    with pytest.raises(InputError, match="--wait-subscribers = -1"):
        run_settings(rig(tmp_path, ""), {"wait_subscribers": -1})


def test_a_rig_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml: no such file"):
        run_settings(tmp_path / "nowhere.toml", {})


@pytest.mark.parametrize("lead_ms", [-3, 1001, float("nan")])
def test_a_lead_that_cannot_be_is_refused(lead_ms):
    with pytest.raises(InputError, match="--lead-ms"):
        run_settings(None, {"lead_ms": lead_ms})
