dnl KULA_TRY_FLAGS(VARIABLE, FLAGS): appends to VARIABLE those flags that the
dnl compiler takes without a word. A quoted group is tried and taken as one.
dnl -Werror makes clang refuse warnings it does not know; the header makes
dnl glibc complain about _FORTIFY_SOURCE where nothing is optimised.
AC_DEFUN([KULA_TRY_FLAGS], [
  for kula_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether $CC takes $kula_flag])
    kula_saved_cflags=$CFLAGS
    CFLAGS="$CFLAGS -Werror $kula_flag"
    AC_COMPILE_IFELSE(
      [AC_LANG_SOURCE([[#include <string.h>
extern int kula_probe;
int kula_probe = 0;]])],
      [kula_taken=yes], [kula_taken=no])
    CFLAGS=$kula_saved_cflags
    AC_MSG_RESULT([$kula_taken])
    AS_IF([test "x$kula_taken" = xyes],
      [AS_VAR_APPEND([$1], [" $kula_flag"])])
  done
])

dnl KULA_TRY_LINK_FLAGS(VARIABLE, FLAGS): the same, by linking a program.
AC_DEFUN([KULA_TRY_LINK_FLAGS], [
  for kula_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether $CC links with $kula_flag])
    kula_saved_cflags=$CFLAGS
    CFLAGS="$CFLAGS -Werror $kula_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
      [kula_taken=yes], [kula_taken=no])
    CFLAGS=$kula_saved_cflags
    AC_MSG_RESULT([$kula_taken])
    AS_IF([test "x$kula_taken" = xyes],
      [AS_VAR_APPEND([$1], [" $kula_flag"])])
  done
])
