"""Two results folders side by side: what one lacks, where figures differ, and what differs in how they were made."""
