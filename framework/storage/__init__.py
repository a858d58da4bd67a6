"""Files that a crash leaves whole, compiled programs, the lock that says who is writing, and whose code may run."""

from framework.storage.files import explain, free_bytes, json_number, next_free, storage, write_atomically, write_json
from framework.storage.home import user_folder
from framework.storage.lock import Lock, holder
from framework.storage.orbax_store import packed, read_arrays, unpacked, write_arrays
from framework.storage.programs import LIMIT_BYTES, Programs, clear, refusal, size_of
from framework.storage.tables import csv_line, csv_text
from framework.storage.trust import trust, trusted
