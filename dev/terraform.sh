#!/usr/bin/env bash
# Checks terraform/: form, every module and example against a mocked AWS, what machines start with, and, unless only `quick` is asked
# for, checkov and a stand-in for AWS. Tools come from PyPI and Debian into scratch/terraform; the provider comes from a local
# mirror where there is one.
#   dev/terraform.sh          everything
#   dev/terraform.sh quick    form and the tests that say most: what `make test` has
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
scratch=$root/scratch/terraform
mkdir -p "$scratch/cache"

if ! command -v terraform >/dev/null 2>&1; then
    echo "skipped: terraform is not installed"
    exit 0
fi
say() { printf -- '-- %s\n' "$*"; }

say "form"
terraform fmt -check -recursive -diff terraform
# The rights that a database machine grants are those of README.md, of which tests/rights.rs says that they are right.
diff <(awk '/^```pgsql/ {inside = 1; next} inside && /^```/ {exit} inside' README.md | grep -v '^CREATE ROLE') <(grep -v '^-- What the nodes. user needs' terraform/rights.sql) ||
    { echo "terraform/rights.sql is not what README.md grants" >&2; exit 1; }

# A mirror of providers, which needs no network; whatever is not there comes from the registry.
mirror=${TF_MIRROR:-}
for folder in /opt/tf-plugins "$HOME/.terraform.d/plugins" /usr/share/terraform/plugins; do
    if [ -z "$mirror" ] && [ -d "$folder/registry.terraform.io/hashicorp/aws" ]; then mirror=$folder; fi
done
export TF_CLI_CONFIG_FILE=$scratch/terraformrc TF_IN_AUTOMATION=1 TF_INPUT=0
{
    echo "plugin_cache_dir = \"$scratch/cache\""
    echo 'plugin_cache_may_break_dependency_lock_file = true'
    if [ -n "$mirror" ]; then
        echo 'provider_installation {'
        echo "  filesystem_mirror {"
        echo "    path    = \"$mirror\""
        echo '    include = ["registry.terraform.io/hashicorp/aws"]'
        echo '  }'
        echo '  direct { exclude = ["registry.terraform.io/hashicorp/aws"] }'
        echo '}'
    fi
} >"$TF_CLI_CONFIG_FILE"
# Most of the time goes into the provider's schema; with memory to spare, collecting its garbage is a third of that.
export GOGC=off GOMEMLIMIT=2GiB
# No credentials of whoever runs this, and no AWS.
unset AWS_PROFILE AWS_ENDPOINT_URL
export AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

# In a copy, so that nothing is left beside the modules. Of one commit's files nothing stays for the next.
work=$scratch/work
rm -rf "$work"
mkdir -p "$work"
cp -r terraform "$work/terraform"
cp -r nginx "$work/nginx"
if [ -d monitoring ]; then cp -r monitoring "$work/monitoring"; fi
rm -rf "$work"/terraform/*/*/.terraform

init() { terraform -chdir="$1" init -backend=false -no-color >"$scratch/init.log" 2>&1 || { cat "$scratch/init.log" >&2; return 1; }; }
if ! init "$work/terraform/modules/role"; then
    # Not to be had here; whoever has the provider runs the rest.
    echo "skipped: the AWS provider cannot be fetched (a mirror can be named with TF_MIRROR)"
    exit 0
fi

places=("$work"/terraform/{modules,examples}/*/)
# The examples hold every module, so all are validated; tests of their own have here those with the most to say. A minute is enough.
if [ "${1:-}" = quick ]; then places=("$work"/terraform/{modules/boot,modules/node,modules/edge,examples/small,examples/production}/); fi
failed=0
for place in "${places[@]}"; do
    name=${place#"$work/terraform/"}
    say "terraform test ${name%/}"
    init "$place"
    # A test checks the configuration as `terraform validate` does, so it is not done twice where time counts.
    if [ "${1:-}" != quick ]; then terraform -chdir="$place" validate -no-color >"$scratch/validate.log" || { cat "$scratch/validate.log"; exit 1; }; fi
    if [ -z "$(find "$place/tests" -name '*.tftest.hcl')" ]; then echo "$name has no tests" >&2; exit 1; fi
    terraform -chdir="$place" test -no-color >"$scratch/test.log" 2>&1 || { cat "$scratch/test.log"; failed=1; }
    grep -E '^(Success|Failure)!' "$scratch/test.log" || true
done
if [ $failed -ne 0 ]; then exit 1; fi
if [ "${1:-}" = quick ]; then exit 0; fi

exec dev/terraform/full.sh "$scratch" "$work"
