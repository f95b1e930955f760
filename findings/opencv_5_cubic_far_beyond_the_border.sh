#!/usr/bin/env bash
# OpenCV 5.0: bicubic warps read wrong pixels farther beyond the border than the picture is large, if it is mirrored or repeated
#
# Expected, written down first: remap, warpAffine and warpPerspective mirror or repeat a picture as often as it takes, in every
#   interpolation, as copyMakeBorder does and as OpenCV 4 did; at whole pixels every interpolation gives the same pixels.
# Found: so it is in 4.14.0 and in 5.0.0 with nearest, linear and Lanczos sampling, and within one picture's size of the
#   border with bicubic sampling too. Beyond that, 5.0.0's bicubic sampling gives other pixels, with BORDER_REFLECT,
#   BORDER_REFLECT_101 and BORDER_WRAP alike; BORDER_REPLICATE is right. There is no message.
# Where it matters: textures that are turned, zoomed and moved at random and mirrored beyond their edges, as augmentations
#   and made training pairs are. Two views of one texture then show different things, and the flow that is taken for their
#   truth is not. Whoever asks for the newest opencv-python gets 5.0.0.
# Remedy: copyMakeBorder, which is right, with a border that every position lies within; then warp that.
# Seen with Python 3.11, opencv-python-headless 4.14.0.94 and 5.0.0.93, numpy 2.4.6, x86-64.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import sys

import cv2
import numpy as np

WIDTH, HEIGHT = 80, 60
SAMPLING = {"nearest": cv2.INTER_NEAREST, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "Lanczos": cv2.INTER_LANCZOS4}
BORDERS = {
    "reflect": (cv2.BORDER_REFLECT, lambda i, n: np.minimum(i % (2 * n), 2 * n - 1 - i % (2 * n))),
    "reflect_101": (cv2.BORDER_REFLECT_101, lambda i, n: np.minimum(i % (2 * n - 2), 2 * n - 2 - i % (2 * n - 2))),
    "wrap": (cv2.BORDER_WRAP, lambda i, n: i % n),
    "replicate": (cv2.BORDER_REPLICATE, lambda i, n: i.clip(0, n - 1)),
}
picture = np.random.default_rng(0).random((HEIGHT, WIDTH), dtype=np.float32)
found = {}
for name, sampling in SAMPLING.items():
    for border, (mode, inside) in BORDERS.items():
        for distance in (40, 200):
            columns, rows = np.arange(WIDTH) - distance, np.arange(HEIGHT) - distance
            expected = picture[np.ix_(inside(rows, HEIGHT), inside(columns, WIDTH))]
            grid = [part.astype(np.float32) for part in np.meshgrid(columns, rows)]
            move = np.array([[1.0, 0, -distance], [0, 1, -distance]])
            results = {
                "remap": cv2.remap(picture, *grid, sampling, borderMode=mode),
                "warpAffine": cv2.warpAffine(
                    picture, move, (WIDTH, HEIGHT), flags=sampling | cv2.WARP_INVERSE_MAP, borderMode=mode
                ),
            }
            for function, result in results.items():
                share = float((np.abs(result - expected) > 1e-3).mean())
                if share > 0:
                    found[name, border, distance, function] = share
print("OpenCV", cv2.__version__)
for what, share in found.items():
    print(*what, f"pixels beyond the border: {100 * share:.0f} % of the pixels are wrong")
wrong = {("cubic", border, 200, function) for border in ("reflect", "reflect_101", "wrap") for function in results}
expected = wrong if cv2.__version__.startswith("5.") else set()
sys.exit(set(found) != expected or any(share < 0.5 for share in found.values()))
PROGRAM
for version in 4.14.0.94 5.0.0.93; do
    python3 -m venv --clear "$folder/venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==$version numpy==2.4.6
    "$folder/venv/bin/python" "$folder/program.py" || { echo "CHANGED: see the head of this file"; exit 1; }
done
echo "as described"
