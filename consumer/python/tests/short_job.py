"""Run as a process of its own: connects, uses the secret once, ends as told, and must then exit by itself."""

import json
import sys

from keybaton_consumer import connect

given = json.load(sys.stdin)
ending = given.pop("ending")
keys = connect(**given, consumer="web", instance="job", follow=ending != "nothing")
print(f"used {len(keys.use(lambda fields: fields['api_key']))} characters")
if ending == "leave":
    keys.leave()
if ending == "close":
    keys.close()
