"""How work is cut into chunks, where arrays live, and how kernels are compiled."""
