"""Columns as files: one Arrow IPC file a column, compressed, named by the digest of its bytes and checked when read."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

ENDING = ".arrow"
FEW_WORDS = 1 / 8  # share of different texts up to which a column is written as a dictionary
Reference = dict[str, Any]


class UnusableColumn(Exception):
    """A column file that is missing, truncated or not the one that was written."""


def write_array(folder: Path, values: NDArray[Any]) -> Reference:
    """Write numbers, flags or texts (dtype object: str or None) as a column; return what `read_array` reads it by.

    Raises TypeError for an array that a column cannot hold exactly.
    """
    if values.dtype == object:
        array = pa.array(values, type=pa.large_string(), from_pandas=False)
        return {"of": "texts", "file": write_arrow(folder, array)}
    if values.dtype.kind in "iufb" and values.ndim == 1:
        return {"of": values.dtype.str, "file": write_arrow(folder, pa.array(values))}
    if values.dtype.kind == "M" and values.ndim == 1:
        return {"of": values.dtype.str, "file": write_arrow(folder, pa.array(values.view(np.int64)))}
    raise TypeError(f"no column holds an array of {values.dtype} in {values.ndim} dimensions")


def read_array(folder: Path, reference: Reference) -> NDArray[Any]:
    """Return a column as an array of its own, which may be written to. Raises UnusableColumn."""
    array = read_arrow(folder, reference["file"])
    if reference["of"] == "texts":
        return np.array(array.to_pylist(), dtype=object) if len(array) else np.zeros(0, dtype=object)
    dtype = np.dtype(reference["of"])
    if dtype.kind == "b":
        return array.to_numpy(zero_copy_only=False).copy()
    # compiled functions are compiled for arrays that may be written to: a copy, as the settlement makes them
    return array.to_numpy(zero_copy_only=True).copy().view(dtype)


def write_series(folder: Path, column: pd.Series) -> Reference:
    """Write a column of a ledger's table. Raises TypeError for one that cannot be read back exactly."""
    dtype = str(column.dtype)
    if dtype == "str":
        return {"of": "str", "file": write_arrow(folder, _large(column.array.__arrow_array__()))}
    if dtype == "object":  # flags with missing ones, or a column of nothing
        array = pa.array(column.to_numpy(), from_pandas=True)
        if not (pa.types.is_boolean(array.type) or pa.types.is_null(array.type)):
            raise TypeError(f"no column holds objects of {array.type}")
        return {"of": "object", "file": write_arrow(folder, array)}
    return {**write_array(folder, column.to_numpy()), "series": True}


def read_series(folder: Path, reference: Reference) -> pd.Series:
    """Return a table's column as `write_series` was given it. Raises UnusableColumn."""
    if reference["of"] == "str":
        return pd.Series(read_arrow(folder, reference["file"]), dtype="str")
    if reference["of"] == "object":
        return pd.Series(read_arrow(folder, reference["file"]).to_pylist(), dtype=object)
    return pd.Series(read_array(folder, reference), copy=False)


def write_arrow(folder: Path, array: pa.Array) -> str:
    """Write one Arrow array; return the digest that names its file. Equal content is written once."""
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    if pa.types.is_large_string(array.type) and len(array):
        coded = _coded(array)
        array = array if coded is None else coded
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    batch = pa.record_batch([array], names=["values"])
    with pa.ipc.new_file(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    content = sink.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{digest}{ENDING}"
    if not path.exists() or path.stat().st_size != content.size:
        unfinished = folder / f".{digest}.{os.getpid()}"
        try:
            unfinished.write_bytes(memoryview(content))
            os.replace(unfinished, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                unfinished.unlink()
    return digest


def read_arrow(folder: Path, digest: str) -> pa.Array:
    """Return the array of a file; texts as large_string. Raises UnusableColumn where its bytes are not those written."""
    path = folder / f"{digest}{ENDING}"
    try:
        content = path.read_bytes()
    except OSError as lost:
        raise UnusableColumn(f"{path.name[:8]}: {lost.strerror}") from lost
    if hashlib.sha256(content).hexdigest() != digest:
        raise UnusableColumn(f"{path.name[:8]}: its bytes are not those that were written")
    array = pa.ipc.open_file(pa.py_buffer(content)).get_batch(0).column(0)
    return _large(array.cast(pa.large_string())) if pa.types.is_dictionary(array.type) else array


def _large(array: Any) -> pa.Array:
    """Return texts as one array of large_string."""
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    return array if pa.types.is_large_string(array.type) else array.cast(pa.large_string())


def _coded(array: pa.Array) -> pa.Array | None:
    """Return texts as a dictionary where few of them differ, as the first rows tell; else None."""
    first = array.slice(0, 10_000)
    if len(first.unique()) > FEW_WORDS * len(first):
        return None
    coded = array.dictionary_encode()
    return coded if len(coded.dictionary) <= FEW_WORDS * len(array) else None
