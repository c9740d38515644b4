"""Writes the files of this folder, which the tests of src/io read: independent writers, never this package.

Made with Python 3.11, numpy 2.4.6, pyarrow 25.0.1 (pip install numpy==2.4.6 pyarrow==25.0.1); run in this folder.
Values follow simple rules in the row number i, from 0, repeated in test/io/golden.ts.
"""

import datetime
import decimal
import gzip

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

N = 400
i = np.arange(N)
day = datetime.date(2020, 1, 1)
NUMBERS = {
    "f64": pa.array(np.sqrt(i) - 3.25),
    "f32": pa.array((i * 0.1).astype(np.float32)),
    "f16": pa.array((i / 64).astype(np.float16)),
    "i8": pa.array((i % 256 - 128).astype(np.int8)),
    "u8": pa.array((i % 256).astype(np.uint8)),
    "i16": pa.array((i * 90 - 32000).astype(np.int16)),
    "i32": pa.array((i * 3_000_000 - 2**30).astype(np.int32)),
    "u32": pa.array((i + 2**32 - N).astype(np.uint32)),
    "i64": pa.array(i.astype(np.int64) * 2**43 - 2**52),
    "u64": pa.array((i.astype(np.uint64) + 1) * np.uint64(2**54)),
    "flag": pa.array(i % 3 == 0),
    "dec9": pa.array([decimal.Decimal(int(k) * 115).scaleb(-2) for k in i], pa.decimal128(9, 2)),
    "dec18": pa.array([decimal.Decimal(int(k) * -1001).scaleb(-3) for k in i], pa.decimal128(18, 3)),
    "dec38": pa.array([decimal.Decimal(int(k) * 10**20 + 7).scaleb(-19) for k in i], pa.decimal128(38, 19)),
    "levels": pa.array([[0.1, -2.5, 1e300][k % 3] for k in i]),
}
OTHERS = {
    "text": pa.array([f"row {k}" for k in i]),
    "kind": pa.array([["red", "green"][k % 2] for k in i]).dictionary_encode(),
    "bytes": pa.array([bytes([k % 256]) for k in i]),
    "day": pa.array([day + datetime.timedelta(days=int(k)) for k in i]),
    "time": pa.array(i.astype(np.int64) * 1_000_000, pa.time64("us")),
    "when": pa.array(i.astype(np.int64) * 1_000_000_007, pa.timestamp("us")),
    "span": pa.array(i.astype(np.int64), pa.duration("s")),
    "list": pa.array([[float(k), 1.0] for k in i]),
    "struct": pa.array([{"a": float(k), "b": 1} for k in i]),
    "nothing": pa.nulls(N),
}
ALL = pa.table({**NUMBERS, **OTHERS})
FLAT = pa.table(NUMBERS)
FEW = FLAT.select(["f64", "f32", "i32", "i64", "flag", "dec9", "levels"])

# Parquet: many row groups of many pages, every codec, both page versions, every encoding of numbers.
pages = {"row_group_size": 150, "data_page_size": 512, "write_batch_size": 64}
pq.write_table(ALL, "all.parquet", **pages)
for codec in ["none", "gzip", "brotli", "zstd", "lz4"]:
    pq.write_table(FEW, f"{codec}.parquet", compression=codec, use_dictionary=False, **pages)
pq.write_table(FEW, "pages2.parquet", data_page_version="2.0", compression="snappy", **pages)
pq.write_table(FEW, "indexed.parquet", write_page_index=True, write_page_checksum=True, **pages)
required = pa.schema([field.with_nullable(False) for field in FEW.schema])
pq.write_table(FEW.cast(required), "required.parquet", use_dictionary=["levels"], **pages)
pq.write_table(
    FEW.select(["f64", "f32", "i32", "i64"]),
    "encodings.parquet",
    use_dictionary=False,
    column_encoding={
        "f64": "BYTE_STREAM_SPLIT",
        "f32": "BYTE_STREAM_SPLIT",
        "i32": "DELTA_BINARY_PACKED",
        "i64": "DELTA_BINARY_PACKED",
    },
    data_page_version="2.0",
    **pages,
)
gaps = pa.table(
    {
        "ok": pa.array(np.ones(N)),
        "gap": pa.array([None if k == 256 else float(k) for k in i]),
        "nan": pa.array([float("nan") if k == 333 else float(k) for k in i], from_pandas=False),
        "infinite": pa.array([float("-inf") if k == 5 else float(k) for k in i]),
        "inexact": pa.array([2**53 + 1 if k == 310 else int(k) for k in i]),
        "exact": pa.array([2**60 if k == 310 else int(k) for k in i]),
        "empty": pa.array([None] * N, pa.float64()),
    }
)
pq.write_table(gaps, "gaps.parquet", **pages)
pq.write_table(gaps, "gaps2.parquet", data_page_version="2.0", **pages)
pq.write_table(FEW.slice(0, 0), "empty.parquet")
pq.write_table(pa.table({}), "no-columns.parquet")
names = pa.table({name: pa.array([1.0, 2.0, 3.0]) for name in ["__proto__", "constructor", "toString", "ünï.code", "y"]})
pq.write_table(names, "names.parquet")

# Arrow: file and stream, compressed, dictionaries that grow or are replaced.
opened = {"file": ipc.new_file, "stream": ipc.new_stream}


def write_arrow(path, table, kind, rows, **options):
    with opened[kind](path, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)


write_arrow("all.arrow", ALL, "file", 150)
write_arrow("all.arrows", ALL, "stream", 150)
write_arrow("gaps.arrow", gaps, "file", 150)
write_arrow("names.arrow", names, "file", 150)
write_arrow("empty.arrow", FEW.slice(0, 0), "file", 150)
feather.write_feather(FEW, "lz4.feather", compression="lz4", chunksize=150)
feather.write_feather(FEW, "zstd.feather", compression="zstd", chunksize=150)
# Blocks of 64 KiB that refer to the ones before them.
feather.write_feather(pa.table({"x": pa.array((np.arange(20000) % 5000) * 0.5)}), "blocks.feather", compression="lz4")
write_arrow("legacy.arrow", FEW, "stream", 150, use_legacy_format=True)
parts = [pa.array([[0.5, 1.5], [0.5, 1.5, 2.5], [9.5]][k]).dictionary_encode() for k in range(3)]
table = pa.table({"coded": pa.chunked_array(parts), "x": pa.array(np.arange(6.0))})
write_arrow("replaced.arrows", table, "stream", 10)
write_arrow("delta.arrows", table.slice(0, 5), "stream", 10, emit_dictionary_deltas=True)
write_arrow("delta.arrow", table.slice(0, 5), "file", 10, emit_dictionary_deltas=True)
# A column of numbers behind one of every other layout, whose buffers have to be counted to find it; and coded numbers with gaps.
short = range(40)
some = lambda k, value: None if k % 7 == 3 else value
layouts = {
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([25, 40], pa.int32()), pa.array([0.5, 7.5])),
    "large_text": pa.array([some(k, f"{k}") for k in short], pa.large_string()),
    "view": pa.array([some(k, f"a text that is too long to be kept in place {k}") for k in short], pa.string_view()),
    "bytes_view": pa.array([some(k, b"short") for k in short], pa.binary_view()),
    "fixed": pa.array([some(k, b"abc") for k in short], pa.binary(3)),
    "large_list": pa.array([some(k, [1, k]) for k in short], pa.large_list(pa.int8())),
    "list_view": pa.array([some(k, ["x"]) for k in short], pa.list_view(pa.string_view())),
    "pair": pa.array([some(k, [1.0, 2.0]) for k in short], pa.list_(pa.float64(), 2)),
    "map": pa.array([some(k, [("k", k)]) for k in short], pa.map_(pa.string(), pa.int32())),
    "struct": pa.array([some(k, {"a": [f"{k}"], "b": k % 2 == 0}) for k in short]),
    "sparse": pa.UnionArray.from_sparse(
        pa.array([k % 2 for k in short], pa.int8()), [pa.array(short), pa.array([str(k) for k in short])]
    ),
    "dense": pa.UnionArray.from_dense(
        pa.array([0] * 40, pa.int8()), pa.array(short, pa.int32()), [pa.array(short), pa.array(["x"])]
    ),
    "interval": pa.array([some(k, (1, 2, k)) for k in short], pa.month_day_nano_interval()),
    "none": pa.nulls(40),
    "kind": pa.array([some(k, ["red", "green"][k % 2]) for k in short]).dictionary_encode(),
    "dec32": pa.array([decimal.Decimal(k * 115).scaleb(-2) for k in short], pa.decimal32(9, 2)),
    "dec64": pa.array([decimal.Decimal(k * -1001).scaleb(-3) for k in short], pa.decimal64(18, 3)),
    "dec256": pa.array([decimal.Decimal(k * 10**20 + 7).scaleb(-19) for k in short], pa.decimal256(60, 19)),
    "coded": pa.DictionaryArray.from_arrays(pa.array([k % 3 for k in short], pa.uint8()), pa.array([0.5, -1.5, 1e9])),
    "gap": pa.DictionaryArray.from_arrays(pa.array([some(k, k % 3) for k in short], pa.int64()), pa.array([0.5, -1.5, 1e9])),
    "gap_in_dictionary": pa.DictionaryArray.from_arrays(pa.array([k % 3 for k in short]), pa.array([0.5, None, 1e9])),
    "last": pa.array([k * 0.5 for k in short]),
}
write_arrow("layouts.arrow", pa.table(layouts), "file", 15)
write_arrow("layouts-zstd.arrows", pa.table(layouts), "stream", 15, compression="zstd")

# NPY
X = np.stack([np.sqrt(i) - 3.25, i * 0.5, -1.0 * i], axis=1)
for code in ["<f8", "<f4", "<i8", "<i4", "<i2"]:
    np.save(f"{code[1:]}.npy", X.astype(code))
for code in ["<u8", "<u4", "<u2", "|u1", "|i1", "|b1"]:
    np.save(f"{code[1:]}.npy", np.stack([i % 2, i % 100], axis=1).astype(code))
np.save("fortran.npy", np.asfortranarray(X))
np.save("fortran-f4.npy", np.asfortranarray(X.astype("<f4")))
np.save("vector.npy", X[:, 0])
np.save("big-endian.npy", X.astype(">f8"))
np.save("f2.npy", X.astype("<f2"))
np.save("complex.npy", X.astype("<c16"))
np.save("object.npy", np.array([1.0, "a", None], dtype=object), allow_pickle=True)
np.save("strings.npy", np.array([["a", "bc"], ["d", "e"]]))
np.save("dates.npy", i.astype("<M8[s]"))
np.save("cube.npy", np.zeros((2, 3, 4)))
np.save("scalar.npy", np.float64(3))
np.save("no-rows.npy", np.zeros((0, 3)))
np.save("no-columns.npy", np.zeros((3, 0)))
np.save("gaps.npy", np.where(np.arange(12).reshape(6, 2) == 9, np.nan, 1.0))
np.save("inexact.npy", np.array([[1, 2], [3, 2**53 + 1]], dtype="<i8"))
record = np.zeros(N, dtype=[("a", "|u1"), ("b", "<f8"), ("name", "<U3"), ("c", "<i8"), ("ü", "<f4")])
record["a"], record["b"], record["name"], record["c"], record["ü"] = i % 256, X[:, 0], "abc", i * 2**40, i * 0.5
np.save("records.npy", record)
np.save("records-aligned.npy", record.astype(np.dtype(record.dtype.descr, align=True)))
nested = np.zeros(3, dtype=[("a", "<f8"), ("pair", "<f8", (2,))])
np.save("records-nested.npy", nested)
for version in [(2, 0), (3, 0)]:
    with open(f"version{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, X, version=version)

# Zipped text
text = "".join(f"{k},{k * 0.5}\n" for k in range(N))
with open("table.csv.gz", "wb") as file:
    file.write(gzip.compress(("a,b\n" + text).encode(), mtime=0))
lines = "".join(f'{{"a": {k}, "b": {k * 0.5}}}\n' for k in range(N))
with open("table.jsonl.gz", "wb") as file:
    file.write(gzip.compress(lines.encode(), mtime=0))
with open("two-parts.csv.gz", "wb") as file:
    file.write(gzip.compress(("a,b\n" + text[:200]).encode(), mtime=0) + gzip.compress(text[200:].encode(), mtime=0))
