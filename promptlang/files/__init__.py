"""Files of other people: read within bounds, regular files only, nothing in them executed.

`promptlang.files.images` is imported by itself, since it loads Pillow.
"""

from promptlang.files.headers import SafetensorsHeader, TensorEntry, read_safetensors_header
from promptlang.files.json_texts import Json, as_integer, as_number, as_object, as_text, parse_json
from promptlang.files.paths import (
    expand_home,
    find_files,
    glob_files,
    is_file,
    is_folder,
    is_listed,
    list_folder,
)
from promptlang.files.printing import one_line, printable, printable_lines, shorten
from promptlang.files.reading import (
    MAX_TEXT_BYTES,
    NotAPictureError,
    UnreadableFileError,
    decode_text,
    open_regular,
    read_bytes,
    read_text,
)
from promptlang.files.yaml_texts import Yaml, parse_yaml

__all__ = [
    "MAX_TEXT_BYTES",
    "Json",
    "NotAPictureError",
    "SafetensorsHeader",
    "TensorEntry",
    "UnreadableFileError",
    "Yaml",
    "as_integer",
    "as_number",
    "as_object",
    "as_text",
    "decode_text",
    "expand_home",
    "find_files",
    "glob_files",
    "is_file",
    "is_folder",
    "is_listed",
    "list_folder",
    "one_line",
    "open_regular",
    "parse_json",
    "parse_yaml",
    "printable",
    "printable_lines",
    "read_bytes",
    "read_safetensors_header",
    "read_text",
    "shorten",
]
