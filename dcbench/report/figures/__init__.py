"""Figures by matplotlib: one module for each kind, one quiet style for all, and no state of pyplot."""
