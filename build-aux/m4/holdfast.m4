# SPDX-License-Identifier: BSD-2-Clause
# Macros of Holdfast's configure.ac.

# HF_MISSING(what, debian-package): remember a missing requirement; HF_REPORT tells all of them at once.
AC_DEFUN([HF_MISSING], [
	hf_missing_what="${hf_missing_what}
    $1 (Debian: $2)"
	hf_missing_packages="${hf_missing_packages} $2"
])

# HF_PKG(VARIABLE, pkg-config-modules, debian-packages, [if-found])
AC_DEFUN([HF_PKG], [
	AC_ARG_VAR([$1][_CFLAGS], [C compiler flags for $2])
	AC_ARG_VAR([$1][_LIBS], [linker flags for $2])
	AS_IF([test -n "$PKG_CONFIG"],
		[PKG_CHECK_MODULES([$1], [$2], [$4], [HF_MISSING([$2], [$3])])],
		[HF_MISSING([$2], [$3])])
])

AC_DEFUN([HF_REPORT], [
	AS_IF([test -n "$hf_missing_packages"], [
		AC_MSG_ERROR([missing requirements:$hf_missing_what
On Debian, install them with:
    apt-get install$hf_missing_packages])
	])
])

# HF_BERKELEY_DB: db.h of release 5.3 and the library that belongs to it.
AC_DEFUN([HF_BERKELEY_DB], [
	AC_ARG_VAR([DB_CFLAGS], [C compiler flags for Berkeley DB 5.3])
	AC_ARG_VAR([DB_LIBS], [linker flags for Berkeley DB 5.3])
	hf_save_CPPFLAGS=$CPPFLAGS
	hf_save_LIBS=$LIBS
	hf_db=no
	CPPFLAGS="$CPPFLAGS $DB_CFLAGS"
	AC_MSG_CHECKING([for Berkeley DB 5.3])
	AC_PREPROC_IFELSE([AC_LANG_SOURCE([[
#include <db.h>
#if DB_VERSION_MAJOR != 5 || DB_VERSION_MINOR != 3
#error not Berkeley DB 5.3
#endif
]])], [
		for hf_lib in "$DB_LIBS" -ldb-5.3 -ldb; do
			AS_IF([test -z "$hf_lib"], [continue])
			LIBS="$hf_lib $hf_save_LIBS"
			AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <db.h>]],
				[[DB_ENV *env; return db_env_create(&env, 0);]])],
				[hf_db=yes; DB_LIBS=$hf_lib; break])
		done
	])
	CPPFLAGS=$hf_save_CPPFLAGS
	LIBS=$hf_save_LIBS
	AC_MSG_RESULT([$hf_db])
	AS_IF([test "$hf_db" = no], [HF_MISSING([Berkeley DB 5.3 (db.h, libdb)], [libdb5.3-dev])])
])

# HF_CFLAG(variable, flags...): add each flag that the compiler takes.
AC_DEFUN([HF_CFLAG], [
	for hf_flag in m4_normalize([$2]); do
		AS_VAR_PUSHDEF([hf_cache], [hf_cv_cflag_$hf_flag])
		AC_CACHE_CHECK([whether $CC takes $hf_flag], [hf_cache], [
			hf_save_CFLAGS=$CFLAGS
			CFLAGS="$CFLAGS -Werror $hf_flag"
			AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
				[AS_VAR_SET([hf_cache], [yes])], [AS_VAR_SET([hf_cache], [no])])
			CFLAGS=$hf_save_CFLAGS
		])
		AS_VAR_IF([hf_cache], [yes], [$1="$$1 $hf_flag"])
		AS_VAR_POPDEF([hf_cache])
	done
])

# HF_LDFLAG(variable, flags...): add each flag that the linker takes.
AC_DEFUN([HF_LDFLAG], [
	for hf_flag in m4_normalize([$2]); do
		AS_VAR_PUSHDEF([hf_cache], [hf_cv_ldflag_$hf_flag])
		AC_CACHE_CHECK([whether $CC links with $hf_flag], [hf_cache], [
			hf_save_LDFLAGS=$LDFLAGS
			LDFLAGS="$LDFLAGS $hf_flag"
			AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
				[AS_VAR_SET([hf_cache], [yes])], [AS_VAR_SET([hf_cache], [no])])
			LDFLAGS=$hf_save_LDFLAGS
		])
		AS_VAR_IF([hf_cache], [yes], [$1="$$1 $hf_flag"])
		AS_VAR_POPDEF([hf_cache])
	done
])
