"""Diagnostics of ``check-data``, which stop no training: PL41x, PL42x."""

from __future__ import annotations

from collections.abc import Sequence

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.diagnostics.wording import list_names
from promptlang.source import Span

UNUSUAL_PICTURE_COUNT = Rule(
    code="PL410",
    kind="unusual-picture-count",
    title="Too few or too many pictures for the method",
    why="With few pictures the model learns them by heart; textual inversion and DreamBooth are "
    "made for few, and blur with many. The hint says where the numbers come from.",
    fix="Add or remove pictures, or take another method.",
    severity=Severity.WARNING,
)


def unusual_picture_count(count: int, advice: str, hint: str, span: Span) -> Diagnostic:
    """Report two pictures for a LoRA."""
    counted = "there is 1 picture" if count == 1 else f"there are {count} pictures"
    return UNUSUAL_PICTURE_COUNT.at(span, f"{counted}; it should be {advice}", hint)


NEAR_DUPLICATES = Rule(
    code="PL411",
    kind="near-duplicates",
    title="Pictures are almost the same",
    why="The same picture twice, or in two sizes, counts twice in the training, and its accidents "
    "are learned before those of the others.",
    fix="Keep the best of them.",
    severity=Severity.WARNING,
)


def near_duplicates(names: Sequence[str], span: Span) -> Diagnostic:
    """Report pictures that are duplicates, or the same picture in two sizes."""
    message = f"{list_names(names)} are almost the same picture, so it counts that many times"
    return NEAR_DUPLICATES.at(span, message, "keep the best of them")


MISSING_CAPTIONS = Rule(
    code="PL412",
    kind="missing-captions",
    title="Pictures without captions",
    why="Without a caption the name of the file is the caption, and a name such as `IMG_0012` "
    "describes nothing.",
    fix="Write what each picture shows into a .txt file of its name, or give one `--prompt` for "
    "all.",
    severity=Severity.WARNING,
)


def missing_captions(names: Sequence[str], span: Span) -> Diagnostic:
    """Report ``IMG_0012.jpg`` without a text beside it."""
    lack = (
        "has no caption, and its file name describes nothing"
        if len(names) == 1
        else "have no captions, and their file names describe nothing"
    )
    message = f"{list_names(names)} {lack}"
    hint = 'write what it shows into a .txt beside it, or add `--prompt "a picture of sks"`'
    return MISSING_CAPTIONS.at(span, message, hint)


COMMON_TRIGGER_WORD = Rule(
    code="PL413",
    kind="common-trigger-word",
    title="The trigger word is a word that the model knows",
    why="What the model knows of a common word mixes with what it learns, in both directions: the "
    "word changes its meaning in all prompts.",
    fix="Take a rare word, such as `sks`, or train a token of its own with `train ti`.",
    severity=Severity.WARNING,
)


def common_trigger_word(word: str, span: Span) -> Diagnostic:
    """Report ``--token fox``."""
    message = f"the model knows the word `{word}`, so its meaning will mix with what is learned"
    hint = "take a rare word, such as `sks`, or train a token with `train ti`"
    return COMMON_TRIGGER_WORD.at(span, message, hint)


TRIGGER_MISSING_IN_CAPTIONS = Rule(
    code="PL414",
    kind="trigger-missing-in-captions",
    title="Captions without the trigger word",
    why="The trigger word learns from the captions in which it stands. What is in the other "
    "pictures goes to the other words of their captions.",
    fix='Write the word into all captions, or add `--prompt "WORD, ${caption}"`.',
    severity=Severity.WARNING,
)


def trigger_missing_in_captions(token: str, names: Sequence[str], span: Span) -> Diagnostic:
    """Report captions without the trigger word."""
    captions = "the caption of {} does" if len(names) == 1 else "the captions of {} do"
    message = f"{captions.format(list_names(names))} not contain `{token}`"
    hint = f'add `--prompt "{token}, ${{caption}}"`, or write it into the captions'
    return TRIGGER_MISSING_IN_CAPTIONS.at(span, message, hint)


SAME_BACKGROUND = Rule(
    code="PL415",
    kind="same-background",
    title="All pictures have the same plain background",
    why="What all pictures share is learned as part of the subject, so it appears in every picture "
    "that is made later.",
    fix="Vary the background, name it in the captions, or leave it out of the loss with a mask.",
    severity=Severity.WARNING,
)


def same_background(colour: str, span: Span) -> Diagnostic:
    """Report a background that is the same in all pictures."""
    message = f"the background is always about {colour}, and will be learned with the subject"
    hint = (
        "vary it, name it in the captions, or leave it out: `one-mask.png`, or `--alpha-mask` "
        "where it is transparent"
    )
    return SAME_BACKGROUND.at(span, message, hint)


HEAVILY_CROPPED = Rule(
    code="PL416",
    kind="heavily-cropped",
    title="Pictures lose much when they are cropped",
    why="A training crops each picture to the shape of the model. What lies outside is not "
    "learned, although the caption may name it.",
    fix="Train with `--buckets`, which keeps the shapes, or crop the pictures yourself.",
    severity=Severity.WARNING,
)


def heavily_cropped(names: Sequence[str], span: Span) -> Diagnostic:
    """Report a panorama, cut to a square."""
    verb = "loses" if len(names) == 1 else "lose"
    message = f"{list_names(names)} {verb} more than a third when cropped to the model's shape"
    return HEAVILY_CROPPED.at(span, message, "train with `--buckets`, or crop them yourself")


ANIMATED_PICTURES = Rule(
    code="PL417",
    kind="animated-pictures",
    title="An animation among the pictures",
    why="Only the first frame of an animation is trained on.",
    fix="Save the frames that you want as files of their own.",
    severity=Severity.WARNING,
)


def animated_pictures(names: Sequence[str], span: Span) -> Diagnostic:
    """Report an animated GIF."""
    verb = "is" if len(names) == 1 else "are"
    message = f"{list_names(names)} {verb} animated: only the first frame is used"
    return ANIMATED_PICTURES.at(span, message, "save the frames that you want as files")


UNUSED_FILES = Rule(
    code="PL418",
    kind="unused-files",
    title="Files that are not used",
    why="The file has a kind that cannot be read, is a caption without a picture, or lies in a "
    "folder whose name does not begin with a number of repeats such as `10_`.",
    fix="Remove, rename or convert the file.",
    severity=Severity.WARNING,
)


def unused_files(names: Sequence[str], reason: str, span: Span) -> Diagnostic:
    """Report ``photo.heic``, or the caption of a picture that is not there."""
    verb = "is" if len(names) == 1 else "are"
    message = f"{list_names(names)} {verb} not used: {reason}"
    return UNUSED_FILES.at(span, message, "remove, rename or convert it")


MASK_WITHOUT_PICTURE = Rule(
    code="PL419",
    kind="mask-without-picture",
    title="A mask without its picture",
    why="`one-mask.png` is the mask of `one.png`. That picture is not there, so the file is "
    "trained on as a picture itself.",
    fix="Remove the mask, or put its picture beside it.",
    severity=Severity.WARNING,
)


def mask_without_picture(names: Sequence[str], span: Span) -> Diagnostic:
    """Report ``one-mask.png`` without a ``one.png``."""
    verb = (
        "is named like a mask without a picture, and is"
        if len(names) == 1
        else "are named like masks without pictures, and are"
    )
    hint = "remove it, or put the picture of which it is a mask beside it"
    message = f"{list_names(names)} {verb} trained on as a picture"
    return MASK_WITHOUT_PICTURE.at(span, message, hint)


MASK_STRETCHED = Rule(
    code="PL420",
    kind="mask-stretched",
    title="A mask has another shape than its picture",
    why="The mask is stretched to the shape of the picture, so it covers other places than meant.",
    fix="Crop the mask in the same way as its picture.",
    severity=Severity.WARNING,
)


def mask_stretched(names: Sequence[str], span: Span) -> Diagnostic:
    """Report a square mask for a picture that is not square."""
    verb = (
        "has another shape than its picture"
        if len(names) == 1
        else "have other shapes than their pictures"
    )
    message = f"{list_names(names)} {verb}, and will be stretched"
    return MASK_STRETCHED.at(span, message, "crop it in the same way as its picture")


MANY_REPEATS = Rule(
    code="PL421",
    kind="many-repeats",
    title="A folder's name asks for very many repeats",
    why="A folder `10_red fox` shows its pictures ten times as often as others, as kohya's trainer "
    "does. A name such as `2024_holidays` is probably not meant so.",
    fix="Rename the folder, if the number is not a number of repeats.",
    severity=Severity.WARNING,
)


def many_repeats(folder: str, repeats: int, span: Span) -> Diagnostic:
    """Report ``2024_holidays``."""
    message = (
        f"the pictures of `{folder}` are shown {repeats} times as often as others, "
        "because its name begins so"
    )
    hint = "rename the folder, if that is not a number of repeats"
    return MANY_REPEATS.at(span, message, hint)


TOO_MANY_REPEATS = Rule(
    code="PL422",
    kind="too-many-repeats",
    title="The names of folders ask for more repeats than an epoch can have",
    why="A folder `10_red fox` shows its pictures ten times in an epoch. Here an epoch has over "
    "ten million pictures, whose order alone would fill the memory. A name such as "
    "`20240101_holidays` is probably not meant so.",
    fix="Rename the folder, so that its name does not begin with a number and an underscore.",
)


def too_many_repeats(folder: str, repeats: int, span: Span) -> Diagnostic:
    """Report ``20240101_holidays``."""
    shown = str(repeats) if repeats < 10**12 else f"a number of {len(str(repeats))} digits"
    message = f"the name of `{folder}` asks for {shown} repeats, too many for an epoch"
    return TOO_MANY_REPEATS.at(span, message, "rename the folder, or write a smaller number")
