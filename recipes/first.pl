# Train a style LoRA on two dozen pictures of a drawing style that the built-in model has never seen (FxEmojis),
# then render a cat without the LoRA, at half strength and at full strength.

train lora fxemoji from "fxemoji" --prompt "${caption}, fx style, white background"
    --rank 8 --targets all --steps 400 --lr 0.001 --flip --ema 0.98

a cat, fx style <lora:fxemoji:{0|0.5|1}>    --every --seed 3
