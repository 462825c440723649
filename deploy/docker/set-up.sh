#!/bin/sh
# What must be there before the services start: schema, roles, topics, signing key. Doing it again changes nothing.
set -eu

runseal="node apps/cli/bin/runseal.js"
$runseal migrate --database "$ADMIN_DATABASE_URL"
$runseal topics apply --brokers "$KAFKA_BROKERS"

# Created exclusively: a key that is there is never replaced.
if [ ! -s "$RUNSEAL_SIGNING_KEY_FILE" ]; then
  umask 077
  node -e "require('node:fs').writeFileSync(process.argv[1], require('node:crypto').randomBytes(32).toString('base64') + '\n', { flag: 'wx' })" \
    "$RUNSEAL_SIGNING_KEY_FILE"
fi
