"""Which five frames restore which frame of a clip."""

from vsrlib.frames import ClipSource, require_frames

WINDOW = 5


def windows(source: ClipSource, border: bool) -> list[tuple[int, list[int]]]:
    """(frame, its five frames) by index. UserError for a clip of fewer than five frames.

    Without `border` the first two and the last two frames are not restored. With it, the first two and the last two
    are put before and after the clip once more, as the published inference does: repeated, not mirrored.
    """
    require_frames(source, WINDOW)
    count = len(source)
    order = list(range(count))
    if border:
        order = [0, 1, *order, count - 2, count - 1]
    half = WINDOW // 2
    return [(order[i], order[i - half : i + half + 1]) for i in range(half, len(order) - half)]
