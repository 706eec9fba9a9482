// Kernels overwrite their stack buffers; clearing them first costs time in the innermost loops.
[module: System.Runtime.CompilerServices.SkipLocalsInit]
