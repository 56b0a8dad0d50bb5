"""Measurements that are programs of their own: bench/latency.py, follow.py, http_load.py. Each
prints its own table and exits with 0 when what it measured was also right."""
import os
import subprocess
import sys

from machine import say

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = {"latency": "latency.py", "follow": "follow.py", "http": "http_load.py"}
HTTP_LINES = 200000


def there():
    return [name for name, file in FILES.items() if os.path.exists(os.path.join(HERE, file))]


def run(name, build, files):
    command = [sys.executable, os.path.join(HERE, FILES[name]), "--build", build]
    if name == "http":
        command += ["--input", files.path("json", min(HTTP_LINES, files.lines))]
    say(name)
    print("\n%s" % name, flush=True)
    return subprocess.run(command, check=False).returncode
