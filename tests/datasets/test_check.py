"""``check data``: what is wrong with pictures, and that good ones are left in peace."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from promptlang import Session, Source
from promptlang.analysis.world import Disk
from promptlang.cli.main import main
from promptlang.datasets.check import check_dataset
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.plan.dataset_report import DatasetReport
from promptlang.plan.events import DataChecked
from promptlang.plan.steps import EMOJI, CheckData, Model

WORDS = ("a red barn", "two boats", "an old tree", "some hills", "one lamp", "a long road")


def picture(seed: int, size: tuple[int, int] = (96, 96)) -> Image.Image:
    """Large patches of colour."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six good pictures of `sks`, each with its caption."""
    made = tmp_path / "good"
    made.mkdir()
    for at, words in enumerate(WORDS):
        picture(at).save(made / f"{at}.png")
        (made / f"{at}.txt").write_text(f"{words} with sks\n", "utf-8")
    return made


Checked = Callable[..., DatasetReport]


@pytest.fixture
def checked(folder: Path) -> Checked:
    def do(**options: object) -> DatasetReport:
        given = {"method": "dreambooth", "source": folder, **options}
        step = CheckData(Source("check data good").span(11, 15), **given)  # type: ignore[arg-type]
        (report,) = (
            event.report for event in check_dataset(step) if isinstance(event, DataChecked)
        )
        return report

    return do


def told(report: DatasetReport) -> list[tuple[str, str]]:
    return [(each.code, each.message) for each in report.complaints]


def test_good_pictures_are_left_in_peace(checked: Checked) -> None:
    report = checked(token="sks")
    assert told(report) == []
    found = {each.name: each.found for each in report.findings}
    assert found["pictures"] == "6"
    assert found["sizes"] == "96x96"
    assert found["captions"] == "6 in a text beside the picture"
    assert found["trigger"] == "sks in 6 of 6"


@pytest.mark.parametrize(
    ("method", "code"), [("lora", "PL410"), ("dreambooth", None), ("ti", None)]
)
def test_their_number_is_held_against_the_methods_advice(
    checked: Checked, method: str, code: str | None
) -> None:
    assert [each[0] for each in told(checked(method=method))] == ([code] if code else [])


def copy_smaller(original: Image.Image, folder: Path) -> None:
    original.resize((70, 70)).save(folder / "copy.jpg", quality=40)


def copy_brighter(original: Image.Image, folder: Path) -> None:
    ImageEnhance.Brightness(original).enhance(0.9).save(folder / "copy.png")


@pytest.mark.parametrize("copied", [copy_smaller, copy_brighter])
def test_a_copy_is_found_in_another_size_and_light(
    checked: Checked, folder: Path, copied: Callable[[Image.Image, Path], None]
) -> None:
    copied(picture(3), folder)
    (folder / "copy.txt").write_text("sks again")
    ((code, message),) = told(checked())
    name = next(folder.glob("copy.[jp]*")).name
    assert (code, message) == (
        "PL411",
        f"`3.png` and `{name}` are almost the same picture, so it counts that many times",
    )


def test_moods_of_one_character_are_no_copies() -> None:
    blob = Path(__file__).parents[2] / "recipes" / "blob"
    events = check_dataset(CheckData(Source("blob").span(0, 4), blob))
    (report,) = (event.report for event in events if isinstance(event, DataChecked))
    assert "PL411" not in {code for code, _ in told(report)}


def test_a_missing_caption_is_told_where_the_name_says_nothing(
    checked: Checked, folder: Path
) -> None:
    for name in ("0.txt", "1.txt"):
        (folder / name).unlink()
    (folder / "0.png").rename(folder / "IMG_0012.png")
    (folder / "1.png").rename(folder / "red-barn.png")
    assert told(checked()) == [
        ("PL412", "`IMG_0012.png` has no caption, and its file name describes nothing")
    ]
    assert told(checked(template="a picture of sks")) == []


def test_a_caption_that_is_empty_is_missing(checked: Checked, folder: Path) -> None:
    (folder / "2.txt").write_text(" \n")
    assert told(checked()) == [
        ("PL412", "`2.png` has no caption, and its file name describes nothing")
    ]


@pytest.mark.parametrize(
    ("token", "known"), [("fox", True), ("Watercolor", True), ("sks", False), ("ohwx fox", False)]
)
def test_a_token_that_is_a_common_word_is_told(checked: Checked, token: str, known: bool) -> None:
    assert ("PL413" in dict(told(checked(token=token, template=f"a {token}")))) is known


def test_a_subject_that_has_no_word_but_common_ones_is_told(checked: Checked, folder: Path) -> None:
    for at, words in enumerate(WORDS):
        (folder / f"{at}.txt").write_text(f"{words} with a dog")
    assert [each[0] for each in told(checked())] == ["PL413"]
    assert told(checked(method="ti")) == []


def test_a_caption_without_the_token_is_told(checked: Checked, folder: Path) -> None:
    (folder / "4.txt").write_text("one lamp with sks\na lamp")
    assert told(checked(token="sks")) == [
        ("PL414", "the caption of `4.png` does not contain `sks`")
    ]


@pytest.mark.parametrize("corner", [(18, 18), (0, 30)], ids=["inside", "touching-the-edge"])
def test_backgrounds_that_are_all_the_same_are_told_unless_they_are_masked(
    corner: tuple[int, int], checked: Checked, folder: Path
) -> None:
    for at in range(6):
        whole = Image.new("RGB", (96, 96), "white")
        whole.paste(picture(at, (60, 60)), corner)
        whole.save(folder / f"{at}.png")
    assert told(checked()) == [
        (
            "PL415",
            "the background is always about #ffffff, and will be learned with the subject",
        )
    ]
    for at in range(6):
        Image.new("L", (96, 96), 255).save(folder / f"{at}-mask.png")
    assert told(checked()) == []


def test_a_panorama_loses_much(checked: Checked, folder: Path) -> None:
    picture(0, (200, 96)).save(folder / "0.png")
    picture(1, (96, 140)).save(folder / "1.png")  # cut by 31 %
    assert told(checked()) == [
        ("PL416", "`0.png` loses more than a third when cropped to the model's shape")
    ]
    assert told(checked(size=(192, 96)))[0][0] == "PL416"  # now the others


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, None),
        ({"size": (512, 512)}, "PL403"),
        ({"model": Model("x", Path("none.safetensors"))}, None),
    ],
)
def test_what_is_small_depends_on_the_model(
    checked: Checked, options: dict[str, object], code: str | None
) -> None:
    assert [each[0] for each in told(checked(**options))] == ([code] if code else [])


def test_the_built_in_models_size_is_known_and_a_folders_too(
    checked: Checked, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    for part, fields in {
        "unet": {"sample_size": [16, 32]},
        "vae": {"block_out_channels": [1, 2, 3, 4]},
    }.items():
        (model / part).mkdir(parents=True)
        (model / part / "config.json").write_text(json.dumps(fields))
    wanted = {each: dict_of(checked(model=each))["sizes"] for each in (EMOJI, Model("m", model))}
    assert [*wanted.values()] == ["64x64 or larger", "256x128 or larger"]


def dict_of(report: DatasetReport) -> dict[str, str]:
    return {each.name: each.advice for each in report.findings}


def damaged(folder: Path) -> None:
    file = folder / "0.png"
    file.write_bytes(file.read_bytes()[:200])


def no_picture(folder: Path) -> None:
    (folder / "0.png").write_text("<html>")


def bad_mask(folder: Path) -> None:
    (folder / "0-mask.png").write_text("<html>")


@pytest.mark.parametrize(
    ("spoil", "name"), [(damaged, "0.png"), (no_picture, "0.png"), (bad_mask, "0-mask.png")]
)
def test_every_file_that_cannot_be_read_is_named_and_the_others_are_looked_at(
    checked: Checked, folder: Path, spoil: Callable[[Path], None], name: str
) -> None:
    spoil(folder)
    (folder / "5.png").write_bytes(b"")
    report = checked()
    assert [code for code, _ in told(report)] == ["PL402", "PL402"]
    assert f"`{name}`" in told(report)[0][1]
    assert "`5.png`" in told(report)[1][1]
    assert {each.name: each.found for each in report.findings}["sizes"] == "96x96"


def test_odd_kinds_are_counted_and_an_animation_is_told(checked: Checked, folder: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    picture(0).save(folder / "0.jpg", exif=turned)
    picture(1).convert("CMYK").save(folder / "1.jpg")
    Image.fromarray(np.asarray(picture(2).convert("L"), dtype=np.uint16) * 257).save(
        folder / "2.png"
    )
    picture(3).save(folder / "3.gif", save_all=True, append_images=[picture(9)])
    faded = picture(4)
    faded.putalpha(Image.linear_gradient("L").resize(faded.size))
    faded.save(folder / "4.png")
    for name in ("0.png", "1.png", "3.png"):
        (folder / name).unlink()
    report = checked()
    assert told(report) == [("PL417", "`3.gif` is animated: only the first frame is used")]
    found = {each.name: each.found for each in report.findings}["kinds"]
    assert found == "1 16-bit, 1 CMYK, 1 animated, 1 palette, 1 transparent, 1 turned by its camera"


def test_files_that_are_not_used_are_named(checked: Checked, folder: Path) -> None:
    (folder / "phone.heic").write_bytes(b"")
    (folder / "gone.txt").write_text("sks gone")
    (folder / "metadata.jsonl").write_text('{"file_name": "lost.png", "text": "sks lost"}\n')
    assert told(checked()) == [
        ("PL418", "`phone.heic` is not used: files of this kind cannot be read"),
        ("PL418", "`gone.txt` and `lost.png` are not used: there is no such picture"),
    ]


def test_a_folder_without_a_number_is_not_used(checked: Checked, folder: Path) -> None:
    for name in ("more", "2_of sks", "empty"):
        (folder / name).mkdir()
    picture(7).save(folder / "more" / "7.png")
    picture(8).save(folder / "2_of sks" / "8.png")
    assert told(checked()) == [
        ("PL418", "`more/` is not used: only folders with names like `10_red fox` are used"),
    ]


def test_a_mask_of_no_picture_and_one_of_another_shape_are_named(
    checked: Checked, folder: Path
) -> None:
    picture(7).save(folder / "sks-mask.png")
    for name, size in {"0": (96, 96), "1": (95, 96), "2": (96, 48)}.items():
        Image.new("L", size, 255).save(folder / f"{name}-mask.png")
    assert told(checked(template="sks")) == [
        ("PL420", "`2-mask.png` has another shape than its picture, and will be stretched"),
        (
            "PL419",
            "`sks-mask.png` is named like a mask without a picture, and is trained on as a picture",
        ),
    ]


@pytest.mark.parametrize(("name", "year"), [("2024_sks at sea", True), ("200_sks at sea", False)])
def test_a_folder_whose_number_is_a_year_is_told(
    checked: Checked, folder: Path, name: str, year: bool
) -> None:
    (folder / name).mkdir()
    picture(7).save(folder / name / "7.png")
    message = (
        "the pictures of `2024_sks at sea` are shown 2024 times as often as others, "
        "because its name begins so"
    )
    assert told(checked()) == ([("PL421", message)] if year else [])


def test_a_caption_that_is_oddly_written_is_shown_at_its_place(
    checked: Checked, folder: Path
) -> None:
    (folder / "1.txt").write_text("two (boats with sks")
    (complaint,) = checked().complaints
    assert (complaint.code, complaint.span.source.name, complaint.span.start) == (
        "PL001",
        "1.png",
        4,
    )


def test_an_empty_folder_is_an_error(checked: Checked, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(PromptError) as caught:
        checked(source=tmp_path / "none")
    assert [each.code for each in caught.value.diagnostics] == ["PL401"]


# As a statement


def planned(folder: Path, line: str) -> tuple[list[Diagnostic], list[object]]:
    made = Session(folder, world=Disk()).plan(Source(line))
    return [*made.diagnostics], [*made.plan.steps]


def test_a_statement_comes_to_a_step(folder: Path) -> None:
    line = 'check data "good" --method ti --size 512x768 --token <sks> --prompt "${caption}"'
    diagnostics, (step,) = planned(folder.parent, line)
    assert diagnostics == []
    assert isinstance(step, CheckData)
    assert (step.source, step.model, step.method) == (folder, EMOJI, "ti")
    assert (step.size, step.token, step.template) == ((512, 768), "<sks>", "${caption}")


@pytest.mark.parametrize(
    ("line", "code", "place"),
    [
        ("check data nowhere", "PL301", "nowhere"),
        ("check data empty", "PL401", "empty"),
        ("check data good --method dance", "PL203", "dance"),
        ("check data good --stpes 3", "PL102", "--stpes"),
    ],
)
def test_a_statement_is_checked_before_anything_is_done(
    folder: Path, line: str, code: str, place: str
) -> None:
    (folder.parent / "empty").mkdir()
    (diagnostic,), _ = planned(folder.parent, line)
    assert diagnostic.code == code
    assert diagnostic.span.text.startswith(place)


# As a command


def test_the_command_draws_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-data", str(folder), "--token", "fox"]) == 0
    out, errors = capsys.readouterr()
    assert out.splitlines()[0].strip() == "good"
    assert "fox in 0 of 6" in out
    assert "warning[PL413]" in errors
    assert "<command line>:1:1" in errors


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["{good}", "--method", "dreambooth"], 0),
        (["{good}", "--method", "lora", "--strict"], 1),
        (["{good}/none"], 1),
        (["{good}", "--size", "big"], 2),
        (["{good}/*.png", "--method", "dreambooth", "--strict"], 0),
    ],
)
def test_its_exit_code_is_that_of_the_other_commands(
    folder: Path, words: list[str], code: int
) -> None:
    try:
        found = main(["check-data", *(word.format(good=folder) for word in words)])
    except SystemExit as left:
        found = int(str(left.code))
    assert found == code


@pytest.mark.parametrize(("name", "said"), [("nowhere.txt", "PL304"), ("nowhere", "PL301")])
def test_what_is_not_there_is_called_what_it_would_be(
    name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-data", name]) == 1
    assert said in capsys.readouterr().err


def test_a_damaged_file_fails_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "0.png").write_text("<html>")
    assert main(["check-data", str(folder), "--method", "dreambooth"]) == 1
    out, errors = capsys.readouterr()
    assert "1 cannot be read" in out
    assert "error[PL402]" in errors


def test_it_tells_machines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-data", str(folder), "--json"]) == 0
    told_to_them = json.loads(capsys.readouterr().out)
    assert told_to_them["findings"][0]["complaints"][0]["code"] == "PL410"


def test_it_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys; from promptlang.cli.main import main; main(sys.argv[1:]); "
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check-data", str(folder)], check=False, capture_output=True
    )
    assert (done.returncode, b"pictures" in done.stdout) == (0, True)
