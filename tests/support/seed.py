"""The seed of every random test.

TOCSIN_SEED=n repeats a run. Without it the default suite is the same each time, so that a change
does not fall over a rare case of another one; TOCSIN_SEED=random and TOCSIN_LONG=1 draw a seed.
"""
import os
import random

FIXED = 20261122


def seed_of(environment):
    """The seed that an environment asks for; a drawn one if it asks for that."""
    text = environment.get("TOCSIN_SEED", "")
    if text == "random" or (not text and environment.get("TOCSIN_LONG")):
        return random.SystemRandom().randrange(1, 1 << 30)
    return int(text) if text else FIXED


SEED = seed_of(os.environ)


def random_of(what):
    """Draws of one test: other ones for each `what` and each seed."""
    return random.Random("%d %s" % (SEED, what))
