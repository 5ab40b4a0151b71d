"""How work is cut into chunks, where arrays live, and when kernels are compiled."""
