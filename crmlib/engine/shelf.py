"""Tables that several measures, chapters and processes need: made once, and kept beside a run's tables."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.engine.rooms import connection_of, room_of
from crmlib.files import hold, replacing


@dataclass(frozen=True)
class _Shelf:
    """Where a connection keeps tables, what data its own tables hold, and what it has found there."""

    folder: Path
    content: str
    known: dict[Any, Any] = field(default_factory=dict)


def keep_in(connection: Any, folder: Path, *, content: str, memory: str = "") -> None:
    """Let ``connection`` keep tables in ``folder`` (:func:`made_once`); ``content`` says what data its own tables hold.

    What does not fit into ``memory`` (``"2GB"``) goes to the folder, too, where the engine is told so here.
    """
    connection.crmlib_shelf = _Shelf(folder, content)
    room_of(connection).spill_to(connection, folder / "spilled", memory=memory)


def made_once(table: Any) -> Any:
    """The same Ibis table, read from where it is kept: several measures, chapters and processes need it.

    Whoever asks first makes it, and others wait for that. Its name is made of what the data are and of the SQL that
    makes it, so that other data or another rule is another table. Where nothing can be kept (what is asked for is made
    of a frame, or the connection has no folder that can be written), it is the table as it was.

    >>> import ibis
    >>> table = ibis.memtable({"n": [1]})
    >>> made_once(table) is table
    True
    """
    import ibis.expr.operations as ops

    op = table.op()
    connection = connection_of(table)
    shelf = getattr(connection, "crmlib_shelf", None)
    if connection is None or shelf is None or op.find(ops.InMemoryTable):
        return table
    if op not in shelf.known:
        kept = _kept(connection, shelf, str(connection.compile(table)))
        # A sum of whole numbers is kept as a fraction.
        shelf.known[op] = table if kept is None else kept.cast(table.schema())
    return shelf.known[op]


def _kept(connection: Any, shelf: _Shelf, query: str) -> Any:
    """The table from its file, which is made if it is not there; None where the folder cannot be written."""
    room = room_of(connection)
    name = hashlib.sha256(f"{shelf.content}\0{query}".encode()).hexdigest()[:32]
    file = shelf.folder / f"{name}.parquet"
    if not file.exists():
        try:
            shelf.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (shelf.folder / ".lock").open("w") as lock:
                hold(lock)  # one table at a time: making it takes all cores, and much memory
                if not file.exists():
                    with replacing(file) as staged:
                        room.write(connection, query, staged)
        except OSError:
            return None
    return room.read(connection, file, name=name)
