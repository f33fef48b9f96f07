"""The package that ``dcbench new-plugin`` writes: its names, its files, and the templates they are made from."""
