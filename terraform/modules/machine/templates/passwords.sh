#!/usr/bin/env bash
# Gives PostgreSQL and Redis the passwords that are in the parameter store. After a change there:
#   systemctl restart atelier-secrets && atelier-passwords
set -euo pipefail
cd /run/atelier-secrets

# Through a pipe: an argument can be read by everybody on the machine. The server keeps a verifier, not the password.
{
    printf "SET log_min_error_statement = panic;\nALTER ROLE atelier_edge PASSWORD '%s';\n" "$(sed "s/'/''/g" database-password)"
} | runuser -u postgres -- psql -qX -v ON_ERROR_STOP=1 -d atelier

# Redis keeps the SHA-256. The commands are those that a node sends.
hash=$(tr -d '\n' <redis-password | sha256sum | cut -d ' ' -f 1)
umask 027
cat >/etc/redis/.atelier-users.acl <<END
user default off
user atelier_edge on #$hash ~atelier:* &atelier:* -@all +get +set +del +unlink +pttl +pexpire +hset +hgetall +scan +publish +subscribe +unsubscribe +multi +exec +ping +hello +auth +select +client|setname +client|id
END
chown root:redis /etc/redis/.atelier-users.acl
mv /etc/redis/.atelier-users.acl /etc/redis/atelier-users.acl
# Loaded at the start; nodes do without Redis for that moment.
systemctl restart redis-server.service
