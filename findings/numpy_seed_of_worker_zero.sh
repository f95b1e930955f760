#!/usr/bin/env bash
# numpy.random.default_rng([seed, 0]) is default_rng(seed): trailing zeros of a list of seeds do not count
#
# Expected, written down first: lists of seeds that differ give streams that differ, so `default_rng([seed, worker])` for
#   worker 0, 1, 2, ... are independent of one another and of the main process's `default_rng(seed)`.
# Found: a list of fewer than four 32-bit words is filled up with zeros, so worker 0 draws the very numbers of the main
#   process, and sample 0 of epoch 3, [seed, 3, 0], those of epoch 3's own order, [seed, 3]. Whole numbers are split into
#   words the same way: [2**32] is [0, 1]. From the fifth word on a zero does count, and what `SeedSequence.spawn` makes
#   is set apart. The manual's recipe for workers, [worker, seed], has the number that may be zero in front.
# Remedy: a tag that is never zero goes last, or `SeedSequence(seed).spawn(n)`.
# Seen with Python 3.11, numpy 1.26.4 and 2.3.5.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"

status=0
for version in 1.26.4 2.3.5; do
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "numpy==$version"
    "$folder/venv/bin/python" - <<'PROGRAM' || status=1
import sys

import numpy as np

PAIRS = [
    (7, [7, 0], True),
    ([7, 3], [7, 3, 0], True),
    ([2**32], [0, 1], True),
    ([7, 3, 0, 0], [7, 3, 0, 0, 0], False),
    ([7, 0], [0, 7], False),
]
print(f"numpy {np.__version__}")
as_described = True
for one, other, same in PAIRS:
    found = np.array_equal(np.random.default_rng(one).random(1000), np.random.default_rng(other).random(1000))
    print(f"  {one} and {other}: {'the same' if found else 'different'} numbers")
    as_described &= found == same
spawned = np.random.default_rng(np.random.SeedSequence(7).spawn(1)[0]).random(1000)
apart = not np.array_equal(spawned, np.random.default_rng(7).random(1000))
print(f"  7 and its first spawned child: {'different' if apart else 'the same'} numbers")
sys.exit(not (as_described and apart))
PROGRAM
done
[ $status = 0 ] && echo "as described" || echo "CHANGED: see the head of this file"
exit $status
