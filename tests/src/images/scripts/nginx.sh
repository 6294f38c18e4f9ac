#!/bin/sh
# What the public image's entrypoint does, as far as a service needs it: templates with the environment filled in.
set -e
for template in /etc/nginx/templates/*.template; do
    [ -e "$template" ] || continue
    sed "s|\${NGINX_PORT}|${NGINX_PORT:-80}|g" "$template" >"/etc/nginx/conf.d/$(basename "$template" .template)"
done
exec "$@"
