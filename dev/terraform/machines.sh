#!/usr/bin/env bash
# Checks what machines start with, with the tools that will read it: cloud-init, shellcheck, nginx, promtool, systemd.
#   dev/terraform/machines.sh SCRATCH      with SCRATCH/machines of user_data.py and SCRATCH/debian
set -euo pipefail
scratch=$1
debian=$scratch/debian
own=$scratch/own
rm -rf "$own"
mkdir -p "$own/tls"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=api.example.com -keyout "$own/tls/tls.key" -out "$own/tls/tls.crt" 2>/dev/null
# A configuration of nginx, with what is the machine's replaced by what is here.
nginx_takes() { # nginx_takes FILE ROOT
    rm -rf "$own/atelier"
    if [ -d "$2/etc/nginx/atelier" ]; then cp -r "$2/etc/nginx/atelier" "$own"; fi
    cp "$1" "$own/nginx.conf"
    find "$own/nginx.conf" "$own/atelier" -name '*.conf' -exec sed -i -e "s#/run/atelier-secrets#$own/tls#; s#/run/nginx.pid#$own/nginx.pid#; s#/var/log/nginx#$own#; s#^user www-data;##" {} + 2>/dev/null || true
    PATH=$PATH:/usr/sbin nginx -t -q -p "$own" -e "$own/error.log" -c "$own/nginx.conf"
}

for machine in "$scratch"/machines/*/; do
    name=$(basename "$machine")
    if [ -d "$debian/usr/lib/python3/dist-packages/cloudinit" ]; then
        PYTHONPATH=$debian/usr/lib/python3/dist-packages python -m cloudinit.cmd.main schema --config-file "$machine/user-data.yml" >"$own/schema.log" 2>&1 ||
            { cat "$own/schema.log" >&2; exit 1; }
    else
        echo "skipped: no cloud-init to judge $name"
    fi
    root=$machine/root
    while IFS= read -r script; do shellcheck -s bash "$script"; done < <(grep -rlE '^#!/usr/bin/env bash' "$root")
    while IFS= read -r script; do python -m py_compile "$script"; done < <(grep -rlE '^#!/usr/bin/python3' "$root")
    if [ -e "$root/etc/atelier/nginx.conf" ]; then nginx_takes "$root/etc/atelier/nginx.conf" "$root"; fi
    if [ -e "$root/etc/atelier-edge/shown.conf" ]; then nginx_takes "$root/etc/atelier-edge/shown.conf" "$root"; fi
    if [ -e "$root/etc/atelier/prometheus.yml" ] && [ -x "$debian/usr/bin/promtool" ]; then
        "$debian/usr/bin/promtool" check config --syntax-only "$root/etc/atelier/prometheus.yml" >/dev/null
        "$debian/usr/bin/amtool" check-config "$root/etc/atelier/alertmanager.yml" >/dev/null
    fi
    echo "$name: $(wc -c <"$machine/user-data.yml") bytes, $(find "$root" -type f | wc -l) files"
done
