"""The M3D paper (arXiv 2312.15927, AAAI 2024): its four tables as layouts, and its published numbers."""
