#!/bin/sh
# Starts the server as the official images do: options or a configuration file alone mean the server; a container that
# was started as root gives the data to the user `redis` and goes on as that user.
set -eu

case "${1:-}" in
    -* | *.conf) set -- forebay-server "$@" ;;
    '') set -- forebay-server ;;
esac

case "$1" in
    forebay-server | redis-server | valkey-server) ;;
    # A shell, or a tool: as it was called.
    *) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
    # Only what belongs to somebody else is touched: a large volume need not be written again at each start.
    find . \! -user redis -exec chown redis:redis '{}' +
    exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi

# Whatever the server writes is its own business, unless somebody has said otherwise.
if [ "$(umask)" = 0022 ]; then
    umask 0077
fi

# Clients are in other containers: without a password, protected mode would let none of them in. Whoever sets it, wins.
program=$1
shift
case "${1:-}" in
    -v | --version | -h | --help | --check-config | -) exec "$program" "$@" ;;
    '' | --*) exec "$program" --protected-mode no "$@" ;;
    *)
        file=$1
        shift
        if grep -qi '^[[:space:]]*protected-mode[[:space:]]' "$file"; then
            exec "$program" "$file" "$@"
        fi
        exec "$program" "$file" --protected-mode no "$@"
        ;;
esac
