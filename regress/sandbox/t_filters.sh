#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Every child's filter, with the calls that it must stop and those that it
# must let through.  "make check-build" builds the program.

prog=${O:-obj}/regress/sandbox/filters
if [ ! -x "$prog" ]; then
	echo "not ok filters - $prog is not built"
	exit 1
fi
exec "$prog"
