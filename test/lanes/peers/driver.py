"""Drives one official SlateDB release over JSON lines: a command per line on stdin, an answer per line on stdout.

Works for every release that has the UniFFI surface (0.12.0 and newer). What differs between them is decided by looking
at the surface itself, never at the version, and all of it is in the functions under "differences". Keys and values are
texts with one character per byte.
"""

import asyncio
import inspect
import json
import os
import sys

import slatedb.uniffi as slatedb


class Append(slatedb.MergeOperator):
    """The operator of all these tests: values and operands are strung together."""

    def merge(self, key, existing_value, operand):
        return operand if existing_value is None else existing_value + operand


class FirstBytes(getattr(slatedb, "PrefixExtractor", object)):
    """Segments by the first bytes of the key."""

    def __init__(self, length):
        self.length = length

    def name(self):
        return f"first-{self.length}"

    def prefix_len(self, target):
        key = target.key if target.is_POINT() else target.prefix
        return self.length if len(key) >= self.length else None


# --- differences -----------------------------------------------------------------------------------------------------


def settings_of(wanted):
    """Settings in the newest names, laid over the release's defaults. A name that the release lacks is an error."""
    every = json.loads(slatedb.Settings.default().to_json_string())

    def lay(base, over, where):
        for name, value in over.items():
            at = base
            if name not in at:
                if name == "default_ttl_millis":
                    name = "default_ttl"
                elif name == "worker" and where == "compactor_options":
                    # Before 0.14 the worker's settings were the compactor's own.
                    lay(at, {k: v for k, v in value.items() if k in at}, where)
                    continue
                elif name in ("commit_compacted_interval", "boundary_files_enabled", "l0_max_ssts_per_key"):
                    continue
            if name not in at:
                raise ValueError(f"this release has no setting {where}.{name}")
            if isinstance(value, dict) and isinstance(at[name], dict) and name != "scheduler_options":
                lay(at[name], value, name)
            else:
                at[name] = value

    lay(every, wanted, "")
    return slatedb.Settings.from_json_string(json.dumps(every))


def ttl_of(ttl):
    kinds = slatedb.Ttl
    if ttl == "default":
        return kinds.DEFAULT()
    if ttl == "none":
        return kinds.NO_EXPIRY()
    # Renamed in 0.16; both forms always meant milliseconds.
    if "after" in ttl:
        return getattr(kinds, "EXPIRE_AFTER_MILLIS", getattr(kinds, "EXPIRE_AFTER_TICKS", None))(ttl["after"])
    return getattr(kinds, "EXPIRE_AT_MILLIS", getattr(kinds, "EXPIRE_AT", None))(ttl["at"])


AWAITS_IN_WRITE = "await_durable" in inspect.signature(slatedb.WriteOptions).parameters


def write_options(durable):
    return slatedb.WriteOptions(await_durable=durable) if AWAITS_IN_WRITE else slatedb.WriteOptions()


async def written(handle, durable):
    """Sequence number and timestamp of a write, once it is as durable as wanted."""
    if AWAITS_IN_WRITE:
        return {"seq": handle.seqnum, "createTs": handle.create_ts}
    if durable:
        await handle.await_durable()
    return {"seq": handle.seqnum(), "createTs": handle.create_ts()}


async def rows_of(scan):
    """Everything a scan yields; newer releases hand out batches."""
    if hasattr(scan, "next_batch"):
        while batch := await scan.next_batch(256):
            for row in batch:
                yield row
        return
    while (row := await scan.next()) is not None:
        yield row


# --- commands --------------------------------------------------------------------------------------------------------

BLOCK_SIZES = {1024: "BLOCK1_KIB", 2048: "BLOCK2_KIB", 4096: "BLOCK4_KIB", 8192: "BLOCK8_KIB", 65536: "BLOCK64_KIB"}


def bytes_of(text):
    return text.encode("latin-1")


def seen(row):
    if row is None:
        return None
    return {
        "key": row.key.decode("latin-1"),
        "value": row.value.decode("latin-1"),
        "seq": row.seq,
        "createTs": row.create_ts,
        "expireTs": row.expire_ts,
    }


class Driver:
    def __init__(self):
        self.handle = None
        self.path = None
        self.store = None

    async def ready(self):
        """True once the library is loaded."""
        return True

    async def open(self, root, path, settings=None, blockSize=None, segment=None):
        builder = self.builder(slatedb.DbBuilder, root, path)
        builder.with_settings(settings_of(settings or {}))
        if blockSize is not None:
            builder.with_sst_block_size(slatedb.SstBlockSize[BLOCK_SIZES[blockSize]])
        if segment is not None:
            builder.with_segment_extractor(FirstBytes(segment))
        self.handle = await builder.build()

    async def openReader(self, root, path, segment=None, pollMs=100):
        builder = self.builder(slatedb.DbReaderBuilder, root, path)
        if segment is not None:
            builder.with_segment_extractor(FirstBytes(segment))
        builder.with_options(
            slatedb.ReaderOptions(
                manifest_poll_interval_ms=pollMs,
                checkpoint_lifetime_ms=600_000,
                max_memtable_bytes=1 << 26,
                skip_wal_replay=False,
            )
        )
        self.handle = await builder.build()

    def builder(self, kind, root, path):
        # A folder as the root of the store: newer releases refuse a path in the URL of a store.
        os.environ.update(CLOUD_PROVIDER="local", LOCAL_PATH=root)
        self.path, self.store = path, slatedb.ObjectStore.from_env(None)
        builder = kind(path, self.store)
        builder.with_merge_operator(Append())
        return builder

    async def write(self, batches, durable):
        return [await self.write_one(ops, durable) for ops in batches]

    async def write_one(self, ops, durable):
        options = write_options(durable)
        if len(ops) == 1:
            (op,) = ops
            key, value = bytes_of(op["key"]), bytes_of(op["value"])
            if op["kind"] == "delete":
                handle = await self.handle.delete_with_options(key, options)
            elif op["kind"] == "put":
                put = slatedb.PutOptions(ttl=ttl_of(op["ttl"]))
                handle = await self.handle.put_with_options(key, value, put, options)
            else:
                merge = slatedb.MergeOptions(ttl=ttl_of(op["ttl"]))
                handle = await self.handle.merge_with_options(key, value, merge, options)
        else:
            batch = slatedb.WriteBatch()
            for op in ops:
                key, value = bytes_of(op["key"]), bytes_of(op["value"])
                if op["kind"] == "delete":
                    batch.delete(key)
                elif op["kind"] == "put":
                    batch.put_with_options(key, value, slatedb.PutOptions(ttl=ttl_of(op["ttl"])))
                else:
                    batch.merge_with_options(key, value, slatedb.MergeOptions(ttl=ttl_of(op["ttl"])))
            handle = await self.handle.write_with_options(batch, options)
        return await written(handle, durable)

    async def flush(self, type):
        kind = {"wal": slatedb.FlushType.WAL, "memtable": slatedb.FlushType.MEM_TABLE}[type]
        await self.handle.flush_with_options(slatedb.FlushOptions(flush_type=kind))

    async def get(self, keys):
        return [await self.get_one(bytes_of(key)) for key in keys]

    async def get_one(self, key):
        value = await self.handle.get(key)
        if not hasattr(self.handle, "get_key_value"):
            return None if value is None else {"key": key.decode("latin-1"), "value": value.decode("latin-1")}
        row = await self.handle.get_key_value(key)
        if (value is None) != (row is None) or (row is not None and row.value != value):
            raise AssertionError(f"get and get_key_value disagree about {key!r}")
        return seen(row)

    async def scan(self, bounds, descending):
        def bound(name):
            return None if bounds.get(name) is None else bytes_of(bounds[name])

        key_range = slatedb.KeyRange(
            start=bound("from"),
            start_inclusive=bounds.get("fromInclusive", True),
            end=bound("to"),
            end_inclusive=bounds.get("toInclusive", False),
        )
        order = slatedb.IterationOrder.DESCENDING if descending else slatedb.IterationOrder.ASCENDING
        options = slatedb.ScanOptions(
            durability_filter=slatedb.DurabilityLevel.MEMORY,
            dirty=False,
            read_ahead_bytes=1,
            cache_blocks=False,
            max_fetch_tasks=1,
            order=order,
        )
        scan = await self.handle.scan_with_options(key_range, options)
        return [seen(row) async for row in rows_of(scan)]

    async def collect(self, root, path, minAgeMs):
        """One pass of garbage collection, beside whoever owns the database; WAL fences stay."""
        self.builder(slatedb.DbReaderBuilder, root, path)
        age = slatedb.GarbageCollectorDirectoryOptions(interval_ms=None, min_age_ms=minAgeMs, dry_run=False)
        kinds = ("manifest_options", "wal_options", "compacted_options", "compactions_options")
        admin = slatedb.AdminBuilder(self.path, self.store).build()
        await admin.run_gc_once(slatedb.GarbageCollectorOptions(**{kind: age for kind in kinds}))

    async def close(self):
        handle, self.handle = self.handle, None
        await handle.shutdown()


def failure(error):
    """An error as the tests judge it: its kind, its close reason, its text."""
    reason = getattr(getattr(error, "reason", None), "name", None)
    return {"kind": type(error).__name__, "reason": reason, "message": str(error) or repr(error)}


async def main():
    if os.environ.get("PEERS_LOG"):
        # The release's own log, on stderr, which ends up in a file of the lane's cache.
        slatedb.init_logging(slatedb.LogLevel[os.environ["PEERS_LOG"]], None)
    driver = Driver()
    loop = asyncio.get_running_loop()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever else prints must not end up between the answers.
    os.dup2(2, 1)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        name = command.pop("do")
        try:
            answer = {"ok": await getattr(driver, name)(**command)}
        except Exception as error:  # Every failure is an answer; the tests judge it.
            answer = {"error": failure(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


asyncio.run(main())
