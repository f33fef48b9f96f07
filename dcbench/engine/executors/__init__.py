"""Executors: where jobs run. Each takes a `Schedule` and yields events until nothing is left to do."""
