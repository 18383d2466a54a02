#!/bin/sh
# Install the database servers that the tests start, by apt where that is allowed; otherwise print the commands.
set -eu
version=$(ls /usr/lib/postgresql 2> /dev/null | sort -n | tail -1)
missing=""
[ -n "$version" ] && [ -x "/usr/lib/postgresql/$version/bin/postgres" ] || missing="postgresql"
share="/usr/share/postgresql/${version:-none}/extension"
[ -e "$share/pg_stat_statements.control" ] || missing="$missing postgresql-contrib"
[ -e "$share/hypopg.control" ] || missing="$missing hypopg"
[ -e "$share/pgaudit.control" ] || missing="$missing pgaudit"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2> /dev/null; then sudo="sudo"; else sudo="no"; fi
if ! command -v apt-get > /dev/null || [ "$sudo" = "no" ]; then
    echo "Missing for the tests: $missing. Run:" >&2
    echo "  sudo apt-get update" >&2
    echo "  sudo apt-get install postgresql postgresql-contrib" >&2
    echo "  sudo apt-get install postgresql-\$(ls /usr/lib/postgresql | tail -1)-hypopg postgresql-\$(ls /usr/lib/postgresql | tail -1)-pgaudit" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "Installing for the tests:$missing"
$sudo apt-get update -qq
if [ -z "$version" ] || [ ! -e "$share/pg_stat_statements.control" ]; then
    $sudo apt-get install -y -qq postgresql postgresql-contrib > /dev/null
    version=$(ls /usr/lib/postgresql | sort -n | tail -1)
fi
$sudo apt-get install -y -qq "postgresql-$version-hypopg" "postgresql-$version-pgaudit" > /dev/null
