"""The table of all known node types."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.inspection.comfy.core_nodes import CORE_NODES
from promptlang.inspection.comfy.more_pack_nodes import MORE_PACK_NODES
from promptlang.inspection.comfy.node_types import NodeType
from promptlang.inspection.comfy.pack_nodes import PACK_NODES

NODE_TYPES: Final[Mapping[str, NodeType]] = MappingProxyType(
    {**MORE_PACK_NODES, **PACK_NODES, **CORE_NODES}
)
"""Types by the class names of nodes."""
