#!/usr/bin/env bash
# Fetches what this machine has to know and nobody else, into memory. Run on every boot, and by `systemctl restart
# atelier-secrets` after a parameter was changed. A file is replaced whole or not at all.
set -euo pipefail
export AWS_DEFAULT_REGION=${region}
cd "$${RUNTIME_DIRECTORY:-/run/atelier-secrets}"

fetch() { # fetch FILE PARAMETER
    if ! aws ssm get-parameter --with-decryption --name "$2" --query Parameter.Value --output text >".$1"; then
        echo "the parameter $2 cannot be read: is it there, and may this machine's role read it?" >&2
        exit 1
    fi
    if [ ! -s ".$1" ]; then
        echo "the parameter $2 is empty" >&2
        exit 1
    fi
    mv ".$1" "$1"
}
%{ for file, name in secrets ~}
fetch '${file}' '${name}'
%{ endfor ~}
%{ if then != "" ~}

${then}
%{ endif ~}
