"""The store: one HDF5 file per artefact, written under a temporary name, then renamed: a finished name means done."""
