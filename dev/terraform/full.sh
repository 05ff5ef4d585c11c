#!/usr/bin/env bash
# The longer half of dev/terraform.sh, which calls it with its scratch folder and the copy it works in.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$1 work=$2
here=$PWD/dev/terraform
say() { printf -- '-- %s\n' "$*"; }

say "tools"
if [ ! -e "$scratch/tools/done" ]; then
    python3 -m venv "$scratch/tools"
    "$scratch/tools/bin/pip" install -q -r "$here/requirements.txt"
    touch "$scratch/tools/done"
fi
if [ ! -e "$scratch/checkov/done" ]; then
    python3 -m venv "$scratch/checkov"
    "$scratch/checkov/bin/pip" install -q checkov==3.3.30
    touch "$scratch/checkov/done"
fi
tools=$scratch/tools/bin
# Debian's own cloud-init and promtool, unpacked and not installed.
if command -v apt-get >/dev/null 2>&1 && [ ! -e "$scratch/debian/done" ]; then
    mkdir -p "$scratch/debian"
    (cd "$scratch/debian" && apt-get download -qq cloud-init prometheus prometheus-alertmanager 2>/dev/null && for deb in *.deb; do dpkg -x "$deb" .; done && touch "$scratch/debian/done")
fi

say "checkov"
# Every skip stands in the code with its reason; one without is a failure.
"$scratch/checkov/bin/checkov" -d terraform --framework terraform --compact --quiet --skip-download
if grep -rnE 'checkov:skip=[A-Z0-9_]+(:? *$)' terraform; then echo "a skip without a reason" >&2; exit 1; fi

say "a stand-in for AWS"
port=15700
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
MOTO_IAM_LOAD_MANAGED_POLICIES=true "$tools/moto_server" -H 127.0.0.1 -p $port >"$scratch/moto.log" 2>&1 &
moto=$!
trap 'kill $moto 2>/dev/null || true' EXIT
tries=300
until curl -fs -o /dev/null "http://127.0.0.1:$port/moto-api/data.json"; do
    tries=$((tries - 1))
    if [ $tries -eq 0 ]; then echo "moto does not answer; see $scratch/moto.log" >&2; exit 1; fi
    sleep 0.1
done
export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_DEFAULT_REGION=eu-central-1 AWS_MAX_ATTEMPTS=2
image=$("$tools/python" -c "import boto3; print(boto3.client('ec2').describe_images()['Images'][0]['ImageId'])")
cat >"$scratch/moto.tfvars" <<END
region        = "eu-central-1"
zones         = ["eu-central-1a", "eu-central-1b"]
ami_id        = "$image"
server_name   = "api.example.com"
emails        = ["sre@example.com"]
package       = { url = "s3://packages/atelier-edge_1.0.0_arm64.deb", sha256 = "$(printf '0%.0s' {1..64})" }
session_agent = { url = "https://example.com/amazon-ssm-agent.deb", sha256 = "$(printf '1%.0s' {1..64})" }
END

# apply, a second plan that changes nothing, and, unless it is kept, destroy. What moto has not got is left out in each call.
applied() { # applied EXAMPLE ARGUMENT…
    local example=$1 place=$work/terraform/examples/$1
    shift
    timeout 600 terraform -chdir="$place" apply -auto-approve -no-color -var-file="$scratch/moto.tfvars" "$@" >"$scratch/$example.log" 2>&1 ||
        { grep -A12 '^Error' "$scratch/$example.log" >&2; return 1; }
    grep -E '^Apply complete' "$scratch/$example.log"
    terraform -chdir="$place" plan -no-color -out=second -var-file="$scratch/moto.tfvars" "$@" >"$scratch/$example.plan.log" 2>&1
    terraform -chdir="$place" show -json second | python3 "$here/second_plan.py"
    # AWS has made the passwords here, and no state has them.
    if grep -q '"value_wo": "' "$place/terraform.tfstate"; then echo "a password is in the state" >&2; return 1; fi
}
destroyed() { # destroyed EXAMPLE ARGUMENT…
    local example=$1 place=$work/terraform/examples/$1
    shift
    timeout 600 terraform -chdir="$place" destroy -auto-approve -no-color -var-file="$scratch/moto.tfvars" "$@" >"$scratch/$example.destroy.log" 2>&1 ||
        { grep -A12 '^Error' "$scratch/$example.destroy.log" >&2; return 1; }
    grep -E '^Destroy complete' "$scratch/$example.destroy.log"
    # What was only looked at may stay, when not everything was asked for.
    if terraform -chdir="$place" state list | grep -vE '(^|\.)data\.'; then echo "that is left" >&2; return 1; fi
}
# moto has no snapshots by schedule (DLM) and no detailed monitoring of single machines.
small=(-var=snapshots=0 -var=detailed_monitoring=false)
say "examples/small: apply, second plan"
applied small "${small[@]}"
"$tools/python" "$here/passwords.py" "$work/terraform/examples/small/terraform.tfstate"

say "what machines start with"
rm -rf "$scratch/machines"
terraform -chdir="$work/terraform/examples/small" show -json | "$tools/python" "$here/user_data.py" "$scratch/machines"
PATH=$tools:$PATH "$here/machines.sh" "$scratch"

say "the list of nodes"
"$tools/python" "$here/upstreams_test.py" terraform/modules/edge/templates/upstreams.py
say "examples/small: destroy"
destroyed small "${small[@]}"

# moto has no parameter groups and user groups of ElastiCache, and an RDS instance with a standby is never available there.
production=(-target=module.network -target=module.secrets -target=module.edge -var=protected=false)
say "examples/production network, secrets and edge: apply, second plan, destroy"
applied production "${production[@]}"
destroyed production "${production[@]}"
unset AWS_ENDPOINT_URL

say "each promise broken once"
"$here/broken.sh" "$work"
