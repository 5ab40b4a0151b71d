"""What all commands share: the command line, options, signals and text."""
