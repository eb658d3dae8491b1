"""The plan of an output folder on disk: plan.json, and a table of sources that it names.

The table's name holds a hash of its content, and plan.json is written last: whenever a driver
dies, plan.json names a whole table.
"""

import hashlib
import json
from dataclasses import asdict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.tasks.plan import PLAN_COLUMNS, Generation, Plan
from shards import storage
from shards.schema import CODE_VERSION

PLAN = "plan.json"
PLAN_VERSION = 2


def load_plan(out: str) -> Plan:
    """Return the plan in a folder, an empty one where there is none.

    Raises:
        ValueError: If it is not one of ours, or damaged.
    """
    path = storage.join(out, PLAN)
    if not storage.exists(path):
        return Plan()
    value = storage.read_json(path)
    if not isinstance(value, dict) or value.get("version") != PLAN_VERSION:
        raise ValueError(
            f"{path} must be a plan of version {PLAN_VERSION}, got {str(value)[:80]}; "
            "delete the folder, or choose another shards.out"
        )
    table = storage.join(out, value["table"])
    data = storage.read_bytes(table) if storage.exists(table) else b""
    if hashlib.sha256(data).hexdigest() != value["table_sha256"]:
        raise ValueError(f"{table} must be the table that {PLAN} names, got another or none")
    sources = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    generations = tuple(Generation(**generation) for generation in value["generations"])
    return Plan(value["settings"], generations, sources.cast(PLAN_COLUMNS))


def save_plan(out: str, plan: Plan) -> None:
    """Write the plan, unless the folder holds it already."""
    sink = pa.BufferOutputStream()
    pq.write_table(plan.sources, sink, compression="zstd", use_dictionary=["bundle"])
    table = sink.getvalue().to_pybytes()
    sha256 = hashlib.sha256(table).hexdigest()
    listed = plan.listed()
    value = {
        "version": PLAN_VERSION,
        "code": CODE_VERSION,
        "settings": plan.settings,
        "generations": [asdict(generation) for generation in plan.generations],
        "bundles": pc.count_distinct(listed["bundle"]).as_py(),
        "videos": listed.num_rows,
        "bytes": pc.sum(pc.max_element_wise(listed["bytes"], 0)).as_py() or 0,
        "table": f"plan-{sha256[:16]}.parquet",
        "table_sha256": sha256,
    }
    data = json.dumps(value, sort_keys=True, indent=1).encode() + b"\n"
    path = storage.join(out, PLAN)
    if not storage.exists(path) or storage.read_bytes(path) != data:
        storage.write_atomic(storage.join(out, value["table"]), table)
        storage.write_atomic(path, data)
    for name in storage.list_names(out, ".parquet"):
        if name.startswith("plan-") and name != value["table"]:
            storage.delete(storage.join(out, name))
