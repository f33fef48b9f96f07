"""Reports: the store as one DataFrame, its summary, and tables in every format. Reports only read the store."""
