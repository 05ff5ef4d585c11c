if [ "$(openssl x509 -in tls.crt -noout -pubkey)" != "$(openssl pkey -in tls.key -pubout)" ]; then
    echo "the certificate and the key in the parameter store do not belong together" >&2
    exit 1
fi
