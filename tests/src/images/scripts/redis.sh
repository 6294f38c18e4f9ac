#!/bin/sh
# As the public image: options alone mean redis-server, and the server runs as its own user.
set -e
case "$1" in -*|*.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ]; then
    shift
    set -- redis-server "$@" --protected-mode no --bind '*' '-::*'
    if [ "$(id -u)" = 0 ]; then
        chown -R redis /data
        exec /usr/bin/setpriv --reuid=redis --regid=redis --clear-groups "$@"
    fi
fi
exec "$@"
