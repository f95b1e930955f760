"""Training pairs: that the flow is exact, the mask right, and a seed decides everything."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data.blur_kernels import gaussian_kernel, realistic_kernel
from vsrlib.data.degrade import blur_down_exact
from vsrlib.data.frames import write_frame
from vsrlib.data.synthetic.pictures import PHOTOGRAPHS
from vsrlib.training.flow import scenes
from vsrlib.training.flow.batches import embedded_textures, folder_textures
from vsrlib.training.flow.evaluation import STEREO
from vsrlib.training.flow.scenes import Surface, at_time, compose, degrade, draw_samples, draw_scene, scene_flow

SIZE = (48, 64)
DISC = np.zeros((0, 3))  # no sides: the surface is round


def smooth_textures(count: int = 4) -> list[np.ndarray]:
    """Noise without fine detail, so that interpolating an LR frame costs next to nothing."""
    rng = np.random.default_rng(0)
    textures = []
    for _ in range(count):
        noise = cv2.GaussianBlur(rng.normal(size=(400, 500, 3)), (0, 0), 12, borderType=cv2.BORDER_REFLECT_101)
        textures.append(np.rint(127 + 100 * noise / np.abs(noise).max()).astype(np.uint8))
    return textures


def warped_back(second: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """(3, h, w) sampled where the flow points, bicubic."""
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]].astype(np.float32)
    return np.stack(
        [
            cv2.remap(plane, x + flow[0], y + flow[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            for plane in second
        ]
    )


def away_from_edges(scene: list[Surface], flow: np.ndarray, backwards: bool) -> np.ndarray:
    """Pixels whose blur reaches one surface alone, in both frames."""
    here = 4.0 * np.stack(np.meshgrid(np.arange(flow.shape[2]), np.arange(flow.shape[1])))
    far = np.ones(flow.shape[1:], bool)
    for piece in scene[1:]:
        for second, points in ((backwards, here), (not backwards, here + 4 * flow)):
            far &= np.abs(piece.depth(points, second)) > 14
    return far


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_the_second_frame_warped_back_is_the_first_where_visible(seed: int, backwards: bool) -> None:
    scene = draw_scene(np.random.default_rng(seed), smooth_textures(), SIZE, 8.0)
    low = [blur_down_exact(compose(scene, which, SIZE), gaussian_kernel()) for which in (backwards, not backwards)]
    first, second = (frame.transpose(2, 0, 1).astype(np.float32) for frame in low)
    flow, visible = scene_flow(scene, SIZE, backwards)
    fair = visible & away_from_edges(scene, flow, backwards)
    fair[:2], fair[-2:], fair[:, :2], fair[:, -2:] = False, False, False, False  # borders are repeated in the blur
    assert fair.mean() > 0.1

    def error(flow: np.ndarray) -> float:
        return float(np.abs(warped_back(second, flow) - first)[:, fair].mean())

    right = error(flow)
    assert right < 0.25  # of 255
    if np.hypot(*flow)[fair].mean() > 0.5:
        # a flow that is opposite, transposed, in HR pixels or zero would not do
        assert right < 0.25 * min(error(-flow), error(flow[::-1]), error(4 * flow), error(np.zeros_like(flow)))


def piece(
    centre: tuple[float, float],
    radius: float,
    shift: tuple[float, float],
    grey: int,
    sides: np.ndarray = DISC,
) -> Surface:
    texture = np.full((64, 64, 3), grey, np.uint8)
    motion = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], float)
    return Surface(texture, np.eye(2, 3), motion, np.ones(3, np.float32), np.array(centre, float), radius, sides)


def test_what_a_piece_covers_is_not_visible() -> None:
    """A black disc of 8 LR pixels' radius moves right by 4 LR pixels over a white background that stands still."""
    scene = [piece((0, 0), np.inf, (0, 0), 255), piece((96, 96), 32, (16, 0), 0)]
    size = (48, 56)
    flow, visible = scene_flow(scene, size)
    x, y = np.meshgrid(np.arange(56), np.arange(48))
    before, after = np.hypot(x - 24, y - 24) < 8, np.hypot(x - 28, y - 24) < 8
    np.testing.assert_array_equal(flow[0], np.where(before, 4, 0))
    assert (flow[1] == 0).all()
    np.testing.assert_array_equal(visible, before | ~after)
    back, visible = scene_flow(scene, size, second=True)
    np.testing.assert_array_equal(back[0], np.where(after, -4, 0))
    np.testing.assert_array_equal(visible, after | ~before)
    first, second = (compose(scene, which, size)[::4, ::4, 0] for which in (False, True))
    distance = np.hypot(x - 24, y - 24)
    assert (first[distance < 7.5] == 0).all() and (first[distance > 8.5] == 255).all()
    np.testing.assert_array_equal(second[:, 4:], first[:, :-4])


def test_what_leaves_the_frame_is_not_visible() -> None:
    flow, visible = scene_flow([piece((0, 0), np.inf, (-12, 8), 99)], (20, 30))
    assert (flow[0] == -3).all() and (flow[1] == 2).all()
    expected = np.zeros((20, 30), bool)
    expected[:18, 3:] = True
    np.testing.assert_array_equal(visible, expected)


def test_a_cut_piece_ends_at_its_line() -> None:
    cut = piece((40, 40), 20, (0, 0), 0, np.array([[1.0, 0.0, 5.0]]))
    points = np.array([[40, 44, 46, 40], [40, 40, 40, 61]], float)
    np.testing.assert_allclose(cut.depth(points), [5, 1, -1, -1])


def test_a_seed_decides_the_sample() -> None:
    textures = smooth_textures()
    forwards, backwards = draw_samples(np.random.default_rng(3), textures, SIZE)
    assert np.array_equal(forwards.first, backwards.second) and np.array_equal(forwards.second, backwards.first)
    first, again, other = (draw_samples(np.random.default_rng(seed), textures, SIZE)[0] for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first.first, other.first)
    assert first.first.dtype == first.flow.dtype == np.float32 and first.visible.dtype == bool
    assert first.first.shape == (3, *SIZE) and first.flow.shape == (2, *SIZE) and first.visible.shape == SIZE
    assert first.first.min() > -0.01 and first.first.max() < 1.01


def test_shifts_reach_their_limit_and_are_mostly_small() -> None:
    rng, textures = np.random.default_rng(0), smooth_textures()
    lengths = []
    for _ in range(300):
        background = draw_scene(rng, textures, SIZE, 8.0)[0]
        centre = background.centre[:, None]
        lengths.append(float(np.hypot(*(background.move(centre) - centre))[0]) / 4)
    assert 7.5 < max(lengths) <= 8.0 + 1e-9
    assert 1.2 < np.median(lengths) < 2.8


def test_brightness_changes_in_the_second_frame_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    textures = smooth_textures()
    plain, changed = (draw_samples(np.random.default_rng(5), textures, SIZE, jitter=j)[0] for j in (0.0, 0.1))
    np.testing.assert_array_equal(plain.first, changed.first)
    gain, offset = np.polyfit(plain.second.ravel(), changed.second.ravel(), 1)
    assert 0.9 <= gain <= 1.1 and abs(offset) <= 0.034 and abs(gain - 1) + abs(offset) > 1e-4


@pytest.mark.parametrize(
    "kernel", [gaussian_kernel(0.4), gaussian_kernel(2.0), realistic_kernel(np.random.default_rng(0))]
)
def test_the_degradation_is_the_projects(kernel: np.ndarray) -> None:
    frame = np.random.default_rng(0).uniform(0, 255, (48, 60, 3)).astype(np.float32)
    expected = blur_down_exact(frame, kernel).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(degrade(frame, kernel), expected, atol=1e-6)


@pytest.mark.parametrize("second", [False, True])
def test_a_piece_lies_within_its_box(second: bool) -> None:
    rng, size = np.random.default_rng(1), (100, 120)
    for _ in range(60):
        scene = draw_scene(rng, smooth_textures(1), (25, 30), 8.0)
        points = np.stack(np.meshgrid(np.arange(120.0), np.arange(100.0)))
        for one in scene[1:]:
            left, top, right, bottom = one.box(second, size)
            outside = np.ones(size, bool)
            outside[top:bottom, left:right] = False
            assert not (outside & (one.depth(points, second) > -0.75)).any()


def test_both_families_of_kernels_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(scenes, "draw_kernel", lambda blur, rng: drawn.append(blur) or gaussian_kernel())
    rng, textures = np.random.default_rng(0), smooth_textures()
    for _ in range(20):
        draw_samples(rng, textures, (16, 16))
    assert set(drawn) == {"Gaussian", "Realistic"}


def test_embedded_textures_leave_out_what_is_told() -> None:
    everything, rest = embedded_textures("train"), embedded_textures("train", STEREO)
    assert len(rest) == len(everything) - 4  # both pictures, whole and halved
    assert set(STEREO) <= set(PHOTOGRAPHS["train"])


def test_folder_textures_are_spread_evenly(tmp_path: Path) -> None:
    for index in range(10):
        write_frame(tmp_path / f"{index}.png", np.full((64 + index, 80, 3), index, np.uint8))
    chosen = [int(picture[0, 0, 0]) for picture in folder_textures(tmp_path, most=4)]
    assert chosen == [0, 3, 6, 9]
    write_frame(tmp_path / "x.png", np.zeros((40, 80, 3), np.uint8))
    with pytest.raises(UserError, match="80x40"):
        folder_textures(tmp_path)


def test_the_order_of_pictures_need_not_be_clear(tmp_path: Path) -> None:
    for name in ("a9", "a10", "b1"):
        write_frame(tmp_path / f"{name}.png", np.zeros((64, 80, 3), np.uint8))
    assert len(folder_textures(tmp_path)) == 3


def test_both_samples_of_a_scene_have_its_flow_their_own_way() -> None:
    for seed in range(4):
        scene = draw_scene(np.random.default_rng(seed), smooth_textures(), SIZE, 8.0)
        there, back = draw_samples(np.random.default_rng(seed), smooth_textures(), SIZE, 8.0)
        for sample, second in ((there, False), (back, True)):
            flow, visible = scene_flow(scene, SIZE, second)
            np.testing.assert_array_equal(sample.flow, flow)
            np.testing.assert_array_equal(sample.visible, visible)
        assert np.array_equal(there.first, back.second) and np.array_equal(there.second, back.first)
        assert not np.array_equal(there.flow, back.flow)


def test_bars_are_thin_and_their_flow_is_as_exact() -> None:
    """They come after everything else, so that the scene without them is the one that it was."""
    widths, radii, places, counts = [], [], [], set()
    for seed in range(40):
        plain, with_bars = (draw_scene(np.random.default_rng(seed), smooth_textures(1), SIZE, 8.0, n) for n in (0, 4))
        counts.add(len(with_bars) - len(plain))
        for one, same in zip(plain, with_bars):
            assert np.array_equal(one.motion, same.motion) and np.array_equal(one.sides, same.sides)
        for bar in with_bars[len(plain) :]:
            (across, down, half), (back_across, back_down, back_half) = bar.sides
            assert (across, down, half) == (-back_across, -back_down, back_half)
            widths.append(2 * half / 4)
            radii.append(bar.radius / (4 * SIZE[0]))
            places.append(bar.centre / (4 * np.array(SIZE[::-1])))
            end = bar.centre + np.array([-down, across]) * (bar.radius - half - 1)
            edge = bar.centre + np.array([across, down]) * half
            np.testing.assert_allclose(bar.depth(np.stack([bar.centre, edge, end], 1)), [half, 0, half], atol=2)
    assert 0.2 <= min(radii) < 0.25 and 0.55 < max(radii) <= 0.6
    assert (np.min(places, 0) < 0.1).all() and (np.max(places, 0) > 0.9).all() and (np.max(places, 0) < 1).all()
    assert 1 <= min(widths) < 2 and 4 < max(widths) <= 5 and counts == {0, 1, 2, 3, 4}


def test_noise_is_of_both_frames_and_of_no_flow() -> None:
    textures = smooth_textures(1)
    plain, noisy = (
        draw_samples(np.random.default_rng(3), textures, SIZE, jitter=0.0, noise=deviation)[0]
        for deviation in (0.0, 0.1)
    )
    np.testing.assert_array_equal(plain.flow, noisy.flow)
    added = [(getattr(noisy, name) - getattr(plain, name)).ravel() for name in ("first", "second")]
    assert abs(np.corrcoef(added)[0, 1]) < 0.05
    assert added[0].std() == pytest.approx(added[1].std(), rel=0.05) and 0.001 < added[0].std() <= 0.1


def test_a_scene_goes_on_as_it_moved() -> None:
    """A surface's own motion taken twice is what it does in two frames, but for where a turn bends the path."""
    rng = np.random.default_rng(0)
    for seed in range(5):
        scene = draw_scene(np.random.default_rng(seed), smooth_textures(1), SIZE, 8.0)
        for one, same, double, back in zip(scene, *(at_time(scene, time, rng, 0.0) for time in (1, 2, -1))):
            np.testing.assert_allclose(same.motion, one.motion, atol=1e-9)
            centre = one.centre[:, None]
            shift = one.move(centre) - centre
            np.testing.assert_allclose(double.move(centre) - centre, 2 * shift, atol=1e-9)
            np.testing.assert_allclose(back.move(centre) - centre, -shift, atol=1e-9)
            np.testing.assert_allclose(double.motion[:, :2], one.motion[:, :2] @ one.motion[:, :2], atol=1e-9)
            np.testing.assert_allclose(back.motion[:, :2] @ one.motion[:, :2], np.eye(2), atol=1e-9)
            assert double.texture is one.texture and np.array_equal(double.to_texture, one.to_texture)


def test_a_wobble_is_as_large_as_it_is_said_to_be() -> None:
    rng, scene = np.random.default_rng(0), [piece((20, 30), 10, (4, 0), 9)]
    centre = scene[0].centre[:, None]
    for time in (1, -2):
        away = [at_time(scene, time, rng, 1.5)[0].move(centre)[:, 0] - (20 + 4 * time, 30) for _ in range(2000)]
        assert np.sqrt(np.mean(np.sum(np.square(away), 1))) == pytest.approx(1.5 * np.sqrt(abs(time)), rel=0.05)
        assert np.abs(np.mean(away, 0)).max() < 0.15


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_the_edge_of_a_piece_is_a_pixel_and_a_half_wide(offset: float) -> None:
    """White on black: half at the edge, nothing three quarters of an HR pixel outside it, all as far inside."""
    black, white = (np.full((300, 300, 3), value, np.uint8) for value in (0, 255))
    still, gains, centre = np.eye(2, 3), np.ones(3, np.float32), np.array([32 + offset, 32.0])
    scene = [
        Surface(black, still, still, gains, centre, np.inf, DISC),
        Surface(white, still, still, gains, centre, 20.0, DISC),
    ]
    row = compose(scene, False, (16, 16))[32, :, 0]
    depths = 20 - np.abs(np.arange(64) - centre[0])
    np.testing.assert_allclose(row, 255 * np.clip(0.5 + depths / 1.5, 0, 1), atol=1e-3)


@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.25])
def test_a_piece_is_drawn_to_its_edge_where_it_has_grown(zoom: float) -> None:
    """In the second frame it is `zoom` times as large about its centre; nothing of it is cut off."""
    black, white = (np.full((300, 300, 3), value, np.uint8) for value in (0, 255))
    still, gains, centre = np.eye(2, 3), np.ones(3, np.float32), np.array([32.0, 32.0])
    grown = np.column_stack([zoom * np.eye(2), (1 - zoom) * centre])
    scene = [
        Surface(black, still, still, gains, centre, np.inf, DISC),
        Surface(white, still, grown, gains, centre, 20.0, DISC),
    ]
    picture = compose(scene, True, (16, 16))[:, :, 0]
    depths = 20 - np.hypot(*(np.indices((64, 64)) - 32)) / zoom
    np.testing.assert_allclose(picture, 255 * np.clip(0.5 + depths / 1.5, 0, 1), atol=1e-3)


@pytest.mark.parametrize("place", [(-100, 32), (200, 32), (32, -100), (32, 200), (-100, -100), (200, 200)])
def test_a_piece_beside_the_frame_is_not_drawn(place: tuple[int, int]) -> None:
    black, white = (np.full((300, 300, 3), value, np.uint8) for value in (0, 255))
    still, gains = np.eye(2, 3), np.ones(3, np.float32)
    scene = [Surface(black, still, still, gains, np.array([32.0, 32.0]), np.inf, DISC)]
    scene.append(Surface(white, still, still, gains, np.array(place, float), 20.0, DISC))
    for second in (False, True):
        assert not compose(scene, second, (16, 16)).any()


@pytest.mark.parametrize("turn", [np.eye(2), np.array([[0.0, -1], [1, 0]])], ids=["straight", "turned"])
@pytest.mark.parametrize(
    "x, y", [(0, 0), (-69, 40), (-75, 0), (61, 0), (0, -60), (0, 101), (-70, 0), (60, 0), (-300, 250), (1000, -700)]
)
def test_a_photograph_is_mirrored_as_often_as_it_takes(
    x: int, y: int, turn: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within what every OpenCV reads rightly: no position is farther beyond the border than the photograph is large."""
    width, height, box = 70, 50, (0, 0, 80, 60)
    texture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    given, warp = [], cv2.warpAffine
    monkeypatch.setattr(cv2, "warpAffine", lambda *what, **how: given.append(what) or warp(*what, **how))
    to_texture, still = np.hstack([turn, [[x], [y]]]), np.eye(2, 3)
    seen = Surface(texture, to_texture, still, np.ones(3), np.zeros(2), np.inf, DISC).render(False, box)
    grid = np.moveaxis(np.mgrid[:60, :80][::-1], 0, -1).astype(float)  # (x, y) of every pixel
    columns, rows = np.moveaxis((grid @ turn.T + [x, y]).astype(int), -1, 0)
    np.testing.assert_array_equal(seen, texture[mirrored(rows, height), mirrored(columns, width)])
    ((padded, transform, size),) = given
    assert size == (80, 60)
    assert padded.shape[:2] == bordered(to_texture, size, width, height) and transform.shape == (2, 3)


@pytest.mark.parametrize("x, y", [(-300, 0), (300, 0), (0, -300), (0, 300)])
def test_the_border_of_a_turned_photograph_is_no_larger_than_it_has_to_be(
    x: int, y: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each corner of the box is farthest out once; in steps of a tenth, so that a pixel more or less shows."""
    width, height, given, warp = 70, 50, [], cv2.warpAffine
    monkeypatch.setattr(cv2, "warpAffine", lambda *what, **how: given.append(what) or warp(*what, **how))
    texture, turn = np.zeros((height, width, 3), np.uint8), np.array([[3**0.5, -1], [1, 3**0.5]]) / 2
    for step in range(10):
        to_texture = np.hstack([turn, [[x + step / 10], [y + step / 10]]])
        Surface(texture, to_texture, np.eye(2, 3), np.ones(3), np.zeros(2), np.inf, DISC).render(False, (0, 0, 80, 60))
        assert given[-1][0].shape[:2] == bordered(to_texture, (80, 60), width, height)


def bordered(to_texture: np.ndarray, size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """Rows and columns of a photograph with the border that a box at the origin needs of it."""
    reach = []
    for row, side in zip(to_texture, (width, height)):
        places = [row @ [x, y, 1] for x in (0, size[0]) for y in (0, size[1])]
        reach.append(max(-min(places), max(places) - side))
    border = 0 if reach[0] <= width and reach[1] <= height else int(np.ceil(max(reach))) + 2
    return height + 2 * border, width + 2 * border


def mirrored(index: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` pixels is seen at an index, the first and the last one shown once."""
    index = np.abs(index) % (2 * count - 2)
    return np.where(index >= count, 2 * count - 2 - index, index)


def test_photographs_are_turned_every_way_as_often() -> None:
    """And none is enlarged: an HR pixel is of 1 to 1.25 of its own."""
    textures, rng = smooth_textures(1), np.random.default_rng(0)
    found = np.array([draw_scene(rng, textures, SIZE, 8.0, 0)[0].to_texture[:, 0] for _ in range(400)])
    zooms, turns = np.hypot(*found.T), np.arctan2(found[:, 1], found[:, 0])
    assert 1 <= zooms.min() < 1.02 and 1.23 < zooms.max() < 1.25
    quarters = np.histogram(turns, 4, (-np.pi, np.pi))[0]
    assert quarters.sum() == 400 and quarters.min() > 70  # a quarter of 400, four standard deviations below it
