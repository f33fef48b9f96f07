"""What tests share: stand-ins, stores and plug-ins that are made, and ways to run the command line."""
