#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The tutorial's module, built outside the tree against an installed Holdfast by pkg-config alone, loaded and talked to. Also: a module that is
# missing, or built for another interface, is named, and the others are served.
set -eu
work=$(mktemp -d "${TMPDIR:-/tmp}/hf-module-XXXXXX")
daemon=
finish() {
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
fail() {
	echo "FAIL: $*" >&2
	cat "$work"/log* >&2 2>/dev/null || true
	exit 1
}

if [ -n "${HOLDFAST_PREFIX:-}" ]; then
	root=$HOLDFAST_PREFIX
else
	make -s -C "$HF_BUILDDIR" install DESTDIR="$work/install" >"$work/log.install" 2>&1 || fail "make install"
	root=$work/install$(sed -n 's/^prefix = //p' "$HF_BUILDDIR/Makefile")
fi
pc=$(find "$root" -name holdfast.pc | head -n 1)
[ -n "$pc" ] || fail "holdfast.pc is not installed"
flags() {
	PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-prefix "$@" holdfast
}
cp "$HF_SRCDIR/doc/echo-module/echo.c" "$work"
mkdir "$work/modules" "$work/old"
build() { # the output
	# shellcheck disable=SC2046
	${HF_CC:-cc} -shared -fPIC -Wall -Wextra -Werror $(flags --cflags) -o "$1" "$work/echo.c" $(flags --libs) ||
		fail "the module does not build"
}
build "$work/modules/echo.so"
! nm -D --defined-only "$work/modules/echo.so" | grep -v ' hf_module_echo$' | grep -q ' [A-Z] hf_' || fail "more is exported than the module"

LD_LIBRARY_PATH=$(flags --variable=pkglibdir)
export LD_LIBRARY_PATH
holdfastd=$root/sbin/holdfastd
conf() { # directories for modules
	cat >"$work/conf" <<-END
	store: { directory = "$work/store"; cache = "32 MiB"; reserve = 0; ballast = 0; };
	control: { socket = "$work/control"; };
	modules: { directory = [ $1 ]; };
	listen = (
		{ module = "echo"; address = "unix:$work/echo.sock"; },
		{ module = "missing"; address = "unix:$work/missing.sock"; }
	);
	echo: { greeting = "good morning"; };
	END
}
conf "\"$work/modules\""
"$holdfastd" -c "$work/conf" --show >"$work/log.show" 2>"$work/log.show2" || fail "--show"
grep -q '^echo.greeting = "good morning" *# .*conf:[0-9]' "$work/log.show" || fail "--show does not know the module's setting"
grep -q "module missing: no such file: $work/modules/missing.so" "$work/log.show2" || fail "the missing module is not named"

"$holdfastd" -c "$work/conf" >"$work/log.daemon" 2>&1 &
daemon=$!
for _ in $(seq 100); do
	[ ! -S "$work/echo.sock" ] || ! grep -q ' ready ' "$work/log.daemon" || break
	sleep 0.05
done
"${PYTHON:-python3}" - "$work/echo.sock" <<'END' || fail "the module does not answer as it should"
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(10)
client.connect(sys.argv[1])
stream = client.makefile("rwb")
assert stream.readline() == b"good morning\r\n"
for line in (b"is anybody there?\r\n", b"\xff\x00\r\n", b"x" * 50000 + b"\r\n"):
    stream.write(line)
    stream.flush()
    assert stream.readline() == line
client.shutdown(socket.SHUT_WR)
assert stream.readline() == b""
END
grep -q "module-missing module missing: no such file: $work/modules/missing.so" "$work/log.daemon" || fail "the log does not name the missing module"
kill "$daemon"
wait "$daemon" || fail "the daemon did not end well"
daemon=

# another interface
sed 's/\.abi = HF_MODULE_ABI/.abi = HF_MODULE_ABI + 1/' "$HF_SRCDIR/doc/echo-module/echo.c" >"$work/echo.c"
build "$work/old/echo.so"
conf "\"$work/old\""
! "$holdfastd" -c "$work/conf" --check >"$work/log.check" 2>&1 || fail "a module for another interface is taken"
grep -q "module echo: $work/old/echo.so was built for another version of Holdfast" "$work/log.check" || fail "and the reason is not told"
echo "PASS: a module built outside the tree"
