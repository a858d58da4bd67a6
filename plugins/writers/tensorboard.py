"""TensorBoard events, written from the rows of metrics.jsonl and rebuilt from them at every start.

Rebuilding is why no step is ever doubled, and writing without tensorboardX's background thread is why a disk that
refuses cannot make training wait for ever. metrics.jsonl has every row at once, so that the events may follow a second later.
"""

import contextlib
import itertools
import os
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framework import About, Pen, Recorded, Writer, register
from framework.interfaces import FINISHED, Histogram
from framework.storage import make_folder, remove

FLUSH_SECONDS = 1.0  # how old events may be that are not on the disk yet: each flush waits for the disk
CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by the kind of colours of a PNG file: grey, RGB, a palette, either with transparency
SPLITS = ("train", "test", "population")

_starts = itertools.count()


@register("tensorboard")
@dataclass(frozen=True, kw_only=True)
class TensorBoard(Writer):
    """Event files for TensorBoard: scalars, with train and test in one chart, pictures, histograms, and the fields of a sweep.

    `accuracy/train` is the column train/accuracy; the tab Custom Scalars draws it beside `accuracy/test`, and the tab HParams has the
    members of a sweep, with the fields that it changes. Example: tensorboard --logdir runs/first

    Source: tensorboardX; the formats are TensorBoard's own.
    """

    def begin(self, about: About, rows: Sequence[Recorded]) -> "Events":
        """Events of these rows and no others. What else lies in the folder, such as another writer's, is left alone."""
        make_folder(about.folder)
        for earlier in about.folder.glob("*tfevents*"):
            remove(earlier)
        events = Events(about)
        for row in rows:
            events.row(row)
        return events


class Events(Pen):
    """One event file, each scalar of each row once."""

    def __init__(self, about: About):
        from tensorboardX.event_file_writer import EventsWriter

        # Two writers opened within one second would otherwise share a file name, and the second would truncate the first.
        suffix = f".{os.getpid()}.{next(_starts)}"
        self._writer = EventsWriter(str(about.folder / "events"), filename_suffix=suffix)
        self._about, self._charts = about, set[str]()
        self._waiting, self._flushed = False, time.monotonic()  # whether events wait for the disk, and since when
        if about.changed:
            self._write(0, 0.0, [_start(about)])

    def row(self, row: Recorded) -> None:
        """The scalars of a row, its histograms, and the charts once it is known what there is."""
        from tensorboardX.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag_of(column), simple_value=number) for column, number in row.numbers.items()]
        values += [Summary.Value(tag=f"parameters/{name}", histo=_histogram(one)) for name, one in row.histograms.items()]
        known = self._charts | {tag for tag in map(tag_of, row.numbers) if "/" in tag}
        if (charts := _shared(known)) and charts != _shared(self._charts):
            values.append(_layout(charts))
        self._charts = known
        self._write(row.step, row.seconds, values)
        self.flush()

    def flush(self) -> None:
        """What has waited for a while goes to the disk."""
        if self._waiting and time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self._writer.flush()
            self._flushed, self._waiting = time.monotonic(), False

    def pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        """Each of them as an image."""
        from tensorboardX.proto.summary_pb2 import Summary

        values = []
        for name, png in pictures.items():
            width, height, _, kind = struct.unpack(">IIBB", png[16:26])  # where every PNG file says it
            image = Summary.Image(height=height, width=width, colorspace=CHANNELS[kind], encoded_image_string=png)
            values.append(Summary.Value(tag=f"pictures/{name}", image=image))
        self._write(step, time.time() - self._about.started, values)

    def end(self, how: str) -> None:
        """Says of a member of a sweep how it ended, and closes the file."""
        if self._about.changed:
            self._write(0, time.time() - self._about.started, [_end(how)])
        self._writer.close()

    def drop(self) -> None:
        """Closes the file, without the flush at which the writer's own close gives up."""
        with contextlib.suppress(OSError):
            self._writer._py_recordio_writer.close()

    def _write(self, step: int, seconds: float, values: Sequence[Any]) -> None:
        from tensorboardX.proto.event_pb2 import Event

        event = Event(wall_time=self._about.started + seconds, step=step)
        event.summary.value.extend(values)
        self._writer.write_event(event)
        self._waiting = True


def tag_of(column: str) -> str:
    """accuracy/train for the column train/accuracy, so that TensorBoard has train and test side by side; probes keep their columns."""
    first, *rest = column.split("/")
    return "/".join([rest[0], first, *rest[1:]]) if first in SPLITS and rest else column


def _shared(tags: set[str]) -> dict[str, list[str]]:
    """Quantity → its tags on train and test, of those that both have."""
    found: dict[str, list[str]] = {}
    for split in ("train", "test"):
        for tag in sorted(tags):
            if tag.split("/")[1] == split:
                found.setdefault(tag.split("/")[0], []).append(tag)
    return {quantity: found[quantity] for quantity in sorted(found) if len(found[quantity]) > 1}


def _layout(charts: Mapping[str, Sequence[str]]) -> Any:
    """What makes one chart of the tags of each quantity."""
    from tensorboardX.summary import custom_scalars

    made = {quantity: ["Multiline", [f"^{tag}$" for tag in tags]] for quantity, tags in charts.items()}
    return custom_scalars({"whygrok": made}).value[0]


def _histogram(one: Histogram) -> Any:
    from tensorboardX.proto.summary_pb2 import HistogramProto

    middles, counts = (one.edges[1:] + one.edges[:-1]) / 2, one.counts
    moments = {"num": counts.sum(), "sum": (counts * middles).sum(), "sum_squares": (counts * middles**2).sum()}
    return HistogramProto(min=one.edges[0], max=one.edges[-1], bucket_limit=one.edges[1:], bucket=counts, **moments)


def _start(about: About) -> Any:
    """What says to the tab HParams that this is a member of a sweep, and which fields it has."""
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionStartInfo

    started = SessionStartInfo(group_name=about.name, start_time_secs=about.started)
    for name, value in about.changed.items():
        if isinstance(value, bool):
            started.hparams[name].bool_value = value
        elif isinstance(value, int | float):
            started.hparams[name].number_value = value
        else:
            started.hparams[name].string_value = str(value)
    return _of_hparams("session_start_info", HParamsPluginData(session_start_info=started))


def _end(how: str) -> Any:
    from tensorboardX.proto.api_pb2 import Status
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo

    ended = SessionEndInfo(status=Status.Value("STATUS_SUCCESS" if how == FINISHED else "STATUS_FAILURE"), end_time_secs=time.time())
    return _of_hparams("session_end_info", HParamsPluginData(session_end_info=ended))


def _of_hparams(what: str, said: Any) -> Any:
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=said.SerializeToString())
    return Summary.Value(tag=f"_hparams_/{what}", metadata=SummaryMetadata(plugin_data=plugin))
