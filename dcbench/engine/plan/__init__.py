"""From what a user asks for to what is still to do: every cell and trial by name, before anything runs."""
