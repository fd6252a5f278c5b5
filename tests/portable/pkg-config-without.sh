#!/bin/sh
# pkg-config that does not know the module WITHOUT.
case " $* " in *" $WITHOUT "*) exit 1 ;; esac
exec pkg-config "$@"
