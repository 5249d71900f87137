"""Bad input: one line that names it, exit 2, nothing on stdout."""

from __future__ import annotations

import cv2
import onnx
import pytest
import zmq

import tiny_model
from program import ANY_PORT, posewire


def refused(*arguments, cwd=None):
    """The one line on stderr of a command that must end with exit 2."""
    ended = posewire(*arguments, cwd=cwd)
    assert ended.status == 2, ended.stderr
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


def run(dots, *arguments):
    return refused("run", "--model", dots, "--publish", ANY_PORT, *arguments)


def test_no_such_file_offers_the_nearest(tmp_path, dots):
    (tmp_path / "mouse.mp4").write_text("x")
    line = run(dots, "--source", tmp_path / "mose.mp4")
    assert "mose.mp4" in line
    assert "mouse.mp4" in line


@pytest.mark.parametrize("content", [b"this is no video\n" * 50, b""])
def test_a_file_that_is_no_video(tmp_path, dots, content):
    path = tmp_path / "text.mp4"
    path.write_bytes(content)
    assert "text.mp4" in run(dots, "--source", path)


@pytest.mark.parametrize(("content", "sentence"), [(b"", "empty"), (b"hello", "not a readable ONNX file")])
def test_a_file_that_is_no_model(tmp_path, content, sentence):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    line = refused("run", "--model", path)
    assert "bad.onnx" in line
    assert sentence in line


def test_a_model_without_metadata(tmp_path):
    path = tmp_path / "bare.onnx"
    onnx.save(tiny_model.build(None), path)
    assert "posewire export" in refused("run", "--model", path)


def test_a_misspelt_model():
    assert "did you mean 'mouse-topview'" in refused("run", "--model", "mouse-topveiw")


def test_a_port_in_use(dots):
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        line = refused("run", "--model", dots, "--publish", f"tcp://127.0.0.1:{port}")
    assert str(port) in line


def test_a_bind_beyond_loopback_needs_insecure(dots):
    assert "--insecure" in refused("run", "--model", dots, "--publish", "tcp://0.0.0.0:0")


def test_a_camera_that_is_not_there(dots):
    assert "camera" in run(dots, "--source", "camera:97")


def test_a_crop_outside_the_frame(dots):
    assert "outside the frame of 640x480" in run(dots, "--crop", "600,0,100,100")


def test_a_provider_that_cannot_run(dots):
    from posewire.providers import missing_driver

    if missing_driver() is None:
        pytest.skip("this machine has a GPU")
    assert "onnxruntime-gpu[cuda,cudnn]" in run(dots, "--provider", "cuda")


def test_an_unknown_key_in_the_rig(tmp_path):
    rig = tmp_path / "rig.toml"
    rig.write_text('sorce = "synthetic"')
    line = refused("run", rig)
    assert "rig.toml" in line
    assert "did you mean 'source'" in line


def test_an_unknown_option_and_an_unknown_verb():
    assert "--sorce" in refused("run", "--sorce", "x")
    assert "rnu" in refused("rnu")


@pytest.mark.parametrize("option", [("--frames", "0"), ("--pace", "fast"), ("--duration", "-1"), ("--frames", "x")])
def test_a_value_out_of_range(dots, option):
    assert option[0] in run(dots, *option)


def test_an_unknown_source_option_offers_the_nearest(dots):
    assert "animals" in run(dots, "--source", "synthetic:animal=2")


def test_pace_max_is_refused_for_a_camera(dots):
    assert "--pace max" in run(dots, "--source", "fault:live=1|synthetic", "--pace", "max")


def test_models_check_lists_every_violation(tmp_path):
    path = tiny_model.write(tmp_path / "dots.onnx", stride=0, color="BGR", error_px=None)
    ended = posewire("models", "check", path)
    assert ended.status == 2
    assert {line.split(":")[0] for line in ended.stdout.splitlines()} == {"stride", "color", "error_px"}


def write_labels(tmp_path, names, x):
    """A DeepLabCut label file of one image, all keypoints at (x, 50)."""
    cv2.imwrite(str(tmp_path / "a.png"), tiny_model.draw({"green": (50, 50)}))
    columns = [name for name in names for _ in "xy"]
    rows = [["scorer", *["me"] * len(columns)], ["bodyparts", *columns], ["coords", *["x", "y"] * len(names)]]
    rows.append(["a.png", *[str(x), "50"] * len(names)])
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(",".join(row) for row in rows))
    return path


def test_labels_with_wrong_keypoint_names(tmp_path, dots):
    line = refused("evaluate", dots, write_labels(tmp_path, ["blue", "green", "rde"], 50))
    assert "labels.csv" in line
    assert "'red'; did you mean 'rde'" in line


def test_labels_outside_the_image(tmp_path, dots):
    line = refused("evaluate", dots, write_labels(tmp_path, tiny_model.KEYPOINTS, 500))
    assert "a.png, keypoint blue" in line


def test_an_unknown_key_in_a_project(tmp_path):
    project = tmp_path / "project.toml"
    project.write_text('name = "x"\nkeypiont = ["a"]\n')
    line = refused("train", project)
    assert "project.toml" in line
    assert "keypoints" in line


def test_without_a_verb_the_help_is_printed_and_the_version_on_request():
    assert "Commands:" in posewire().stdout
    from posewire import __version__

    assert posewire("--version").stdout == f"posewire {__version__}\n"


def test_debug_shows_where_an_error_comes_from():
    ended = posewire("run", "--model", "nothing", "--debug")
    assert ended.status == 1
    assert "Traceback" in ended.stderr


def test_a_video_in_the_place_of_a_rig_file_is_told_its_option(tmp_path, dots):
    (tmp_path / "mouse.mp4").write_bytes(b"\xff\xfe")
    assert "--source" in run(dots, tmp_path / "mouse.mp4")


def test_a_rate_behind_a_bare_path_is_told_the_kind(tmp_path, dots):
    path = tmp_path / "mouse.mp4"
    path.write_bytes(b"x")
    assert f"video:{path},fps=60" in run(dots, "--source", f"{path},fps=60")


def test_more_threads_than_cores_are_refused(dots):
    assert "--threads" in run(dots, "--threads", 10_000)


def test_a_duration_without_end_is_refused(dots):
    assert "--duration" in run(dots, "--duration", "inf")
