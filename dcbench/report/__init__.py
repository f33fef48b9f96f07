"""Reports: a results folder as DataFrames, their summary, and tables in every format."""
