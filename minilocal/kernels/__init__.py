"""The loops: Numba kernels without state or BLAS, for float32 and float64; arrays in, arrays out.

A kernel works on one chunk of images or rows. compute/parallel.py cuts the chunks and calls kernels from several
threads at once; compute/compilation.py compiles them.
"""
