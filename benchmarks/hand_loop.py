"""The floor of starting: a loop over lines that knows one answer. Run as a program."""

import json
import sys

for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": {"protocolVersion": "2025-11-25"}}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
