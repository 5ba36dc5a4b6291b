#!/usr/bin/env python3
"""Every example does what its first line says, and exits as it should."""
import os
import subprocess

from lib import BUILD, SLOW, Node

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")  # windows and speakers for nobody
with Node() as node:
    ran = subprocess.run([os.path.join(TOP, "examples", "run"), BUILD], env=node.env, timeout=150 * SLOW,
                         stdin=subprocess.DEVNULL, check=False)
    if ran.returncode != 0:
        raise AssertionError(f"examples/run ended with {ran.returncode}: {node.words()}")
