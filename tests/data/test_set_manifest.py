"""What a set's manifest says of its clips, wherever in the set one looks from; and that training heeds it."""

import json
from pathlib import Path

import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.files import write_json
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.degrade import degrade_clips, write_degraded_set
from vsrlib.data.sets.manifest import TESTING, Origin, origins, require_trainable
from vsrlib.data.synthetic.sets import SetsOptions, write_embedded_sets

NAMES = ("street", "walk", "other")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    named = [(Clip(name, frames), ("0",)) for name in NAMES]
    said = {
        "street": {"scene": "town", "kind": "filmed", "use": TESTING},
        "walk": {"scene": "town", "kind": "made"},
    }
    write_degraded_set(tmp_path / "Set", named, "Gaussian", 0, of_clip=said)
    return tmp_path / "Set"


@pytest.mark.parametrize("part", ["", "HR", "LR_blurdown_x4", "LR_blurdown_x4/walk"])
def test_the_origin_is_found_from_each_part_of_a_set(root: Path, part: str) -> None:
    assert origins(root / part, NAMES) == {
        "street": Origin("town", "filmed"),
        "walk": Origin("town", "made"),
        "other": Origin("other", "filmed"),
    }


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        "{",
        "[]",
        '{"clips": ["walk"]}',
        '{"name": "an app"}',
        '{"clips": {"walk": 3}}',
        '{"clips": {"walk": {"scene": 3, "kind": "drawn"}}}',
    ],
)
def test_what_no_manifest_tells_of_is_filmed_and_a_scene_of_its_own(root: Path, manifest: str | None) -> None:
    (root / "manifest.json").unlink()
    if manifest is not None:
        (root / "manifest.json").write_text(manifest)
    assert origins(root / "LR_blurdown_x4", ["walk"]) == {"walk": Origin("walk", "filmed")}
    require_trainable(root / "HR", ["walk"])


@pytest.mark.parametrize("part", ["", "HR"])
@pytest.mark.parametrize("output", ["Other", "Set"])
def test_a_set_that_is_made_of_a_set_says_the_same_of_its_clips(root: Path, part: str, output: str) -> None:
    """Where they are from and that no training may see them: the LR frames alone are others."""
    made = degrade_clips(root / part, root.parent / output, "Realistic", 3)
    assert made["blur"] == "Realistic" and made["clips"]["street"]["kernel"]["size"] == 13
    assert origins(root.parent / output, NAMES) == {
        "street": Origin("town", "filmed"),
        "walk": Origin("town", "made"),
        "other": Origin("other", "filmed"),
    }
    with pytest.raises(UserError, match="holds street, which .* is for testing only"):
        require_trainable(root.parent / output / "HR", NAMES)
    assert not {"kind", "scene", "use"} & made["clips"]["other"].keys()


def test_a_table_of_scenes_goes_before_what_the_manifest_says(root: Path) -> None:
    write_json(root / "scenes.json", {"walk": "park"})
    made = degrade_clips(root, root.parent / "Other", "Gaussian", 0)["clips"]
    assert (made["walk"]["scene"], made["walk"]["kind"], made["street"]["scene"]) == ("park", "made", "town")


def test_clips_for_testing_only_are_refused(root: Path) -> None:
    for part in (root, root / "HR", root / "HR" / "street"):
        with pytest.raises(UserError, match="holds street, which the set's manifest.json says is for testing only"):
            require_trainable(part, ["street"])
    require_trainable(root / "HR", ["walk", "other"])


def hr_clips(root: Path) -> Path:
    for name in NAMES:
        write_clip(root / name, Clip(name, np.zeros((1, 8, 8, 3), np.uint8)))
    return root


@pytest.mark.parametrize("table", ["HR", "."])
@pytest.mark.parametrize("given", ["HR", "."])
def test_a_user_s_table_of_scenes_comes_into_the_manifest(given: str, table: str, tmp_path: Path) -> None:
    """It lies beside the clips, or in the folder that is given."""
    hr_clips(tmp_path / "in" / "HR")
    write_json(tmp_path / "in" / table / "scenes.json", {"street": "town", "walk": "town"})
    degrade_clips(tmp_path / "in" / given, tmp_path / "Set", "Gaussian", 0)
    found = origins(tmp_path / "Set" / "LR_blurdown_x4", NAMES)
    town = "street" if (given, table) == ("HR", ".") else "town"
    assert found["street"].scene == town and found["other"].scene == "other"
    assert found["walk"].scene == ("walk" if town == "street" else "town")
    assert {one.kind for one in found.values()} == {"filmed"}


def test_a_table_of_scenes_is_of_all_clips_though_some_are_asked_for(tmp_path: Path) -> None:
    write_json(hr_clips(tmp_path / "HR") / "scenes.json", {"street": "town", "walk": "town"})
    manifest = degrade_clips(tmp_path / "HR", tmp_path / "Set", "Gaussian", 0, names=["walk"])
    assert manifest["clips"]["walk"]["scene"] == "town" and len(manifest["clips"]) == 1


def test_a_misspelt_clip_in_a_table_of_scenes_is_refused_before_the_work(tmp_path: Path) -> None:
    write_json(hr_clips(tmp_path / "HR") / "scenes.json", {"street": "town", "wlak": "town"})
    with pytest.raises(UserError, match=r"HR/scenes\.json names wlak, which is not in"):
        degrade_clips(tmp_path, tmp_path / "Set", "Gaussian", 0)
    assert not (tmp_path / "Set").exists()


def test_two_tables_that_say_different_scenes_of_a_clip_are_refused(tmp_path: Path) -> None:
    write_json(hr_clips(tmp_path / "in" / "HR") / "scenes.json", {"street": "town", "walk": "town"})
    write_json(tmp_path / "in" / "scenes.json", {"walk": "town"})
    degrade_clips(tmp_path / "in", tmp_path / "Set", "Gaussian", 0)
    write_json(tmp_path / "in" / "scenes.json", {"walk": "park"})
    with pytest.raises(UserError, match=r"names another scene of walk than another scenes\.json in"):
        degrade_clips(tmp_path / "in", tmp_path / "Set", "Gaussian", 0)


def test_a_name_with_an_accent_is_found_in_either_spelling(tmp_path: Path) -> None:
    write_clip(tmp_path / "HR" / "caf\u00e9", Clip("caf\u00e9", np.zeros((1, 8, 8, 3), np.uint8)))
    write_json(tmp_path / "HR" / "scenes.json", {"cafe\u0301": "town"})
    manifest = degrade_clips(tmp_path / "HR", tmp_path / "Set", "Gaussian", 0)
    assert manifest["clips"]["caf\u00e9"]["scene"] == "town"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    sizes = {"height": 64, "width": 80, "train_clips": 1, "train_frames": 5, "validation_frames": 5}
    write_embedded_sets(root, SetsOptions(**sizes, test_clips=5, test_frames=5, filmed_frames=5))
    return root


def entries(root: Path, name: str) -> dict[str, dict]:
    return json.loads((root / name / "manifest.json").read_text())["clips"]


def test_the_test_sets_hold_made_clips_and_filmed_ones(embedded: Path) -> None:
    for blur in ("Gaussian", "Realistic"):
        found = entries(embedded, f"Embedded_BlurDown_{blur}")
        by_kind = {kind: [name for name, one in found.items() if one["kind"] == kind] for kind in ("made", "filmed")}
        assert by_kind["made"] == ["astronaut", "chelsea", "coffee", "rocket", "astronaut-2"]
        assert by_kind["filmed"] == ["bigbuckbunny", *(f"bikes-{i}" for i in range(1, 7)), "carphone"]
        assert found["astronaut-2"]["scene"] == found["astronaut"]["scene"] == "astronaut"
        assert len({one["scene"] for one in found.values()}) == 12
        assert {one["hr_size"][0] for one in found.values()} == {64}
        assert all(one["source"] and one["licence"] for one in found.values())
        assert "Blender Foundation" in found["bigbuckbunny"]["source"]
        assert found["bigbuckbunny"]["licence"] == "CC BY 3.0" and found["chelsea"]["licence"] == "CC0"
        assert {name for name, one in found.items() if one.get("use") == TESTING} == set(by_kind["filmed"])


def test_the_clip_that_pages_show_by_themselves_is_a_made_one(embedded: Path) -> None:
    """The first by name: two of the films have no licence that lets others publish their frames."""
    for blur in ("Gaussian", "Realistic"):
        assert list_clips(embedded / f"Embedded_BlurDown_{blur}" / "HR")[0].name == "astronaut"


def test_filmed_clips_are_in_no_set_to_train_on(embedded: Path) -> None:
    for name in ("Embedded_Train", "Embedded_Validation"):
        assert all(clip.startswith(("motorcycle", "ihc")) for clip in entries(embedded, name))


def test_without_filmed_frames_there_are_none(tmp_path: Path) -> None:
    options = SetsOptions(height=32, width=32, test_clips=1, test_frames=2, filmed_frames=0)
    write_embedded_sets(tmp_path, options, only=["Embedded_BlurDown_Gaussian"])
    assert list(entries(tmp_path, "Embedded_BlurDown_Gaussian")) == ["astronaut"]
