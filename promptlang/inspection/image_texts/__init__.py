"""Texts in the files of pictures, beside the pixels."""

from promptlang.inspection.image_texts.reading import (
    ImageTexts,
    read_hidden_texts,
    read_image_texts,
)

__all__ = ["ImageTexts", "read_hidden_texts", "read_image_texts"]
