"""How work is cut into chunks, where arrays live, how kernels are compiled, and which random numbers are drawn."""
