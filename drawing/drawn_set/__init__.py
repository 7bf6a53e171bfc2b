"""What every drawn data set needs, whatever it shows: random streams, files and tables, commands, comparing, findings."""
