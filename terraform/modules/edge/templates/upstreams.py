#!/usr/bin/python3
"""Keeps nginx's list of nodes: those of the group that are in service, which a node is from when it is ready until it is to go.

Whatever goes wrong, the list that is there stays: an API that does not answer is no reason to send nobody anywhere, and neither
is one that knows of no node.
"""

import argparse
import os
import subprocess
import sys
import time

import boto3

PORT = 8080


def addresses(autoscaling, ec2, group):
    """The private addresses of the nodes in service, sorted."""
    found = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    ids = [i["InstanceId"] for g in found for i in g["Instances"] if i["LifecycleState"] == "InService"]
    if not ids:
        return []
    reservations = ec2.describe_instances(InstanceIds=ids)["Reservations"]
    instances = [i for r in reservations for i in r["Instances"]]
    return sorted(i["PrivateIpAddress"] for i in instances if "PrivateIpAddress" in i)


def lines(nodes):
    return "".join(f"server {node}:{PORT} max_fails=2 fail_timeout=2s;\n" for node in nodes)


def replace(path, text):
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.replace(path + ".new", path)


def put(path, text, check, reload):
    """Puts the list in its place. True if nginx took it, or need not be told."""
    try:
        with open(path, encoding="ascii") as file:
            before = file.read()
    except FileNotFoundError:
        before = None
    if text == before:
        return True
    replace(path, text)
    if check and subprocess.run(check, check=False).returncode != 0:
        if before is not None:
            replace(path, before)
        return False
    print("nodes: " + text.replace("\n", " ").strip(), flush=True)
    # Told or not, the list is right; an nginx that does not run reads it when it starts.
    if reload:
        subprocess.run(reload, check=False)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--group", required=True, help="name of the group of nodes")
    parser.add_argument("--file", required=True, help="the list that nginx includes")
    parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="how often to ask (default: 5)")
    parser.add_argument("--once", action="store_true", help="ask once and end, with 1 if there is no list")
    parser.add_argument("--check", default="nginx -t -q", help="what must succeed with the new list")
    parser.add_argument("--reload", default="systemctl try-reload-or-restart nginx.service", help="what makes nginx read it")
    asked = parser.parse_args()

    session = boto3.session.Session()
    autoscaling, ec2 = session.client("autoscaling"), session.client("ec2")
    while True:
        done = False
        try:
            nodes = addresses(autoscaling, ec2, asked.group)
            if nodes:
                done = put(asked.file, lines(nodes), asked.check.split(), asked.reload.split())
            else:
                print(f"{asked.group} has no node in service; the list stays as it is", file=sys.stderr, flush=True)
        except Exception as error:  # whatever it is, the list stays, and the next time may be better
            print(f"the list stays as it is: {error}", file=sys.stderr, flush=True)
        if asked.once:
            return 0 if done else 1
        time.sleep(asked.every)


if __name__ == "__main__":
    sys.exit(main())
