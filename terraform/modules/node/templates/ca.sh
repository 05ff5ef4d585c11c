%{ if url != null ~}
curl -fsS --proto '=https' --retry 5 -o database-ca.pem '${url}'
%{ endif ~}
# Until the machine of the database has published it, there is something else in its parameter.
if ! grep -q 'BEGIN CERTIFICATE' database-ca.pem; then
    echo "no certificate to verify the database with is published yet" >&2
    exit 1
fi
install -m 644 database-ca.pem ${file}
