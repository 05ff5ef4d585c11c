install -m 644 /etc/atelier/nginx.conf /etc/nginx/nginx.conf
# An edge that cannot ask for the nodes is not ready; while there is none yet, there is nothing to be ready for.
until /usr/local/sbin/atelier-upstreams --group '${nodes}' --file /etc/nginx/atelier/local/nodes.conf --once; do
    if [ $SECONDS -gt 840 ]; then exit 1; fi
    sleep 5
done
nginx -t -q
systemctl enable --now nginx.service atelier-upstreams.service atelier-certificate.timer
%{ if address != null ~}

# The site moves to this machine.
aws ec2 associate-address --allocation-id '${address}' --instance-id "$(instance)" --allow-reassociation
%{ endif ~}
