#!/usr/bin/env bash
# libswscale (by PyAV): white of a video in limited range is 255/256 of white in RGB of more than 8 bits
#
# Expected, written down first: the white of a video in limited range, luma 235 of 8 bits or 940 of 10, is the largest value of
#   any RGB format: 255 of 8 bits, 1023 of 10, 65535 of 16, 1.0 in float.
# Found: it is 255 of 8 bits and 65535 of 16-bit grey, but 1020 of 10 bits, 4080 of 12, 65283 of 16 and 0.9962 in float RGB, whether the
#   video has 8 bits or more. All levels are too dark in that proportion: the scale is that of 255 * 256, not of 65535.
# Where it matters: whoever reads 10-bit video as 16-bit RGB gets a white of 254 when it is rounded to 8 bits, and a ratio of 0.4 %
#   between a video and the pictures that it was made of, which a PSNR against them is limited by. There and back again by the same
#   library it does not show.
# Remedy: read the planes of the YUV format, and take them to RGB by the definition (ITU-R BT.601, BT.709).
# Seen with Python 3.11, av 18.1.0 (libswscale 9.5.102), numpy 1.26.4, x86-64.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==1.26.4
cat > "$folder/program.py" <<'PROGRAM'
import sys

import av
import numpy as np

LARGEST = {"rgb24": 255, "gray16le": 65535, "gbrp10le": 1023, "gbrp12le": 4095, "rgb48le": 65535, "gbrpf32le": 1.0}


def white(pixels: str, bits: int) -> av.VideoFrame:
    """A frame that is white in limited range: luma 235, chroma 128, of 8 bits."""
    frame = av.VideoFrame(16, 16, pixels)
    for index, plane in enumerate(frame.planes):
        level = (128 if index else 235) << (bits - 8)
        kind = np.dtype(np.uint8 if bits == 8 else np.uint16)
        plane.update(np.full(plane.buffer_size // kind.itemsize, level, kind).tobytes())
    return frame


print("av", av.__version__, "libswscale", ".".join(map(str, av.library_versions["libswscale"])))
found = {}
for pixels, bits in (("yuv444p", 8), ("yuv444p10le", 10), ("yuv444p12le", 12)):
    frame = white(pixels, bits)
    for target, largest in LARGEST.items():
        made = frame.reformat(format=target, src_colorspace="ITU709", src_color_range="MPEG", dst_color_range="JPEG")
        kind = np.float32 if target == "gbrpf32le" else np.uint8 if target == "rgb24" else np.uint16
        value = float(np.frombuffer(bytes(made.planes[0]), kind)[0])
        found[target] = found.get(target, set()) | {round(value, 4)}
        print(f"white of {pixels} as {target}: {value:.6g} of {largest}")
described = {"rgb24": 255, "gray16le": 65535, "gbrp10le": 1020, "gbrp12le": 4080, "rgb48le": 65283, "gbrpf32le": 0.9962}
sys.exit(found != {target: {value} for target, value in described.items()})
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" && echo "as described" && exit 0
echo "CHANGED: see the head of this file"
exit 1
