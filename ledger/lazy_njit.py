"""`njit` of numba, but numba is imported and the function compiled on its first call: a report that reads a settled
state calls none of them and starts in half the time."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any


class LazyKernel:
    """A function that numba compiles on its first call, together with the other kernels of its module, which it may
    call. Kernels of another module must not be called from compiled code."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        update_wrapper(self, function)
        self.py_func, self._options, self._dispatcher = function, options, None

    def __call__(self, *arguments: Any) -> Any:
        """Return the compiled function's result."""
        if self._dispatcher is None:
            _compile_module(self.py_func.__globals__)
        dispatcher: Any = self._dispatcher
        return dispatcher(*arguments)

    def compiled(self) -> Any:
        """Return numba's dispatcher of the function, made on the first call."""
        if self._dispatcher is None:
            from numba import njit as compiler

            self._dispatcher = compiler(**self._options)(self.py_func)
        return self._dispatcher


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator with numba's options (cache, nogil, …) that leaves the import of numba to the first call."""
    return lambda function: LazyKernel(function, options)


def _compile_module(names: dict[str, Any]) -> None:
    """Put numba's dispatchers in place of the kernels of a module: compiled code can call nothing else by name."""
    for name, kernel in list(names.items()):
        if isinstance(kernel, LazyKernel):
            names[name] = kernel.compiled()
