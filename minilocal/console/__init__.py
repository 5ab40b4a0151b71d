"""What all commands share: the command line, signals and text."""
