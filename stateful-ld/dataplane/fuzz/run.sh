#!/usr/bin/env bash
# Fuzzes the data plane under AddressSanitizer and UndefinedBehaviorSanitizer: first what once crashed it
# (fuzz/regressions), then SECONDS with each target, from seeds made of the tests' frames.
#
#   fuzz/run.sh SECONDS [TARGET…]
#
# An input that fails is kept in the build folder (builddir-fuzz) and shown; `builddir-fuzz/TARGET FILE` runs it again.
# What is found in longer runs stays there too (builddir-fuzz/corpus), and later runs go on from it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:?usage: fuzz/run.sh SECONDS [TARGET…]}
shift
targets=("$@")
if ((${#targets[@]} == 0)); then targets=(parse_fuzz receive_fuzz); fi
readonly builddir=builddir-fuzz

if [[ ! -f $builddir/build.ninja ]]; then
  CC=clang meson setup "$builddir" . -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
fi
ninja -C "$builddir" make-seeds "${targets[@]}"
"$builddir/make-seeds" "$builddir/seeds"

# EAL keeps its memory until the end, and libFuzzer would look for leaks after each input. Stacks get their lines from
# binutils.
export ASAN_OPTIONS=detect_leaks=0:allow_addr2line=1
for target in "${targets[@]}"; do
  kind=${target%_fuzz}
  mkdir -p "$builddir/corpus/$kind"
  shopt -s nullglob
  regressions=("fuzz/regressions/$kind"/*)
  options=(-rss_limit_mb=2048 -timeout=60 -artifact_prefix="$builddir/$kind-")
  if ((${#regressions[@]} > 0)); then "$builddir/$target" "${options[@]}" "${regressions[@]}"; fi
  "$builddir/$target" "${options[@]}" -max_len=4096 -max_total_time="$seconds" -print_final_stats=1 \
    "$builddir/corpus/$kind" "$builddir/seeds/$kind"
done
