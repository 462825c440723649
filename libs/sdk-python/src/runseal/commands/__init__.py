"""The commands of the program `runseal`."""
