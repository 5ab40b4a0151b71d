"""The loops: Numba kernels, stateless, arrays in and arrays out, no BLAS inside, float32 and float64 alike.

A kernel works on one chunk of images or rows. compute/parallel.py cuts the chunks and calls kernels from several
threads at once; compute/compilation.py compiles them.
"""
