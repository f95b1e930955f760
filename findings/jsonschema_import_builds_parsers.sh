#!/usr/bin/env bash
# import jsonschema builds dozens of parsers where rfc3987-syntax is installed
#
# Expected, written down first: `import jsonschema` needs no parser generator; the grammar of IRIs is compiled when a
#   schema first asks for the format "iri".
# Found: from jsonschema 4.25.0 on, with rfc3987-syntax (the extra "format-nongpl", which jupyter-events asks for), the
#   import alone builds 39 Lark parsers, whether any schema has a format or not. That is most of a second of a core in
#   every process that reads a notebook through nbformat. jsonschema 4.24.1 imports neither package.
# Seen with Python 3.11, rfc3987-syntax 1.1.0, lark 1.3.1: 0.09 s (4.24.1), 0.97 s (4.25.0), 0.91 s (4.26.0). Seconds
#   are printed; the check is on what the import does. Told upstream (python-jsonschema issue 1428, closed).
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rfc3987-syntax==1.1.0 lark==1.3.1

status=0
for expected in "4.24.1 0" "4.25.0 39" "4.26.0 39"; do
    version=${expected% *} parsers=${expected#* }
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jsonschema==$version"
    "$folder/venv/bin/python" - "$version" "$parsers" <<'PROGRAM' || status=1
import sys
import time

start = time.process_time()
import jsonschema  # noqa: F401

seconds = time.process_time() - start
count = 0
if "lark" in sys.modules:
    import gc

    lark = sys.modules["lark"]
    count = sum(isinstance(one, lark.Lark) for one in gc.get_objects())
print(f"jsonschema {sys.argv[1]}: import took {seconds:.2f} s of a core and built {count} parsers")
sys.exit(count != int(sys.argv[2]))
PROGRAM
done
[ $status = 0 ] && echo "as described" || echo "CHANGED: see the head of this file"
exit $status
