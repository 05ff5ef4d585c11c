install -m 644 /etc/atelier-edge/shown.conf /etc/nginx/nginx.conf
nginx -t -q
systemctl restart nginx.service
systemctl enable atelier-edge.socket atelier-edge.service
# It would wait for the database for as long as that takes; here there is a limit.
systemctl start --no-block atelier-edge.socket atelier-edge.service

# Ready means that it can answer.
until curl -fs -o /dev/null http://127.0.0.1:${admin}/readyz; do
    if [ $SECONDS -gt 840 ]; then
        echo "not ready within 14 minutes; what is lacking:" >&2
        curl -sS http://127.0.0.1:${admin}/readyz >&2 || true
        exit 1
    fi
    sleep 1
done
