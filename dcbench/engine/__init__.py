"""The bench: finds plug-ins, plans cells, runs jobs in processes of their own, and keeps every result."""
