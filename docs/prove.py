"""Reads the answer of the secret route on standard input and writes the body of a proof."""
import hashlib, hmac, json, os, sys

secret = json.load(sys.stdin)
mac = lambda key, *parts: hmac.new(key, "\0".join(parts).encode(), hashlib.sha256)
claim = {name: os.environ[name] for name in ("credential", "consumer", "instance", "boot")}
kv = mac(secret["fields"][secret["value"]].encode(), "keybaton-proof", secret["version"]).digest()
said = (claim["credential"], secret["version"], str(secret["epoch"]), claim["consumer"], claim["instance"])
body = {"version": secret["version"], "epoch": secret["epoch"], "instance": claim["instance"], "boot": claim["boot"]}
print(json.dumps(body | {"proof": mac(kv, *said).hexdigest()}))
