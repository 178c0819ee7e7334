"""What a trained file records of its training's options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from promptlang.plan.steps import Train
from promptlang.plan.training_config import PriorConfig
from promptlang.runtime.training.export.metadata import config_metadata

MOST_OPTIONS = {
    "ss_clip_skip": "None",
    "ss_gradient_accumulation_steps": "2",
    "ss_gradient_checkpointing": "False",
    "ss_learning_rate": "0.001",
    "ss_loss_type": "huber",
    "ss_lr_scheduler": "constant",
    "ss_lr_warmup_steps": "10",
    "ss_max_grad_norm": "1.0",
    "ss_min_snr_gamma": "None",
    "ss_noise_offset": "None",
    "ss_optimizer": "torch.optim.adamw.AdamW",
    "ss_prior_loss_weight": "None",
    "ss_seed": "3",
    "ss_steps": "12",
    "ss_text_encoder_lr": "0.0001",
    "ss_total_batch_size": "4",
    "ss_unet_lr": "0.001",
}


def test_options_are_recorded_under_the_keys_of_kohyas_scripts(
    training: Callable[..., Train],
) -> None:
    config = training(loss="huber", accumulate=2).config
    assert config_metadata(config) == MOST_OPTIONS


def test_what_is_off_is_none_and_what_is_not_given_is_left_out(
    training: Callable[..., Train],
) -> None:
    config = training(
        noise_offset=0.05,
        weighting="min-snr",
        part_rates=(("mid", 3e-4),),
        prior=PriorConfig(0.5, "a cat"),
        clip_skip=2,
        huber_c=0.2,
    ).config
    found = config_metadata(config)
    assert {key: found[key] for key in found if found[key] != MOST_OPTIONS.get(key)} == {
        "promptlang_mid_lr": "0.0003",
        "ss_clip_skip": "2",
        "ss_gradient_accumulation_steps": "1",
        "ss_huber_c": "0.2",
        "ss_loss_type": "mse",
        "ss_min_snr_gamma": "5.0",
        "ss_noise_offset": "0.05",
        "ss_prior_loss_weight": "0.5",
        "ss_total_batch_size": "2",
    }
    soft = replace(config, objective=replace(config.objective, weighting="soft-min-snr"))
    assert config_metadata(soft)["ss_min_snr_gamma"] == "None"
