"""Measurements that are programs of their own: bench/latency.py, follow.py, http_load.py. Each
prints its own table and exits with 0 when what it measured was also right."""
import os
import subprocess
import sys

from machine import say

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = {"latency": "latency.py", "follow": "follow.py", "http": "http_load.py"}


def there():
    return [name for name, file in FILES.items() if os.path.exists(os.path.join(HERE, file))]


def run(name, options):
    command = [sys.executable, os.path.join(HERE, FILES[name]), "--build", options.build]
    say(name)
    print("\n%s" % name, flush=True)
    return subprocess.run(command, check=False).returncode
