"""Every read and write of a file: whole after a crash, never through a link, nothing executed; locks, programs, whose code may run."""

from framework.storage.files import (
    IN_THE_WAY,
    explain,
    free_bytes,
    is_of_a_signal,
    json_number,
    next_free,
    storage,
    write_atomically,
    write_json,
)
from framework.storage.folders import (
    append_to,
    check_links,
    copy_aside,
    is_folder,
    is_under_its_name,
    make_folder,
    make_new_folder,
    move,
    remove,
    remove_empty,
    remove_file,
    set_aside,
    temporary_file,
    temporary_folder,
    write_new,
)
from framework.storage.home import at_home, real_path, user_folder
from framework.storage.lock import Lock, alone_in, holder
from framework.storage.orbax_store import packed, read_arrays, unpacked, write_arrays
from framework.storage.programs import LIMIT_BYTES, Programs, clear, refusal, size_of
from framework.storage.reading import (
    MOST_BYTES,
    npz_bytes,
    npz_names,
    open_file,
    parse_json,
    read_database,
    read_each_line,
    read_file,
    read_json,
    read_npy,
    read_npz,
    read_text,
)
from framework.storage.tables import csv_line, csv_text
from framework.storage.trust import DESTINATIONS, PLUGINS, trust, trusted
from framework.storage.written import checksums_below, difference, sizes_below
