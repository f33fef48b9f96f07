"""What the data of a cell is: fingerprints of its splits, and the held-out tenth of the training set."""
