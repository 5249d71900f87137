"""Project files: defaults, and refusals that name the key and the nearest right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from posewire_models.errors import InputError
from posewire_training import config
from posewire_training.config import find_data, parse_project, project_file, read_project

LEAST = {"name": "mouse", "data": {"labels": ["labels.csv"]}}
RECIPES = Path(config.__file__).parent / "recipes"


def refusal(fields: dict[str, object]) -> str:
    with pytest.raises(InputError) as caught:
        parse_project(fields, "mouse.toml")
    message = str(caught.value)
    assert message.startswith("mouse.toml: ")
    assert "\n" not in message
    return message


def test_name_and_labels_are_enough() -> None:
    project = parse_project(LEAST, "mouse.toml")
    assert project.network.stride == 8
    assert project.network.weights == "imagenet"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_committed_recipes_are_valid_and_free_of_machine_paths(path: Path) -> None:
    assert read_project(path).name == path.stem
    assert "/work" not in path.read_text()
    assert "/tmp" not in path.read_text()


@pytest.mark.parametrize(
    ("fields", "wrong", "right"),
    [
        ({**LEAST, "keypoint": ["a"]}, "keypoint: unknown key", "'keypoints'"),
        ({**LEAST, "network": {"strid": 8}}, "network.strid: unknown key", "'stride'"),
        ({**LEAST, "schedule": {"learningrate": 1}}, "schedule.learningrate: unknown key", "'learning_rate'"),
        ({"name": "mouse", "data": {"label": ["x"], "labels": ["x"]}}, "data.label: unknown key", "'labels'"),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest_right_name(
    fields: dict[str, object], wrong: str, right: str
) -> None:
    message = refusal(fields)
    assert wrong in message
    assert f"did you mean {right}?" in message


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"name": "mouse"}, "[data]"),
        ({**LEAST, "phantom": {}}, "[phantom]"),
        ({**LEAST, "name": "a mouse/1"}, "name:"),
        ({**LEAST, "network": {"alpha": 0.4}}, "network.alpha:"),
        ({**LEAST, "network": {"decoding": {"min_lnk": 0.2}}}, "min_lnk: no such key"),
        ({**LEAST, "network": {"decoding": {"min_parts": 0}}}, "min_parts: 0"),
        ({**LEAST, "schedule": {"steps": 0}}, "schedule.steps:"),
        ({**LEAST, "schedule": {"crop": [100, 96]}}, "multiples of 32"),
        ({**LEAST, "augment": {"scale": [1.5, 0.5]}}, "must rise"),
    ],
)
def test_wrong_values_name_their_key(fields: dict[str, object], key: str) -> None:
    assert key in refusal(fields)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"project": 2}, "project: 2: this Posewire reads project file 1"),
        ({"keypoints": ["snout"], "colours": {"snot": "#ff0000"}}, "colours: 'snot' is no keypoint; did you mean"),
        ({"colours": {"snout": "red"}}, "colours.snout: 'red'; expected #rrggbb"),
        ({"colours": {"snout": "#ff00"}}, "colours.snout: '#ff00'; expected #rrggbb"),
    ],
)
def test_versions_and_colours_are_checked(fields: dict[str, object], why: str) -> None:
    assert why in refusal({**LEAST, **fields})


def test_colours_are_checked_against_the_labels_where_no_keypoints_are_chosen() -> None:
    project = parse_project({**LEAST, "colours": {"snout": "#FF0080"}}, "mouse.toml")
    project.body(("snout", "tail"))
    with pytest.raises(InputError, match=r"colours: 'snout' is no keypoint"):
        project.body(("nose", "tail"))


def test_a_project_is_its_folder_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no project\.toml.*posewire new"):
        read_project(tmp_path)
    (tmp_path / "mouse.toml").touch()
    assert project_file(tmp_path) == tmp_path / "mouse.toml"
    (tmp_path / "fly.toml").touch()
    with pytest.raises(InputError, match=r"holds 2 project files"):
        project_file(tmp_path)
    (tmp_path / "project.toml").write_text('name = "mouse"\n[data]\nvideos = ["videos/a.mp4"]\n')
    assert project_file(tmp_path) == tmp_path / "project.toml"
    assert read_project(tmp_path).data == read_project(tmp_path / "project.toml").data


def test_every_wrong_key_is_told_at_once() -> None:
    message = refusal({**LEAST, "colour": 1, "network": {"alpha": 2}})
    assert "colour" in message
    assert "network.alpha" in message


def test_edges_that_name_no_keypoint_are_refused_with_the_nearest() -> None:
    project = parse_project({**LEAST, "skeleton": [["snout", "tailbas"]]}, "mouse.toml")
    with pytest.raises(InputError, match=r"skeleton: 'tailbas' .*did you mean 'tailbase'"):
        project.body(("snout", "tailbase"))


def test_files_that_are_no_project_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_project(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("name = ")
    with pytest.raises(InputError, match="not valid TOML"):
        read_project(tmp_path / "broken.toml")


def test_data_is_found_above_the_project_file_by_root_and_by_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(config.DATA_ENVIRONMENT, raising=False)
    deep, elsewhere = tmp_path / "a" / "b", tmp_path / "elsewhere"
    deep.mkdir(parents=True)
    elsewhere.mkdir()
    (tmp_path / "labels.csv").touch()
    (elsewhere / "labels.csv").touch()
    assert find_data("labels.csv", deep, None, "label file") == tmp_path / "labels.csv"
    assert find_data("labels.csv", deep, "../../elsewhere", "label file").samefile(elsewhere / "labels.csv")
    monkeypatch.setenv(config.DATA_ENVIRONMENT, str(elsewhere))
    assert find_data("labels.csv", deep, "nowhere", "label file").samefile(elsewhere / "labels.csv")
    (deep / "own.csv").touch()
    assert find_data("own.csv", deep, None, "label file") == deep / "own.csv"
    with pytest.raises(InputError, match=r"label file 'other\.csv' not found .*POSEWIRE_DATA"):
        find_data("other.csv", deep, None, "label file")
