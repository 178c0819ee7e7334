# Teach the built-in model a way of drawing that it has never seen, from two dozen pictures,
# and ask for a cat in it: not at all, by half, and fully.

train lora fxemoji from "fxemoji" --prompt "${caption}, fx style, white background"
    --rank 8 --targets all --steps 400 --lr 0.001 --flip --ema 0.98

a cat, fx style <lora:fxemoji:{0|0.5|1}> --every --seed 3
