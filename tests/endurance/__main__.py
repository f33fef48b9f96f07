"""``PYTHONPATH=tests python -m endurance kills|damages|imports|plugins [--count N] [--seed N]``."""

from __future__ import annotations

import argparse
import logging
import time

from endurance.inside import home_in_memory, set_up

USUAL = {"kills": 300, "damages": 5000, "imports": 60, "plugins": 40}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m endurance", description="Break the bench, and count what breaks.")
    parser.add_argument("what", choices=USUAL)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    count, started = given.count or USUAL[given.what], time.monotonic()
    with home_in_memory() as folder:
        home = folder / "home"
        home.mkdir()
        set_up(home)
        told = attack(given.what, home, count, given.seed)
    for line in told.wrong:
        print(line)
    rest = {name: value for name, value in vars(told).items() if name != "wrong"}
    print(f"{given.what}: {len(told.wrong)} wrong; {rest}; {time.monotonic() - started:.0f} s")
    raise SystemExit(bool(told.wrong))


def attack(what, home, count, seed=0):
    """Do one kind of harm *count* times and return what came of it."""
    if what == "kills":
        from endurance.kills import kill

        return kill(home, count, seed)
    if what == "damages":
        from endurance.damages import damage

        return damage(home, count, seed)
    if what == "imports":
        from endurance.hostile_imports import try_imports

        return try_imports(home, count)
    from endurance.hostile_plugins import try_plugins

    return try_plugins(home, count)


if __name__ == "__main__":
    main()
