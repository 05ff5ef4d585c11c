"""Reads a second plan, as JSON, and ends with 1 unless it is empty but for what the stand-in for AWS is known to forget.

The list is closed: another resource, another attribute or another action is a difference.
"""

import json
import sys

# What moto does not keep, or answers otherwise than AWS, by type of resource.
FORGOTTEN = {
    "aws_vpc_security_group_ingress_rule": {"description"},
    "aws_vpc_security_group_egress_rule": {"description"},
    # The template's own tags come back among those of what it makes; a change of it has a new version.
    "aws_launch_template": {"tag_specifications", "latest_version", "default_version"},
    "aws_autoscaling_group": {"default_instance_warmup", "launch_template", "capacity_reservation_specification"},
    # A machine in a private subnet is said to have a public address, so it would be made anew, and so would what names it.
    "aws_instance": {"associate_public_ip_address"},
    "aws_volume_attachment": {"instance_id"},
    "aws_cloudwatch_metric_alarm": {"dimensions"},
}


def differences(change):
    """The attributes in which a resource differs. Of one that is replaced, only what forces that."""
    if change["actions"] in (["delete", "create"], ["create", "delete"]):
        return {path[0] for path in change.get("replace_paths", [])}
    before, after, unknown = change["before"] or {}, change["after"] or {}, change["after_unknown"]
    names = set(before) | set(after) | {name for name, is_unknown in unknown.items() if is_unknown is True}
    return {n for n in names if unknown.get(n) is True or before.get(n) != after.get(n)}


def main():
    plan = json.load(sys.stdin)
    unexpected, forgotten, same = [], 0, 0
    for resource in plan.get("resource_changes", []):
        change = resource["change"]
        if resource["mode"] == "data" or change["actions"] == ["no-op"]:
            same += resource["mode"] != "data"
            continue
        what = differences(change)
        known = change["actions"] not in (["create"], ["delete"]) and what <= FORGOTTEN.get(resource["type"], set())
        if known:
            forgotten += 1
        else:
            unexpected.append(f"{resource['address']}: {'/'.join(change['actions'])} {' '.join(sorted(what))}")
    for line in unexpected:
        print(line, file=sys.stderr)
    print(f"second plan: {same} resources as they are, {forgotten} differ in what moto forgets, {len(unexpected)} otherwise")
    return 1 if unexpected or same == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
