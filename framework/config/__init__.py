"""Configs: composed from plugins, read from files, changed, compared, and multiplied into sweeps."""

from framework.config.changes import product, together
from framework.config.compose import experiment, flatten, from_dict, from_stored, override, plugin_section, select, to_dict
from framework.config.files import find_config, load_config, load_sweep, plugin_list, shipped_configs
from framework.config.members import Member, members, word_of
from framework.config.older import newer
from framework.config.scales import SCALES, at_scale, named_scale
from framework.config.settings import SECTIONS, Checkpoint, Events, General, Mesh, Numerics, Recording
from framework.config.tree import NAMED, PLUGIN_SECTIONS, checked_config, harmless_fields, node_at, nodes, strangers
