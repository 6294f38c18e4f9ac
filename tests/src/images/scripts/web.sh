#!/bin/sh
# The demo's page: a greeting from the environment, on a page that lies in a volume.
set -e
echo "web: greeting is '${GREETING:-hello}'"
sed "s|@GREETING@|${GREETING:-hello}|" /usr/share/web/index.html >/www/index.html
echo "web: ready on port 80" >&2
exec nginx -g 'daemon off;'
