"""SQL statements of detectors: a query is one statement that only reads."""

import logging
from collections.abc import Iterator

import sqlalchemy as sa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

logging.getLogger("sqlglot").setLevel(logging.ERROR)

PARAMETERS = frozenset({"since", "until"})

DIALECTS = {
    "bigquery": "bigquery",
    "duckdb": "duckdb",
    "postgresql": "postgres",
    "sqlite": "sqlite",
}
"""sqlglot's dialects by the backend of an SQLAlchemy URL."""

_WRITES = (
    *(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable),
    *(exp.Create, exp.Drop, exp.Alter, exp.Command, exp.Set, exp.Use, exp.Copy),
    *(exp.Pragma, exp.Attach, exp.Detach, exp.Into, exp.Lock, exp.Transaction, exp.Commit),
)
_DENIED = frozenset(
    {
        *("dblink", "dblink_exec", "external_query", "getenv", "glob", "load_extension", "nextval"),
        *("query_to_xml", "readfile", "set_config", "setval", "sniff_csv", "writefile", "edit"),
    }
)
_DENIED_PREFIXES = ("lo_", "pg_", "read_", "parquet_")
"""Functions that act on the server, its files, or other servers. The session is read-only too."""


def problem(sql: str, backend: str | None) -> str | None:
    """Returns in one sentence why `sql` can't be a detector's query, or None.

    `backend` is that of its source; None where the source's address is not known.
    """
    try:
        found = sqlglot.parse(_without_parameters(sql), read=DIALECTS.get(backend or ""))
    except (SqlglotError, RecursionError) as error:
        return f"the query can't be read ({_first_line(error)})"
    statements = [each for each in found if each is not None]
    if len(statements) != 1:
        return f"the query has {len(statements)} statements"
    (statement,) = statements
    if not isinstance(statement, exp.Query):
        return f"the query is a {statement.key.upper()} and not a SELECT"
    for wrong in _writes(statement):
        return wrong
    return _parameter_problem(sql)


def _without_parameters(sql: str) -> str:
    # Not every dialect reads `:name`. The text that is executed is the original.
    for name in PARAMETERS:
        sql = sql.replace(f":{name}", "NULL")
    return sql


def _writes(statement: exp.Query) -> Iterator[str]:
    for node in statement.walk():
        if isinstance(node, _WRITES):
            yield f"the query has a {node.key.upper()}, and must only read"
        if isinstance(node, exp.Func):
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            if name in _DENIED or name.startswith(_DENIED_PREFIXES):
                yield f"the query uses {name}(), which does more than read tables"


def _parameter_problem(sql: str) -> str | None:
    given = set(sa.text(sql).compile().params)
    missing, unknown = sorted(PARAMETERS - given), sorted(given - PARAMETERS)
    if unknown:
        return f"the query uses :{unknown[0]}, which is unknown here (only :since and :until are)"
    if missing and f":{missing[0]}::" in sql:
        return f"`:{missing[0]}::` is not read as a parameter (CAST(:{missing[0]} AS …) is)"
    if missing:
        return f"the query does not use :{missing[0]}, so it would read the same rows again"
    return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].strip().rstrip(".")[:160] if str(error) else "too deep"
