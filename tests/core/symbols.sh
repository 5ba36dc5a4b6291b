#!/bin/sh
# core/ and base/ ask for nothing but each other, the four mem*, the assert hook and compiler helpers.
set -eu
allowed='^(memcpy|memmove|memset|memcmp|tt_assert_failed|__u?(div|mod|divmod)(ti|di)[34]|__(asan|ubsan|tsan|gcov|stack_chk|sanitizer)_.*|_GLOBAL_OFFSET_TABLE_)$'
defined=$(nm --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u)
[ -n "$defined" ] || { echo "no symbols are defined in: $*" >&2; exit 1; }
nm -u "$@" | awk '$1 == "U" || $1 == "w" { print $2 }' | sort -u >"${TMPDIR:-/tmp}/tactus-symbols.$$"
trap 'rm -f "${TMPDIR:-/tmp}/tactus-symbols.$$"' EXIT
bad=$(printf '%s\n' "$defined" | comm -13 - "${TMPDIR:-/tmp}/tactus-symbols.$$" | grep -Ev "$allowed" || true)
[ -z "$bad" ] || { echo "core/ and base/ may not use:" $bad >&2; exit 1; }
