#!/bin/sh
# Bring the database servers that the tests start: by apt where that is allowed, otherwise print the commands; and from
# Debian's unstable suite into a cache, where nothing is installed. None of these packages starts a service of its own
# but those of PostgreSQL and PgBouncer, which the tests do not use.
set -eu
cd "$(dirname "$0")/.."
version=$(ls /usr/lib/postgresql 2> /dev/null | sort -n | tail -1)
missing=""
[ -n "$version" ] && [ -x "/usr/lib/postgresql/$version/bin/postgres" ] || missing="postgresql"
share="/usr/share/postgresql/${version:-none}/extension"
[ -e "$share/pg_stat_statements.control" ] || missing="$missing postgresql-contrib"
[ -e "$share/hypopg.control" ] || missing="$missing hypopg"
[ -e "$share/pgaudit.control" ] || missing="$missing pgaudit"
others=""
[ -x /usr/sbin/mariadbd ] || others="$others mariadb-server-core"
[ -x /usr/bin/mariadb-dump ] || others="$others mariadb-client"
[ -x /usr/bin/mariadb-backup ] || others="$others mariadb-backup"
[ -x /usr/bin/redis-check-rdb ] || others="$others redis-tools"
[ -x /usr/sbin/pgbouncer ] || others="$others pgbouncer"
missing="$missing$others"
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2> /dev/null; then sudo="sudo"; else sudo="no"; fi
    if ! command -v apt-get > /dev/null || [ "$sudo" = "no" ]; then
        echo "Missing for the tests: $missing. Run:" >&2
        echo "  sudo apt-get update" >&2
        echo "  sudo apt-get install postgresql postgresql-contrib" >&2
        echo "  sudo apt-get install postgresql-\$(ls /usr/lib/postgresql | tail -1)-hypopg postgresql-\$(ls /usr/lib/postgresql | tail -1)-pgaudit" >&2
        echo "  sudo apt-get install --no-install-recommends mariadb-server-core mariadb-client mariadb-backup redis-tools pgbouncer" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    echo "Installing for the tests: $missing"
    $sudo apt-get update -qq
    if [ -z "$version" ] || [ ! -e "$share/pg_stat_statements.control" ]; then
        $sudo apt-get install -y -qq postgresql postgresql-contrib > /dev/null
        version=$(ls /usr/lib/postgresql | sort -n | tail -1)
    fi
    $sudo apt-get install -y -qq "postgresql-$version-hypopg" "postgresql-$version-pgaudit" > /dev/null
    # shellcheck disable=SC2086 # a list of names
    [ -z "$others" ] || $sudo apt-get install -y -qq --no-install-recommends $others > /dev/null
fi
python=.venv/bin/python
[ -x "$python" ] || python=${PYTHON:-python3}
"$python" -m tests.engines.extracted || {
    [ -z "${CI:-}" ] || exit 1
    echo "The tests that need these servers will be skipped." >&2
}
