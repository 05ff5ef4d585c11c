# The disk with the data, found by its own number; it is attached when the machine already runs.
disk=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volume}
until [ -b "$disk" ]; do
    if [ $SECONDS -gt 600 ]; then
        echo "the disk ${volume} is not attached" >&2
        exit 1
    fi
    sleep 2
done
if [ -z "$(blkid -o value -s TYPE "$disk" || true)" ]; then mkfs.ext4 -q -L atelier-data "$disk"; fi
mkdir -p /srv/postgresql
echo "UUID=$(blkid -o value -s UUID "$disk") /srv/postgresql ext4 noatime,nofail,x-systemd.device-timeout=60 0 2" >>/etc/fstab
systemctl daemon-reload
mountpoint -q /srv/postgresql || mount /srv/postgresql

# A certificate for the address, once for the life of the data. The authority can sign nothing else: its key is not kept.
tls=/srv/postgresql/tls
if [ ! -e $tls/server.crt ]; then
    work=$(mktemp -d)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=atelier database authority' \
        -addext keyUsage=critical,keyCertSign -keyout "$work/ca.key" -out "$work/ca.crt"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=${address}' \
        -keyout "$work/server.key" -out "$work/server.csr"
    printf 'subjectAltName=IP:${address}\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n' >"$work/ext"
    openssl x509 -req -in "$work/server.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 3650 \
        -extfile "$work/ext" -out "$work/server.crt"
    shred -u "$work/ca.key"
    mkdir -p $tls
    install -m 644 "$work/ca.crt" "$work/server.crt" $tls/
    install -m 640 "$work/server.key" $tls/
    rm -r "$work"
fi
getent group atelier-tls >/dev/null || groupadd --system atelier-tls
usermod -aG atelier-tls postgres
usermod -aG atelier-tls redis
chown -R root:atelier-tls $tls
chmod 755 $tls

# Debian's cluster gives way to the one on the disk, or a new one there.
if pg_lsclusters -h | grep -q '^15 *main '; then pg_dropcluster --stop 15 main; fi
chown postgres:postgres /srv/postgresql
pg_createcluster 15 main --datadir /srv/postgresql/15/main --encoding UTF8 --locale C.UTF-8
memory=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
{
    cat /etc/atelier/postgresql.conf
    echo "shared_buffers = $((memory / 4))MB"
    echo "effective_cache_size = $((memory / 2))MB"
} >/etc/postgresql/15/main/conf.d/atelier.conf
# The import and root's psql are the owner of the tables.
printf 'import root atelier\nimport atelier atelier\nimport atelier-import atelier\nimport postgres atelier\n' \
    >>/etc/postgresql/15/main/pg_ident.conf
chmod 644 /etc/atelier/pg_hba.conf
systemctl enable --now postgresql@15-main.service

as_postgres() { runuser -u postgres -- psql -qAtX -v ON_ERROR_STOP=1 "$@"; }
as_owner() { psql -qX -o /dev/null -v ON_ERROR_STOP=1 -U atelier -d atelier "$@"; }
if [ -z "$(as_postgres -c "SELECT 1 FROM pg_roles WHERE rolname = 'atelier'")" ]; then as_postgres -c 'CREATE ROLE atelier LOGIN'; fi
if [ -z "$(as_postgres -c "SELECT 1 FROM pg_roles WHERE rolname = 'atelier_edge'")" ]; then as_postgres -c 'CREATE ROLE atelier_edge LOGIN'; fi
if [ -z "$(as_postgres -c "SELECT 1 FROM pg_database WHERE datname = 'atelier'")" ]; then as_postgres -c 'CREATE DATABASE atelier OWNER atelier'; fi
as_postgres -d atelier -c 'ALTER SCHEMA public OWNER TO atelier'
as_owner -f /usr/share/atelier-edge/schema.sql
as_owner -f /etc/atelier/rights.sql

# Redis reads ours last.
grep -q '^include /etc/atelier/redis.conf' /etc/redis/redis.conf || echo 'include /etc/atelier/redis.conf' >>/etc/redis/redis.conf
echo "maxmemory $((memory / 8))mb" >>/etc/atelier/redis.conf
mkdir -p /etc/systemd/system/redis-server.service.d
printf '[Service]\nReadOnlyPaths=/srv/postgresql/tls\n' >/etc/systemd/system/redis-server.service.d/tls.conf
systemctl daemon-reload
atelier-passwords
systemctl enable redis-server.service

# Now nodes may believe it.
aws ssm put-parameter --name '${ca}' --type String --overwrite --value "file://$tls/ca.crt" >/dev/null
