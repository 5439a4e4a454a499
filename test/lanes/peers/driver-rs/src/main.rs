//! Drives one release of SlateDB over JSON lines: a command per line on stdin, an answer per line on stdout. The commands
//! are those of driver.py, which does the same for releases that have a wheel. Keys and values are texts with one character
//! per byte.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{json, Map, Value};
use slatedb::admin::Admin;
use slatedb::bytes::Bytes;
use slatedb::config::{
    DbReaderOptions, FlushOptions, FlushType, GarbageCollectorDirectoryOptions, GarbageCollectorOptions, MergeOptions,
    PutOptions, ScanOptions, Settings, Ttl, WriteOptions,
};
use slatedb::object_store::{local::LocalFileSystem, ObjectStore};
use slatedb::{
    CloseReason, Db, DbReadOps, DbReader, ErrorKind, IterationOrder, KeyValue, MergeOperator, MergeOperatorError,
    PrefixExtractor, PrefixTarget, SstBlockSize, WriteBatch, WriteHandle,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// The operator of all these tests: values and operands are strung together.
struct Append;

impl MergeOperator for Append {
    fn merge(&self, _key: &Bytes, existing: Option<Bytes>, operand: Bytes) -> Result<Bytes, MergeOperatorError> {
        Ok(Bytes::from([existing.unwrap_or_default(), operand].concat()))
    }
}

/// Segments by the first bytes of the key.
struct FirstBytes {
    length: usize,
    name: String,
}

impl PrefixExtractor for FirstBytes {
    fn name(&self) -> &str {
        &self.name
    }

    fn prefix_len(&self, target: &PrefixTarget) -> Option<usize> {
        let (PrefixTarget::Point(bytes) | PrefixTarget::Prefix(bytes)) = target;
        (bytes.len() >= self.length).then_some(self.length)
    }
}

/// What a command ends with when it fails; the tests judge it.
struct Failure {
    kind: String,
    reason: Option<String>,
    message: String,
}

impl From<slatedb::Error> for Failure {
    fn from(error: slatedb::Error) -> Self {
        let (kind, reason) = match error.kind() {
            ErrorKind::Closed(CloseReason::Fenced) => ("Closed".into(), Some("Fenced".into())),
            ErrorKind::Closed(reason) => ("Closed".into(), Some(format!("{reason:?}"))),
            kind => (format!("{kind:?}"), None),
        };
        Failure {
            kind,
            reason,
            message: error.to_string(),
        }
    }
}

/// A failure of the test, not of the database: a command that this program does not understand.
fn misunderstood(what: impl std::fmt::Display) -> Failure {
    Failure {
        kind: "Driver".into(),
        reason: None,
        message: what.to_string(),
    }
}

type Answer = Result<Value, Failure>;

// --- JSON in and out -------------------------------------------------------------------------------------------------

fn field<'a>(command: &'a Value, name: &str) -> Result<&'a Value, Failure> {
    command
        .get(name)
        .filter(|value| !value.is_null())
        .ok_or_else(|| misunderstood(format!("no {name}")))
}

fn text<'a>(command: &'a Value, name: &str) -> Result<&'a str, Failure> {
    field(command, name)?
        .as_str()
        .ok_or_else(|| misunderstood(format!("{name} is no text")))
}

fn list<'a>(command: &'a Value, name: &str) -> Result<&'a Vec<Value>, Failure> {
    field(command, name)?
        .as_array()
        .ok_or_else(|| misunderstood(format!("{name} is no list")))
}

fn flag(command: &Value, name: &str, otherwise: bool) -> bool {
    command.get(name).and_then(Value::as_bool).unwrap_or(otherwise)
}

fn bytes_of(text: &str) -> Vec<u8> {
    text.chars().map(|one| one as u8).collect()
}

fn text_of(bytes: &[u8]) -> String {
    bytes.iter().map(|&one| one as char).collect()
}

fn row_of(row: &KeyValue) -> Value {
    json!({
        "key": text_of(&row.key),
        "value": text_of(&row.value),
        "seq": row.seq,
        "createTs": row.create_ts,
        "expireTs": row.expire_ts,
    })
}

/// Settings laid over the release's defaults. A name that it lacks is an error.
fn settings_of(wanted: Option<&Value>) -> Result<Settings, Failure> {
    let mut every = serde_json::to_value(Settings::default()).map_err(misunderstood)?;
    if let Some(Value::Object(wanted)) = wanted {
        lay(&mut every, wanted, "")?;
    }
    serde_json::from_value(every).map_err(misunderstood)
}

fn lay(base: &mut Value, over: &Map<String, Value>, within: &str) -> Result<(), Failure> {
    for (name, value) in over {
        let Some(at) = base.get_mut(name) else {
            return Err(misunderstood(format!("this release has no setting {within}.{name}")));
        };
        match value {
            Value::Object(inner) if at.is_object() && name != "scheduler_options" => lay(at, inner, name)?,
            _ => *at = value.clone(),
        }
    }
    Ok(())
}

fn ttl_of(ttl: &Value) -> Result<Ttl, Failure> {
    match ttl {
        Value::String(name) if name == "default" => Ok(Ttl::Default),
        Value::String(name) if name == "none" => Ok(Ttl::NoExpiry),
        _ => match (
            ttl.get("after").and_then(Value::as_u64),
            ttl.get("at").and_then(Value::as_i64),
        ) {
            (Some(after), _) => Ok(Ttl::ExpireAfterMillis(after)),
            (_, Some(at)) => Ok(Ttl::ExpireAtMillis(at)),
            _ => Err(misunderstood(format!("{ttl} is no TTL"))),
        },
    }
}

fn block_size_of(size: &Value) -> Result<SstBlockSize, Failure> {
    match size.as_u64() {
        Some(1024) => Ok(SstBlockSize::Block1Kib),
        Some(2048) => Ok(SstBlockSize::Block2Kib),
        Some(4096) => Ok(SstBlockSize::Block4Kib),
        Some(8192) => Ok(SstBlockSize::Block8Kib),
        Some(16384) => Ok(SstBlockSize::Block16Kib),
        Some(32768) => Ok(SstBlockSize::Block32Kib),
        Some(65536) => Ok(SstBlockSize::Block64Kib),
        _ => Err(misunderstood(format!("{size} is no block size"))),
    }
}

// --- commands --------------------------------------------------------------------------------------------------------

enum Handle {
    None,
    Writer(Db),
    Reader(DbReader),
}

fn store_at(command: &Value) -> Result<Arc<dyn ObjectStore>, Failure> {
    let root = text(command, "root")?;
    Ok(Arc::new(LocalFileSystem::new_with_prefix(root).map_err(misunderstood)?))
}

fn segments_of(command: &Value) -> Option<Arc<dyn PrefixExtractor>> {
    let length = command.get("segment")?.as_u64()? as usize;
    Some(Arc::new(FirstBytes {
        length,
        name: format!("first-{length}"),
    }))
}

async fn open(command: &Value) -> Result<Db, Failure> {
    let mut builder = Db::builder(text(command, "path")?, store_at(command)?)
        .with_settings(settings_of(command.get("settings"))?)
        .with_sst_block_alignment(flag(command, "aligned", false))
        .with_merge_operator(Arc::new(Append));
    if let Some(size) = command.get("blockSize").filter(|size| !size.is_null()) {
        builder = builder.with_sst_block_size(block_size_of(size)?);
    }
    if let Some(extractor) = segments_of(command) {
        builder = builder.with_segment_extractor(extractor);
    }
    Ok(builder.build().await?)
}

async fn open_reader(command: &Value) -> Result<DbReader, Failure> {
    let mut builder = DbReader::builder(text(command, "path")?, store_at(command)?)
        .with_options(DbReaderOptions {
            manifest_poll_interval: Duration::from_millis(100),
            checkpoint_lifetime: Duration::from_secs(600),
            ..DbReaderOptions::default()
        })
        .with_merge_operator(Arc::new(Append));
    if let Some(extractor) = segments_of(command) {
        builder = builder.with_segment_extractor(extractor);
    }
    Ok(builder.build().await?)
}

/// One batch: alone, an operation goes through its own call.
async fn write(db: &Db, ops: &[Value], durable: bool) -> Answer {
    let options = WriteOptions::default();
    let handle = match ops {
        [op] => {
            let (key, value) = (bytes_of(text(op, "key")?), bytes_of(text(op, "value")?));
            match text(op, "kind")? {
                "delete" => db.delete_with_options(key, &options).await?,
                "put" => {
                    db.put_with_options(
                        key,
                        value,
                        &PutOptions {
                            ttl: ttl_of(field(op, "ttl")?)?,
                        },
                        &options,
                    )
                    .await?
                }
                _ => {
                    db.merge_with_options(
                        key,
                        value,
                        &MergeOptions {
                            ttl: ttl_of(field(op, "ttl")?)?,
                        },
                        &options,
                    )
                    .await?
                }
            }
        }
        _ => db.write_with_options(batch_of(ops)?, &options).await?,
    };
    written(&handle, durable).await
}

fn batch_of(ops: &[Value]) -> Result<WriteBatch, Failure> {
    let mut batch = WriteBatch::new();
    for op in ops {
        let (key, value) = (bytes_of(text(op, "key")?), bytes_of(text(op, "value")?));
        match text(op, "kind")? {
            "delete" => batch.delete(key),
            "put" => batch.put_with_options(
                key,
                value,
                &PutOptions {
                    ttl: ttl_of(field(op, "ttl")?)?,
                },
            ),
            _ => batch.merge_with_options(
                key,
                value,
                &MergeOptions {
                    ttl: ttl_of(field(op, "ttl")?)?,
                },
            ),
        }
    }
    Ok(batch)
}

/// Sequence number and timestamp of a write, once it is as durable as wanted.
async fn written(handle: &WriteHandle, durable: bool) -> Answer {
    if durable {
        handle.await_durable().await?;
    }
    Ok(json!({ "seq": handle.seqnum(), "createTs": handle.create_ts() }))
}

async fn get(handle: &(impl DbReadOps + Sync), keys: &[Value]) -> Answer {
    let mut rows = Vec::new();
    for key in keys {
        let key = bytes_of(key.as_str().unwrap_or_default());
        let value = handle.get(&key).await?;
        let row = handle.get_key_value(&key).await?;
        if row.as_ref().map(|row| &row.value) != value.as_ref() {
            return Err(misunderstood(format!(
                "get and get_key_value disagree about {}",
                text_of(&key)
            )));
        }
        rows.push(row.as_ref().map_or(Value::Null, row_of));
    }
    Ok(Value::Array(rows))
}

async fn scan(handle: &(impl DbReadOps + Sync), command: &Value) -> Answer {
    let bounds = field(command, "bounds")?;
    let bound = |name: &str, inclusive: bool| match bounds.get(name).and_then(Value::as_str) {
        None => Bound::Unbounded,
        Some(key) if inclusive => Bound::Included(bytes_of(key)),
        Some(key) => Bound::Excluded(bytes_of(key)),
    };
    let range = (
        bound("from", flag(bounds, "fromInclusive", true)),
        bound("to", flag(bounds, "toInclusive", false)),
    );
    let order = match flag(command, "descending", false) {
        true => IterationOrder::Descending,
        false => IterationOrder::Ascending,
    };
    let mut scan = handle
        .scan_with_options(
            range,
            &ScanOptions {
                order,
                ..ScanOptions::default()
            },
        )
        .await?;
    let mut rows = Vec::new();
    while let Some(row) = scan.next().await? {
        rows.push(row_of(&row));
    }
    Ok(Value::Array(rows))
}

/// One pass of garbage collection, beside the owner of the database; WAL fences stay.
async fn collect(command: &Value) -> Answer {
    let age = field(command, "minAgeMs")?.as_u64().unwrap_or_default();
    let directory = Some(GarbageCollectorDirectoryOptions {
        interval: None,
        min_age: Duration::from_millis(age),
        dry_run: false,
    });
    let options = GarbageCollectorOptions {
        manifest_options: directory,
        wal_options: directory,
        wal_fence_options: None,
        compacted_options: directory,
        compactions_options: directory,
        ..GarbageCollectorOptions::default()
    };
    Admin::builder(text(command, "path")?, store_at(command)?)
        .build()
        .run_gc_once(options)
        .await?;
    Ok(Value::Null)
}

async fn answer(handle: &mut Handle, command: &Value) -> Answer {
    let name = text(command, "do")?;
    match (name, &*handle) {
        ("ready", _) => Ok(json!(true)),
        ("open", _) => {
            *handle = Handle::Writer(open(command).await?);
            Ok(Value::Null)
        }
        ("openReader", _) => {
            *handle = Handle::Reader(open_reader(command).await?);
            Ok(Value::Null)
        }
        ("collect", _) => collect(command).await,
        ("write", Handle::Writer(db)) => {
            let durable = flag(command, "durable", true);
            let mut all = Vec::new();
            for ops in list(command, "batches")? {
                all.push(
                    write(
                        db,
                        ops.as_array().ok_or_else(|| misunderstood("a batch is no list"))?,
                        durable,
                    )
                    .await?,
                );
            }
            Ok(Value::Array(all))
        }
        ("flush", Handle::Writer(db)) => {
            let flush_type = if text(command, "type")? == "wal" {
                FlushType::Wal
            } else {
                FlushType::MemTable
            };
            db.flush_with_options(FlushOptions { flush_type }).await?;
            Ok(Value::Null)
        }
        ("get", Handle::Writer(db)) => get(db, list(command, "keys")?).await,
        ("get", Handle::Reader(reader)) => get(reader, list(command, "keys")?).await,
        ("scan", Handle::Writer(db)) => scan(db, command).await,
        ("scan", Handle::Reader(reader)) => scan(reader, command).await,
        ("close", _) => {
            match std::mem::replace(handle, Handle::None) {
                Handle::Writer(db) => db.close().await?,
                Handle::Reader(reader) => reader.close().await?,
                Handle::None => return Err(misunderstood("nothing is open")),
            }
            Ok(Value::Null)
        }
        _ => Err(misunderstood(format!("{name} cannot be done now"))),
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut handle = Handle::None;
    let mut commands = BufReader::new(tokio::io::stdin()).lines();
    let mut answers = tokio::io::stdout();
    while let Some(line) = commands.next_line().await? {
        let outcome = match serde_json::from_str::<Value>(&line) {
            Ok(command) => answer(&mut handle, &command).await,
            Err(error) => Err(misunderstood(error)),
        };
        let said = outcome.map_or_else(
            |Failure { kind, reason, message }| json!({ "error": { "kind": kind, "reason": reason, "message": message } }),
            |ok| json!({ "ok": ok }),
        );
        answers.write_all(format!("{said}\n").as_bytes()).await?;
        answers.flush().await?;
    }
    Ok(())
}
