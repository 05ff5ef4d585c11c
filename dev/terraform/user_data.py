"""Writes what machines start with, out of a state as JSON: per machine the cloud-init document and the files in it.

usage: user_data.py FOLDER < state.json
"""

import base64
import gzip
import json
import pathlib
import sys

import yaml


def resources(module):
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def main():
    folder = pathlib.Path(sys.argv[1])
    count = 0
    for resource in resources(json.load(sys.stdin)["values"]["root_module"]):
        encoded = resource["values"].get({"aws_launch_template": "user_data", "aws_instance": "user_data_base64"}.get(resource["type"], ""))
        if not encoded:
            continue
        text = gzip.decompress(base64.b64decode(encoded)).decode()
        place = folder / resource["address"].split(".")[1]
        place.mkdir(parents=True)
        (place / "user-data.yml").write_text(text)
        for file in yaml.safe_load(text)["write_files"]:
            target = place / "root" / file["path"].lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file["content"])
        count += 1
    print(f"{count} machines")
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
