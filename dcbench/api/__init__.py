"""The contract between the bench and its plug-ins: no engine, no networks, and no import of torch."""
