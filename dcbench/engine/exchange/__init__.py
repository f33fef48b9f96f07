"""Condensed sets in the formats of others: what ``dcbench export`` writes and ``dcbench import`` reads."""
