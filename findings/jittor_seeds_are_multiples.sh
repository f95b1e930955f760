#!/usr/bin/env bash
# Jittor on the CPU: the random numbers of seed k are k times those of seed 1, less whole ones; seeds 1 and 2 correlate by 0.5
#
# Expected, written down first: generators of different seeds have nothing to do with one another, so that trainings of the
#   seeds 1, 2, 3 are independent, as in PyTorch and numpy, whose first numbers of a small seed are not small either.
# Found: `jt.set_global_seed(k); jt.rand(n)` is k * (the numbers of seed 1) modulo 1. It is C++'s default_random_engine, in
#   g++ a multiplicative congruential generator whose state is the seed as it is: x -> 16807 x modulo 2**31 - 1. So seeds 1
#   and 2 correlate by 1/2, 1 and 3 by 1/3, and the first number of any seed below 1000 is below 0.01. The weights
#   of a new convolution inherit it: those of seed 1 and of seed 2 correlate by 0.49. "Five seeds" of small whole numbers
#   are five draws that know of one another.
# Remedy: draw first values with numpy's default_rng and copy them in, or spread the seeds (numpy's
#   SeedSequence(seed).generate_state(1)). jt.randn of small seeds is not affected visibly.
# Seen with Python 3.11, jittor 1.3.11.0, numpy 1.26.4, g++ 12.2, CPU. Needs g++ and Python's headers; takes minutes, for
#   Jittor compiles itself.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jittor==1.3.11.0 numpy==1.26.4 setuptools==80.9.0
cat > "$folder/program.py" <<'PROGRAM'
import sys

import jittor as jt
import numpy as np
from jittor import nn

jt.flags.use_cuda = 0


def uniform(seed: int) -> np.ndarray:
    jt.set_global_seed(seed)
    return jt.rand(100_000).numpy()


def weights(seed: int) -> np.ndarray:
    jt.set_global_seed(seed)
    return nn.Conv(64, 64, 3).weight.numpy().ravel()


one = uniform(1).astype(np.float64)
print(f"jittor {jt.__version__}: seed 1 begins {one[:3]}, seed 2 {uniform(2)[:3]}")
as_described = True
for seed in (2, 3, 5):
    other = uniform(seed)
    apart = np.abs((seed * one) % 1 - other)
    multiple = bool((np.minimum(apart, 1 - apart) < 1e-5).all())
    numbers, layers = np.corrcoef(one, other)[0, 1], np.corrcoef(weights(1), weights(seed))[0, 1]
    print(f"  seed {seed}: {seed} times seed 1, less whole ones: {multiple}; correlation {numbers:.2f}, of weights {layers:.2f}")
    as_described &= multiple and abs(numbers - 1 / seed) < 0.02 and abs(layers - 1 / seed) < 0.03
print("answered", flush=True)
sys.exit(not as_described)
PROGRAM
# The first import compiles Jittor and may ask to be started again, with status 0 and nothing done.
status=1
for _ in 1 2 3; do
    status=0
    HOME=$folder use_mkl=0 nvcc_path="" FIX_TORCH_ERROR=0 log_silent=1 "$folder/venv/bin/python" "$folder/program.py" \
        2> "$folder/log" | tee "$folder/out" || status=1
    grep -q answered "$folder/out" && break
    status=1
done
[ $status = 0 ] && echo "as described" || { tail -5 "$folder/log"; echo "CHANGED: see the head of this file"; }
exit $status
