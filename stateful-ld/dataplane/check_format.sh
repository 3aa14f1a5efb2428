#!/bin/sh
# Usage: check_format.sh CLANG_FORMAT DIRECTORY
# Fails when a C file below DIRECTORY is not formatted as .clang-format says.
set -eu
find "$2" -path '*/builddir*' -prune -o -name '*.[ch]' -print0 |
    xargs -0 "$1" --style=file --dry-run -Werror
