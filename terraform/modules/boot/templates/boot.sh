#!/usr/bin/env bash
# Runs once, when cloud-init has written the files and installed Debian's packages. What fails stops it, and says where.
set -euo pipefail
trap 'echo "atelier-boot: line $LINENO failed" >&2' ERR
export AWS_DEFAULT_REGION=${region} DEBIAN_FRONTEND=noninteractive
%{ if needs_instance ~}

instance() { # the id of this machine
    local token
    token=$(curl -fsS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
    curl -fsS -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id
}
%{ endif ~}
%{ if needs_install ~}

install_deb() { # install_deb URL SHA256
    local file
    file=$(mktemp --suffix .deb)
    case $1 in
    s3://*) aws s3 cp --only-show-errors "$1" "$file" ;;
    *) curl -fsSL --proto '=https' --retry 5 --retry-connrefused -o "$file" "$1" ;;
    esac
    echo "$2  $file" | sha256sum --check --quiet
    chmod 644 "$file" # apt reads it as a user of its own
    # Files of a package that are there already are those that this machine was given.
    apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "$file"
    rm "$file"
}
%{ endif ~}
%{ if session_agent != null ~}

# First, so that somebody can look when the rest fails.
install_deb '${session_agent.url}' ${session_agent.sha256}
%{ endif ~}
%{ if prepare != "" ~}

${prepare}
%{ endif ~}
%{ if secrets ~}

# The role may not be known everywhere yet, and what another machine has to publish may not be there.
systemctl daemon-reload
systemctl enable atelier-secrets.service
tries=60
until systemctl start atelier-secrets.service; do
    tries=$((tries - 1))
    if [ $tries -eq 0 ]; then exit 1; fi
    sleep 10
done
%{ endif ~}
%{ if length(debs) > 0 ~}

%{ endif ~}
%{ for deb in debs ~}
install_deb '${deb.url}' ${deb.sha256}
%{ endfor ~}
%{ if setup != "" ~}

${setup}
%{ endif ~}
%{ if group != null ~}

# From now on the group counts this machine.
aws autoscaling complete-lifecycle-action --auto-scaling-group-name '${group}' --lifecycle-hook-name ready \
    --instance-id "$(instance)" --lifecycle-action-result CONTINUE
%{ endif ~}
