#!/bin/sh
# The adapters to marginaleffects and maketables, each in an environment of its own.
#
#   sh tests/interop/run.sh            from the root of the repository; needs network, two to five minutes
#
# Makes the environments in a temporary folder, installs this package and one of the two libraries in
# each, runs the examples beside this file, and stores what they print here: marginaleffects.txt and
# maketables.txt. Not part of the tests: those of the hooks are tests/infer/test_adapters.py.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for library in marginaleffects maketables; do
  python3 -m venv "$work/$library"
  # marginaleffects 0.6.0 allows polars 2 and fails with it (is_in of floats in integers), whatever the model
  extra=""
  if [ "$library" = marginaleffects ]; then extra="polars<2"; fi
  "$work/$library/bin/pip" install --quiet --disable-pip-version-check "$root" pandas "$library" $extra 2>"$work/pip.log" ||
    { cat "$work/pip.log"; exit 1; }
  (cd "$work" && "$work/$library/bin/python" "$here/${library}_example.py") >"$work/$library.txt"
  cp "$work/$library.txt" "$here/$library.txt"
done
