#!/usr/bin/env bash
# Breaks each promise of the modules once, in a copy, and sees a test fail: a test that cannot fail says nothing.
#   dev/terraform/broken.sh COPY      COPY/terraform is initialised; TF_CLI_CONFIG_FILE is set (dev/terraform.sh does both)
set -euo pipefail
copy=$1
passed=0 failed=0
broken() { # broken MODULE FILE OLD NEW: the module's tests fail when NEW stands in FILE for OLD
    local module=$copy/terraform/modules/$1 file=$copy/terraform/modules/$2 before
    before=$(cat "$file"; echo .)
    OLD=$3 NEW=$4 perl -0pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/ or die "not there: $ENV{OLD}\n"' "$file"
    if terraform -chdir="$module" test -no-color >"$copy/broken.log" 2>&1; then
        echo "nothing noticed in $2: $4" >&2
        failed=$((failed + 1))
    elif ! grep -Eq 'Test assertion failed|Missing expected failure' "$copy/broken.log"; then
        echo "it failed for another reason, $2: $4" >&2
        grep -A4 '^Error' "$copy/broken.log" >&2 || true
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
    printf '%s' "${before%.}" >"$file"
}

for module in node edge; do
    broken $module $module/main.tf 'http_tokens                 = "required"' 'http_tokens                 = "optional"'
    broken $module $module/main.tf 'encrypted             = true' 'encrypted             = false'
    broken $module $module/main.tf 'min_healthy_percentage = 100' 'min_healthy_percentage = 50'
done
broken node node/main.tf 'referenced_security_group_id = each.value
  description                  = "API, from' 'cidr_ipv4 = "0.0.0.0/0"
  description                  = "API, from'
broken node node/main.tf 'default_result       = "ABANDON"' 'default_result       = "CONTINUE"'
broken node node/main.tf 'auto_rollback          = true' 'auto_rollback          = false'
broken node node/main.tf 'actions = ["autoscaling:CompleteLifecycleAction"], resources = [local.group]' 'actions = ["autoscaling:CompleteLifecycleAction"], resources = ["*"]'
broken node node/main.tf '?sslmode=verify-full' '?sslmode=disable'
broken node node/templates/secrets.conf 'LoadCredential=atelier.admin-token' 'LoadCredential=admin-token'
# shellcheck disable=SC2016
broken node node/templates/setup.sh 'http://127.0.0.1:${admin}/readyz; do' 'http://127.0.0.1:${admin}/livez; do'
broken node node/variables.tf '"ATELIER_ADMIN_LISTEN", ' ''
broken edge edge/main.tf 'ports    = toset(["80", "443"])' 'ports    = toset(["22", "80", "443"])'
broken edge ../../nginx/atelier/read.conf 'proxy_next_upstream error timeout;' 'proxy_next_upstream error timeout http_503;'
broken edge ../../nginx/atelier/api.conf 'proxy_next_upstream off;' ''
# A file that says otherwise what the module fills in.
broken edge ../../nginx/atelier/local/site.conf 'burst=400 nodelay' 'nodelay burst=400'
broken edge edge/main.tf '"*.conf") :' '"[n-z]*.conf") :'
broken edge edge/main.tf '{ StringEquals = { "aws:ResourceTag/Name" = var.name } }' '{ StringEquals = { "aws:ResourceTag/Name" = "*" } }'
broken machine machine/main.tf 'http_tokens                 = "required"' 'http_tokens                 = "optional"'
broken machine machine/main.tf 'encrypted         = true' 'encrypted         = false'
broken machine machine/templates/pg_hba.conf 'hostssl' 'host   '
broken machine machine/templates/redis.conf 'port 0' 'port 6378'
broken machine machine/main.tf 'resources = [aws_ssm_parameter.ca.arn]' 'resources = ["*"]'
broken database database/main.tf 'multi_az               = true' 'multi_az               = false'
broken database database/main.tf 'storage_encrypted     = true' 'storage_encrypted     = false'
broken database database/main.tf 'name  = "rds.force_ssl"
    value = "1"' 'name  = "rds.force_ssl"
    value = "0"'
broken cache cache/main.tf 'transit_encryption_mode    = "required"' 'transit_encryption_mode    = "preferred"'
broken cache cache/main.tf 'access_string = "off ~* -@all"' 'access_string = "on ~* +@all"'
broken monitoring monitoring/main.tf 'missing = "breaching"' 'missing = "missing"'
broken monitoring monitoring/main.tf 'kms_master_key_id = var.key_arn' ''
# shellcheck disable=SC2016 # it is Terraform's
broken network network/main.tf 'map_public_ip_on_launch = false
  tags                    = merge(var.tags, { Name = "${var.name}-public' 'map_public_ip_on_launch = true
  tags                    = merge(var.tags, { Name = "${var.name}-public'
broken network network/main.tf 'kms_key_id        = var.key_arn' ''
broken role role/main.tf '"kms:EncryptionContext:PARAMETER_ARN" = arns' '"kms:EncryptionContext:PARAMETER_ARN" = ["*"]'
broken role role/main.tf 'Action   = ["ssm:GetParameter"]' 'Action   = ["ssm:GetParameter", "ssm:GetParametersByPath"]'
broken role role/variables.tf '&& !strcontains(arn, "*")])' '])'
broken secrets secrets/main.tf 'value_wo         = var.given[each.key]
  value_wo_version = each.value.version' 'value            = "hunter2"'
broken secrets secrets/main.tf 'enable_key_rotation     = true' 'enable_key_rotation     = false'
broken boot boot/templates/boot.sh 'sha256sum --check' 'sha256sum'
broken boot boot/templates/boot.sh '-o Dpkg::Options::=--force-confold' ''
broken boot boot/templates/atelier-secrets.service 'RuntimeDirectoryMode=0700' 'RuntimeDirectoryMode=0755'
broken boot boot/variables.tf '^[0-9a-f]{64}$' '^[0-9a-f]*$'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
