mkdir -p /etc/atelier/rules
install -m 644 /etc/atelier/prometheus.yml /etc/prometheus/prometheus.yml
install -m 644 /etc/atelier/alertmanager.yml /etc/prometheus/alertmanager.yml
promtool check config /etc/prometheus/prometheus.yml
amtool check-config /etc/prometheus/alertmanager.yml
# On loopback: pages are looked at through a session.
echo 'ARGS="--web.listen-address=127.0.0.1:9090 --storage.tsdb.retention.size=${history}GB"' >/etc/default/prometheus
echo 'ARGS="--web.listen-address=127.0.0.1:9093 --cluster.listen-address="' >/etc/default/prometheus-alertmanager
systemctl enable prometheus.service prometheus-alertmanager.service
systemctl restart prometheus.service prometheus-alertmanager.service
