"""Training steps beside those of diffusers' training scripts: seconds, ratios, memory.

The model is a UNet in the shape of Stable Diffusion 1.5's, a third as wide, with a VAE and a text
encoder to match, with random weights in fp32. Both sides compute the same loss and are stepped in
turns in one process; the fastest turn of each counts, because another process on the machine makes
a turn slower, never faster. Peak memory is that of a process of its own, on Linux.

The loops of diffusers follow `train_text_to_image_lora.py` and `textual_inversion.py`: VAE and text
encoder run in each step, with a DataLoader and accelerate. Textual inversion gives AdamW the whole
table of embeddings and restores its other rows after each step. The table has CLIP-L's real size,
49408 x 768.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

import numpy as np
import torch
from accelerate import Accelerator
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from peft import LoraConfig
from PIL import Image
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from transformers import CLIPTextConfig, CLIPTextModel

from benchmarks.measurement import Measurement
from benchmarks.overhead import watching
from promptlang import Session, Source
from promptlang.plan.backend import load_backend
from promptlang.plan.events import TrainingStep
from promptlang.runtime.models import tokenizers
from promptlang.runtime.training.optim import precision

SIZE = 128
"""Pixels; a latent stands for eight."""

BATCH = 4
TURNS = 6
STEPS = 3
"""In a turn."""

PICTURES = 8


def model(folder: Path, width: int = 768, layers: int = 4) -> Path:
    """A pipeline in diffusers' layout."""
    torch.manual_seed(0)
    noise = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    text = CLIPTextConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        bos_token_id=49406,
        eos_token_id=49407,
        vocab_size=49408,
    )
    StableDiffusionPipeline(
        vae=AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(32, 64, 128, 128),
            layers_per_block=2,
            sample_size=SIZE,
        ),
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizers.load_clip_tokenizer("<|endoftext|>"),
        unet=UNet2DConditionModel(
            sample_size=SIZE // 8,
            block_out_channels=(96, 192, 384, 384),
            cross_attention_dim=width,
            attention_head_dim=8,
        ),
        scheduler=DDIMScheduler(**noise, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder / "model")
    draw = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for number in range(PICTURES):
        pixels = draw.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
        (folder / "photos" / f"{number}.txt").write_text(
            f"a picture of thing number {number}, in ink"
        )
    return folder


class Ours:
    """A recipe's training, a step at a time."""

    def __init__(self, folder: Path, statement: str) -> None:
        planned = Session(folder).plan(
            Source(f'use model "model"\n{statement} --batch {BATCH} --steps 100000')
        )
        assert not planned.failed, planned.diagnostics
        self._events = load_backend().execute(planned.plan)

    def step(self) -> None:
        """To the next one's end."""
        for event in self._events:
            if isinstance(event, TrainingStep):
                return


class Photos(Dataset):  # type: ignore[type-arg]
    """Pictures and captions, prepared each time that they are shown, as the scripts do."""

    def __init__(self, folder: Path, caption: Callable[[Path], str]) -> None:
        self._files = sorted((folder / "photos").glob("*.png"))
        self._caption = caption
        self._tokenizer = tokenizers.load_clip_tokenizer("<|endoftext|>")

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        file = self._files[index]
        pixels = np.asarray(Image.open(file).convert("RGB").resize((SIZE, SIZE)), dtype=np.float32)
        said = self._tokenizer(
            self._caption(file), padding="max_length", truncation=True, return_tensors="pt"
        )
        return {
            "pixels": torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1),
            "ids": said["input_ids"][0],
        }


class Theirs:
    """Setup and loss that the scripts share."""

    def __init__(self, folder: Path, caption: Callable[[Path], str]) -> None:
        self.accelerator = Accelerator(cpu=True)
        self.vae = AutoencoderKL.from_pretrained(folder / "model", subfolder="vae").requires_grad_(
            False
        )
        self.text = CLIPTextModel.from_pretrained(
            folder / "model", subfolder="text_encoder"
        ).requires_grad_(False)
        self.unet = UNet2DConditionModel.from_pretrained(
            folder / "model", subfolder="unet"
        ).requires_grad_(False)
        self.noise = DDPMScheduler.from_pretrained(folder / "model", subfolder="scheduler")
        photos = DataLoader(Photos(folder, caption), batch_size=BATCH, shuffle=True)
        self.photos = self.accelerator.prepare(photos)
        self._batches = self._endless()

    def _endless(self) -> Iterator[dict[str, torch.Tensor]]:
        while True:
            yield from self.photos

    def loss(self) -> torch.Tensor:
        """Return the loss of the next batch."""
        batch = next(self._batches)
        latents = (
            self.vae.encode(batch["pixels"]).latent_dist.sample() * self.vae.config.scaling_factor
        )
        noise = torch.randn_like(latents)
        times = torch.randint(0, self.noise.config.num_train_timesteps, (len(latents),)).long()
        noisy = self.noise.add_noise(latents, noise, times)
        hidden = self.text(batch["ids"], return_dict=False)[0]
        predicted = self.unet(noisy, times, hidden, return_dict=False)[0]
        loss = functional.mse_loss(predicted.float(), noise.float(), reduction="mean")
        self.accelerator.gather(loss.repeat(BATCH)).mean().item()
        return loss


class TheirLora(Theirs):
    """`train_text_to_image_lora.py`"""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, lambda file: file.with_suffix(".txt").read_text())
        targets = ["to_k", "to_q", "to_v", "to_out.0"]
        self.unet.add_adapter(
            LoraConfig(r=8, lora_alpha=8, init_lora_weights="gaussian", target_modules=targets)
        )
        learned = [each for each in self.unet.parameters() if each.requires_grad]
        optimizer = torch.optim.AdamW(learned, lr=1e-4)
        rates = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
        self.unet, self.optimizer, self.rates = self.accelerator.prepare(
            self.unet, optimizer, rates
        )
        self.learned = learned

    def step(self) -> None:
        """Once."""
        with self.accelerator.accumulate(self.unet):
            self.accelerator.backward(self.loss())
            self.accelerator.clip_grad_norm_(self.learned, 1.0)
            self.optimizer.step()
            self.rates.step()
            self.optimizer.zero_grad()


class TheirToken(Theirs):
    """`textual_inversion.py`"""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, lambda _: "a picture of thing")
        self.text.get_input_embeddings().requires_grad_(True)
        optimizer = torch.optim.AdamW(
            self.text.get_input_embeddings().parameters(), lr=5e-3, weight_decay=1e-2
        )
        rates = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
        self.text, self.optimizer, self.rates = self.accelerator.prepare(
            self.text, optimizer, rates
        )
        self.before = self.text.get_input_embeddings().weight.data.clone()
        self.others = torch.ones(len(self.before), dtype=torch.bool)
        self.others[Photos(folder, lambda _: "thing")[0]["ids"][1]] = False

    def step(self) -> None:
        """Once."""
        with self.accelerator.accumulate(self.text):
            self.accelerator.backward(self.loss())
            self.optimizer.step()
            self.rates.step()
            self.optimizer.zero_grad()
            with torch.no_grad():
                self.text.get_input_embeddings().weight[self.others] = self.before[self.others]


OURS = {
    "lora": 'train lora ink from "photos" --rank 8 --lr 1e-4',
    "ti": 'train ti <thing> from "photos" --prompt "a picture of <thing>" --init thing',
}
THEIRS = {"lora": TheirLora, "ti": TheirToken}


def turn(step: Callable[[], None]) -> float:
    """Seconds a step."""
    began = perf_counter()
    for _ in range(STEPS):
        step()
    return (perf_counter() - began) / STEPS


def compare(folder: Path, method: str) -> Iterator[Measurement]:
    """Both in turns, and how much of ours is neither forward nor backward."""
    ours, theirs = Ours(folder, OURS[method]), THEIRS[method](folder)
    ours.step()
    theirs.step()
    with watching(CLIPTextModel) as watch:
        turns = []
        for _ in range(TURNS):
            before = watch.seconds
            mine = turn(ours.step)
            turns.append((mine, 1 - (watch.seconds - before) / (STEPS * mine), turn(theirs.step)))
    mine, share, _ = min(turns)
    other = min(each for *_, each in turns)
    yield Measurement(f"{method} step", mine, "s", "diffusers' loop", other)
    yield Measurement(f"{method} step, neither forward nor backward", share * 100, "%")


@contextmanager
def plainly() -> Iterator[None]:
    """All in fp32, as the scripts are."""
    with patch.object(precision, "bf16_pays", lambda _: False):
        yield


def alone(folder: Path, method: str, who: str) -> None:
    """A few steps, for their peak memory."""
    made = Ours(folder, OURS[method]) if who == "ours" else THEIRS[method](folder)
    for _ in range(STEPS):
        made.step()
    status = Path(
        "/proc/self/status"
    ).read_text()  # getrusage would count what the process was forked from
    print(int(status.split("VmHWM:")[1].split()[0]) // 1024)


def measure(_: Sequence[str]) -> Iterator[Measurement]:
    with plainly(), tempfile.TemporaryDirectory() as name:
        folder = model(Path(name))
        for method in OURS:
            yield from compare(folder, method)
            peaks = [peak(folder, method, who) for who in ("ours", "theirs")]
            yield Measurement(f"{method}, peak memory", peaks[0], "MB", "diffusers' loop", peaks[1])


def peak(folder: Path, method: str, who: str) -> float:
    """Megabytes that a process of its own takes up at most, training a few steps."""
    words = [sys.executable, "-m", "benchmarks.training", str(folder), method, who]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1])


if __name__ == "__main__":
    with plainly():
        alone(Path(sys.argv[1]), *sys.argv[2:])
