#!/bin/sh
# As the public image: a new data directory is initialised, with root's password from the environment or from a file.
set -e
case "$1" in -*) set -- mariadbd "$@" ;; esac
[ "$1" = mariadbd ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
    mkdir -p /var/lib/mysql /run/mysqld
    chown -R mysql /var/lib/mysql /run/mysqld
    exec /usr/bin/setpriv --reuid=mysql --regid=mysql --clear-groups "$0" "$@"
fi
if [ -n "$MARIADB_ROOT_PASSWORD_FILE" ]; then MARIADB_ROOT_PASSWORD=$(cat "$MARIADB_ROOT_PASSWORD_FILE"); fi
if [ ! -d /var/lib/mysql/mysql ]; then
    mariadb-install-db --datadir=/var/lib/mysql --auth-root-authentication-method=normal --skip-test-db >/dev/null
    {
        echo "FLUSH PRIVILEGES;"
        echo "CREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';"
        echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
        echo "ALTER USER root@localhost IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';"
        [ -z "$MARIADB_DATABASE" ] || echo "CREATE DATABASE IF NOT EXISTS $MARIADB_DATABASE;"
    } | mariadbd --bootstrap --datadir=/var/lib/mysql
fi
exec "$@" --datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock --bind-address=0.0.0.0
