"""Runs the edge's upstreams.py against the stand-in for AWS: it lists nodes in service, and keeps its list whatever happens.

usage: upstreams_test.py SCRIPT, with AWS_ENDPOINT_URL at a moto that has the example 'small'
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import boto3

GROUP = "atelier-node"


def main():
    script = sys.argv[1]
    folder = pathlib.Path(tempfile.mkdtemp())
    listed, reloaded = folder / "upstreams.conf", folder / "reloaded"

    def run(check="true", **env):
        reloaded.unlink(missing_ok=True)
        command = [sys.executable, script, "--group", GROUP, "--file", listed, "--once", "--check", check, "--reload", f"touch {reloaded}"]
        ended = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)
        return ended.returncode, listed.read_text().splitlines(), reloaded.exists()

    autoscaling, ec2 = boto3.client("autoscaling"), boto3.client("ec2")

    def expected():
        group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0]
        found = ec2.describe_instances(InstanceIds=[i["InstanceId"] for i in group["Instances"]])["Reservations"]
        addresses = sorted(i["PrivateIpAddress"] for r in found for i in r["Instances"])
        return [f"server {address}:8080 max_fails=2 fail_timeout=2s;" for address in addresses]

    listed.write_text("server 127.0.0.1:8080 down;\n")
    three = expected()
    assert len(three) == 3, three
    assert run() == (0, three, True), "the nodes in service are listed, and nginx is told"
    assert run() == (0, three, False), "what is the same is not told again"

    ids = [i["InstanceId"] for i in autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0]["Instances"]]
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=0)
    autoscaling.enter_standby(AutoScalingGroupName=GROUP, InstanceIds=ids[:1], ShouldDecrementDesiredCapacity=True)
    gone = ec2.describe_instances(InstanceIds=ids[:1])["Reservations"][0]["Instances"][0]["PrivateIpAddress"]
    two = [line for line in three if f" {gone}:" not in line]
    assert run("false") == (1, three, False), "a list that nginx refuses is taken back"
    assert run() == (0, two, True), "who is no longer in service is not listed"
    assert run(AWS_ENDPOINT_URL="http://127.0.0.1:9") == (1, two, False), "without an answer the list stays"
    autoscaling.enter_standby(AutoScalingGroupName=GROUP, InstanceIds=ids[1:], ShouldDecrementDesiredCapacity=True)
    assert run() == (1, two, False), "without any node the list stays"
    autoscaling.exit_standby(AutoScalingGroupName=GROUP, InstanceIds=ids)
    assert run() == (0, three, True), "they come back"
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=3)
    print("the list follows the group")


if __name__ == "__main__":
    main()
