#!/usr/bin/env bash
# tests/gpu/run.sh [OUTPUT]             checks and times everything CUDA on this machine, in less than eight minutes
# tests/gpu/run.sh --dry-run OUTPUT     the same with small frames on the CPU: whether the script itself works
#
# Needs an NVIDIA GPU with its driver, PyTorch built for CUDA, NumPy 2 and CuPy 14; Jittor is not used. PYTHON names
# another Python than `python3`. The results go to OUTPUT/gpu.json and OUTPUT/gpu.md (figures/gpu unless told).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec env PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" "${PYTHON:-python3}" tests/gpu/measure.py "$@"
