"""What is odd about a set of pictures: PL41x, told by ``check data``. None of it keeps a training from running."""

from __future__ import annotations

from collections.abc import Sequence

from promptlang.diagnostics import Diagnostic, warning
from promptlang.source import Span


def unusual_picture_count(count: int, advice: str, hint: str, span: Span) -> Diagnostic:
    """Two pictures for a LoRA."""
    said = "there is 1 picture" if count == 1 else f"there are {count} pictures"
    return warning("PL410", f"{said}; it should be {advice}", span, hint)


def near_duplicates(names: Sequence[str], span: Span) -> Diagnostic:
    """The same picture twice, or in two sizes."""
    message = f"{list_names(names)} are almost the same picture, which is learned so much the more"
    return warning("PL411", message, span, "keep the best of them")


def missing_captions(names: Sequence[str], span: Span) -> Diagnostic:
    """``IMG_0012.jpg`` without a text beside it."""
    message = f"{list_names(names)} {'has' if len(names) == 1 else 'have'} no caption, and a name that says nothing"
    hint = 'write what it shows into a .txt beside it, or say `--prompt "a picture of sks"`'
    return warning("PL412", message, span, hint)


def common_trigger_word(word: str, span: Span) -> Diagnostic:
    """``--token fox``"""
    message = f"`{word}` is a word that the model knows: what it means will be mixed up with what is learned"
    return warning(
        "PL413", message, span, "take a rare word, such as `sks`, or train a token with `train ti`"
    )


def trigger_missing_in_captions(token: str, names: Sequence[str], span: Span) -> Diagnostic:
    """A caption without the word that the pictures are to be called by."""
    verb = "does" if len(names) == 1 else "do"
    hint = f'say `--prompt "{token}, ${{caption}}"`, or write it into the captions'
    return warning(
        "PL414", f"what is said of {list_names(names)} {verb} not have `{token}` in it", span, hint
    )


def same_background(colour: str, span: Span) -> Diagnostic:
    """Everything on white."""
    message = f"the background is always about {colour}, and will be learned with what is before it"
    hint = "vary it, say so in the captions, or leave it out: `one-mask.png`, or `--alpha-mask` where it is transparent"
    return warning("PL415", message, span, hint)


def heavily_cropped(names: Sequence[str], span: Span) -> Diagnostic:
    """A panorama, cut to a square."""
    verb = "loses" if len(names) == 1 else "lose"
    message = f"{list_names(names)} {verb} more than a third when cut to a square"
    return warning("PL416", message, span, "train with `--buckets`, or cut them yourself")


def animated_pictures(names: Sequence[str], span: Span) -> Diagnostic:
    """An animated GIF."""
    verb = "is" if len(names) == 1 else "are"
    message = f"{list_names(names)} {verb} animated: only the first picture counts"
    return warning("PL417", message, span, "save the pictures that you want as files of their own")


def unused_files(names: Sequence[str], reason: str, span: Span) -> Diagnostic:
    """``photo.heic``, or the caption of a picture that is not there."""
    verb = "is" if len(names) == 1 else "are"
    return warning(
        "PL418",
        f"{list_names(names)} {verb} not used: {reason}",
        span,
        "remove, rename or convert it",
    )


def mask_without_picture(names: Sequence[str], span: Span) -> Diagnostic:
    """``one-mask.png`` without a ``one.png``."""
    told = (
        "is called like a mask, but of no picture"
        if len(names) == 1
        else "are called like masks, but of no pictures"
    )
    hint = "remove it, or put the picture beside it that it is a mask of"
    return warning("PL419", f"{list_names(names)} {told}, and will be learned from", span, hint)


def mask_stretched(names: Sequence[str], span: Span) -> Diagnostic:
    """A square mask for a picture that is none."""
    told = (
        "has another shape than its picture"
        if len(names) == 1
        else "have other shapes than their pictures"
    )
    hint = "cut it as its picture is cut"
    return warning("PL420", f"{list_names(names)} {told}, and will be stretched", span, hint)


def many_repeats(folder: str, repeats: int, span: Span) -> Diagnostic:
    """``2024_holidays``"""
    message = f"the pictures of `{folder}` are shown {repeats} times as often as others, for its name begins so"
    return warning("PL421", message, span, "rename the folder, if that is no number of repeats")


def list_names(names: Sequence[str], most: int = 3) -> str:
    """```one.png`, `two.png` and 4 more``"""
    shown = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
