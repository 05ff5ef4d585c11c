"""Ends with 1 when a password of the parameter store is in the state whose path is given, or is not a password."""

import pathlib
import sys

import boto3

state = pathlib.Path(sys.argv[1]).read_text()
ssm = boto3.client("ssm")
for name in ("database-password", "redis-password", "admin-token"):
    parameter = ssm.get_parameter(Name=f"/atelier/{name}", WithDecryption=True)["Parameter"]
    value = parameter["Value"]
    if parameter["Type"] != "SecureString" or len(value) != 40 or not value.isalnum():
        sys.exit(f"{name} is {len(value)} characters, {parameter['Type']}")
    if value in state:
        sys.exit(f"{name} is in the state")
print("3 passwords made, none in the state")
