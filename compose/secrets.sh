#!/bin/sh
# Make the secrets that are missing, each a file of its own in secrets/. Those that are there stay as they are.
# The folder is for this user alone; the files can be read by all, as they are shown in the containers to users with other numbers.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
for name in mysql_password mysql_root_password clickhouse_password grafana_password; do
    if [ ! -s "secrets/$name" ]; then
        od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "secrets/$name.new"
        chmod 444 "secrets/$name.new"
        mv "secrets/$name.new" "secrets/$name"
        echo "made compose/secrets/$name"
    fi
done
