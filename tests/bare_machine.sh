#!/usr/bin/env bash
# tests/bare_machine.sh [--debian 12|13] [--only 'STEPS'] [--keep] [--dry-run] [FOLDER]
#
# Do README's lines do what README says, on the systems that it names? This makes a minimal Debian in FOLDER, puts what
# is committed there, types the RUN lines of that system in Containerfile, which are README's, and nothing else, and
# fails if one of them does: the packages, ./run_all.sh, and `vsrlib infer`, whose frames must be four times as large as
# those of the study that they were made from. Debian 12 has Python 3.11 and so both frameworks, Debian 13 PyTorch alone.
#
#   --debian 13      the newer system; 12 is the default
#   --only 'STEPS'   a shorter study: 01 02 04 is enough for frames in each framework
#   --keep           leave the machine where it is; a FOLDER of yours is left in any case
#   --dry-run        say what would be typed, and do nothing; this alone needs nothing of what follows
#
# With 01 02 04 it takes 16 minutes of processor time, a good part of them for Jittor, which compiles itself; the other
# steps of the quick study come on top. It needs root (mounts, chroot), debootstrap, 6 GB of disk, and the network,
# or the mirrors that apt and pip of this machine know: their settings are taken over, for those are not what is tested.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
user_folder=/root/vsrlib            # where the project lies within the machine
frames=data/Embedded_BlurDown_Realistic/LR_blurdown_x4
needed_kb=$((6 * 1000 * 1000))

fail() { echo "error: $1" >&2; exit 1; }
say() { echo "== minute $((SECONDS / 60)): $*"; }

declare -A codenames=([12]=bookworm [13]=trixie)
debian=12 only='' keep='' dry='' machine=''
while [ $# -gt 0 ]; do
    case $1 in
        --debian)
            debian=${2:-}
            [ -n "${codenames[${debian:-none}]:-}" ] || fail "--debian is '$debian'; choose one of: 12, 13."
            shift ;;
        --only)
            only=${2:-}
            [[ $only =~ ^[A-Za-z0-9_\ ]+$ ]] \
            || fail "--only has no steps, because what follows it is '$only'; write for example: --only '01 02 04'."
            shift ;;
        --keep) keep=1 ;;
        --dry-run) dry=1 ;;
        -*) fail "$1 is no option of this script; its first lines say what it takes." ;;
        *) machine=$1 ;;
    esac
    shift
done

# What Containerfile runs on this system, in its order.
read_lines() {
    mapfile -t lines < <(
        awk -v from="debian:$debian" '
            $1 == "FROM" {within = $2 == from}
            within && $1 == "RUN" {sub(/^RUN /, ""); print}
        ' "$1/Containerfile"
    )
    [ ${#lines[@]} -gt 0 ] \
    || fail "Containerfile has no RUN line after FROM debian:$debian, so that nothing can be typed; correct it."
}

read_lines "$project"
if [ -n "$dry" ]; then
    printf '%s\n' "${lines[@]}"
    exit
fi

[ "$(id -u)" = 0 ] || fail "the machine cannot be made, because mounts and chroot are for root; run this with sudo."
command -v debootstrap >/dev/null || fail "debootstrap was not found, which makes the machine; apt install debootstrap."
if [ -z "$machine" ]; then
    machine=$(mktemp -d)
    chmod 755 "$machine"            # apt downloads as a user of its own
    [ -n "$keep" ] || remove=1
elif [ -n "$(ls -A "$machine" 2>/dev/null)" ]; then
    fail "$machine is not empty, and the machine would be mixed with what lies there; name an empty folder."
fi
mkdir -p "$machine"
machine=$(cd "$machine" && pwd)

# What is mounted must be gone before the folder is removed, or the removal would reach what lies outside.
mounted=()
clean_up() {
    local status=$? folder
    for folder in "${mounted[@]}"; do
        umount "$folder" 2>/dev/null || umount --lazy "$folder" || remove=''
    done
    if [ -n "${remove:-}" ]; then rm -rf --one-file-system "$machine"; else echo "The machine is in $machine."; fi
    exit $status
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mount_at() {
    local where=$machine$1
    shift
    mkdir -p "$where"
    mount "$@" "$where"
    mounted=("$where" "${mounted[@]}")
}

free_kb=$(df --output=avail "$machine" | tail -1)
[ "$free_kb" -ge $needed_kb ] \
|| fail "$machine has $((free_kb / 1000)) MB free and 6000 MB are needed; name a folder on a larger disk."

# Debian's archives as this machine reaches them, whichever of the two it is; if it is neither, the public ones.
codename=${codenames[$debian]}
sources=()
if command -v apt-get >/dev/null; then
    # apt-get fills these names in
    # shellcheck disable=SC2016
    mapfile -t sources < <(
        apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' \
            2>/dev/null \
        | sed -nE "s/^(deb [^ ]+) (bookworm|trixie)(-updates|-security)? main( Debian)?\$/\1 $codename\3 main/p" | sort -u
    )
fi
mirror=$(printf '%s\n' "${sources[@]}" | awk -v name="$codename" '$3 == name {print $2; exit}')
if [ -z "$mirror" ]; then
    mirror=http://deb.debian.org/debian
    sources=(
        "deb $mirror $codename main" "deb $mirror $codename-updates main" "deb $mirror-security $codename-security main"
    )
fi
apt_settings=$(apt-config dump 2>/dev/null \
               | grep -E '^Acquire::(https?::Proxy(::[^ ]+)?|Check-Valid-Until|Check-Date|Retries) ' || true)
proxy=$(sed -nE 's/^Acquire::http::Proxy "(.+)";$/\1/p' <<<"$apt_settings")
[ -z "$proxy" ] || export http_proxy="${http_proxy:-$proxy}"

# pip's settings from all of its files and variables, as variables.
declare -A settings=()
while IFS='=' read -r key value; do
    name=${key##*.} name=${name//-/_}
    value=${value#\'} value=${value%\'}
    # what stands in the environment counts more than what stands in a file
    [[ $key != :env:* && -n ${settings[PIP_${name^^}]:-} ]] || settings[PIP_${name^^}]=${value//\\n/ }
done < <(python3 -m pip config list 2>/dev/null | grep -E '^(:env:|global|install)\.' | sort || true)
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!name:-}" ] || settings[$name]=${!name}
done
# An authority of this machine's own, under a name that Debian's package of authorities does not write over.
authorities=${SSL_CERT_FILE:-${settings[PIP_CERT]:-}}
unset 'settings[PIP_CERT]'

say "a minimal Debian $debian in $machine"
include=()
[[ ${sources[*]} != *https:* ]] || include=(--include=ca-certificates)
said=$(debootstrap --variant=minbase "${include[@]}" "$codename" "$machine" "$mirror" 2>&1) \
|| fail "debootstrap made no machine, because: $(tail -5 <<<"$said"); mend that, or name another folder."
printf '%s\n' "${sources[@]}" >"$machine/etc/apt/sources.list"
echo "$apt_settings" >"$machine/etc/apt/apt.conf.d/90outside"
cp -L /etc/resolv.conf /etc/hosts "$machine/etc/"
if [ -f "$authorities" ]; then
    install -D -m 644 "$authorities" "$machine/etc/ssl/outside.crt"
    for name in PIP_CERT SSL_CERT_FILE REQUESTS_CA_BUNDLE; do settings[$name]=/etc/ssl/outside.crt; done
    echo 'Acquire::https::CaInfo "/etc/ssl/outside.crt";' >>"$machine/etc/apt/apt.conf.d/90outside"
fi
mount_at /proc -t proc proc
mount_at /sys -t sysfs -o ro sysfs
# semaphores of Python's processes lie there
mount_at /dev/shm -t tmpfs tmpfs
# Files and folders that pip's settings name, where they name them; the files of an index may lie beside it.
for name in "${!settings[@]}"; do
    [[ $name == PIP_* ]] || continue
    for path in ${settings[$name]}; do
        path=${path#file://}
        if [[ $path != /* || $path == /etc/ssl/outside.crt ]]; then continue; fi
        if [[ $name == *INDEX_URL && $(dirname "$path") != / ]]; then path=$(dirname "$path"); fi
        if [ -f "$path" ]; then
            install -D -m 644 "$path" "$machine$path"
        elif [ -d "$path" ]; then
            mount_at "$path" --bind -o ro "$path"
        fi
    done
done

variables=(HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "STUDY=${only:+--only $only}")
for name in "${!settings[@]}"; do variables+=("$name=${settings[$name]}"); done
# A command within the machine, in the project's folder, with the variables of a fresh login and those from outside.
inside() { chroot "$machine" env -i "${variables[@]}" bash -c "cd $user_folder && $1"; }

mkdir -p "$machine$user_folder"
git -C "$project" archive HEAD | tar -x -C "$machine$user_folder"
read_lines "$machine$user_folder"
for line in "${lines[@]}"; do
    say "$line"
    inside "$line" </dev/null \
    || fail "the line '$line' failed on a bare Debian $debian with the message above; mend it, and README with it."
done

say "looking at what was made"
[ -s "$machine$user_folder/runs/quick/index.html" ] \
|| fail "runs/quick/index.html is not there, although README says that the study makes it; see above what it said."
inside ". /etc/os-release && echo \"\$PRETTY_NAME, \$(.venv/bin/python --version), \$(g++ -dumpfullversion) of g++\""
for framework in torch jittor; do
    [[ ${lines[*]} == *restored/$framework* ]] || continue
    inside ".venv/bin/python - $frames restored/$framework/frames" <<'PYTHON' \
    || fail "$framework restored no frame as it should for the reason above; see what its line said."
import sys
from pathlib import Path

import numpy as np
from PIL import Image

clips, restored = map(Path, sys.argv[1:])
count, largest = 0, 0.0
for path in sorted(restored.glob("*/*.png")):
    small, large = (Image.open(one).convert("RGB") for one in (clips / path.relative_to(restored), path))
    if large.size != (4 * small.width, 4 * small.height):
        sys.exit(f"{path} has {large.size} pixels, and its input {small.size}")
    # of the same scene: made small again, it is the input but for its blur
    again = np.asarray(large.resize(small.size, Image.Resampling.BOX), dtype=float)
    difference = float(np.abs(again - np.asarray(small, dtype=float)).mean())
    if difference > 12:
        sys.exit(f"{path} shows something else than its input: they differ by {difference:.1f} of 255 levels")
    count, largest = count + 1, max(largest, difference)
if not count:
    sys.exit(f"there is no frame in {restored}")
print(f"{restored}: {count} frames, four times as large; made small again, {largest:.1f} levels from the input at most")
PYTHON
done
say "README's lines work on a bare Debian $debian: $((SECONDS / 60)) min $((SECONDS % 60)) s."
