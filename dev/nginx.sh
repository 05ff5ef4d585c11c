#!/usr/bin/env bash
# Reads nginx/ with nginx itself and with gixy, a linter of configurations, from PyPI into scratch/. What of them cannot be had is
# named.
set -euo pipefail
cd "$(dirname "$0")/.."
gixy=0.2.59
tools=$PWD/scratch/nginx
rm -rf "$tools/shipped"
mkdir -p "$tools/shipped"
# As it is installed, with a certificate, a cache and paths of its own.
cp -r nginx/nginx.conf nginx/atelier "$tools/shipped"
cd "$tools/shipped"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=api.example.com -keyout tls.key -out tls.crt 2>/dev/null
sed -i -e "s#/etc/ssl/atelier#$PWD#; s#/var/log/nginx#$PWD#; s#/var/lib/nginx#$PWD#" \
    -e 's/^# \(proxy_cache_path\)/\1/; s/^  # \(include atelier\/cache.conf\)/  \1/' atelier/local/site.conf
sed -i -e "s#/var/log/nginx#$PWD#; s#/run/nginx.pid#$PWD/nginx.pid#; /^user /d; s#^http {#&\n  client_body_temp_path $PWD/body; proxy_temp_path $PWD/proxy; fastcgi_temp_path $PWD/fastcgi; uwsgi_temp_path $PWD/uwsgi; scgi_temp_path $PWD/scgi;#" nginx.conf
grep -q '^proxy_cache_path' atelier/local/site.conf && grep -q '^  include atelier/cache.conf' atelier/local/site.conf
if [ -x /usr/sbin/nginx ]; then
    /usr/sbin/nginx -q -t -p "$PWD" -e "$PWD/error.log" -c "$PWD/nginx.conf"
    echo "nginx takes it"
else
    echo "skipped: nginx is not installed"
fi

if [ ! -e "$tools/gixy-$gixy/done" ]; then
    if ! command -v python3 >/dev/null 2>&1 || ! { python3 -m venv "$tools/gixy-$gixy" &&
        timeout 120 "$tools/gixy-$gixy/bin/pip" install -q --disable-pip-version-check "gixy-ng==$gixy"; } >"$tools/pip.log" 2>&1; then
        echo "skipped: gixy-ng $gixy cannot be installed"
        exit 0
    fi
    touch "$tools/gixy-$gixy/done"
fi
"$tools/gixy-$gixy/bin/gixy" nginx.conf
