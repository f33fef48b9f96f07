"""From a request to what is still to do: every cell and trial by name, before anything runs."""
