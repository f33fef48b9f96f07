"""Two results folders side by side: what one lacks, where metrics differ, and what differs in how they were made."""
