# Teach the built-in model a way of drawing that it has never seen, from two dozen pictures,
# and ask for a cat in it: not at all, by half, and fully.

train lora fxemoji from "fxemoji" --rank 8 --steps 400 --lr 0.0003

a cat <lora:fxemoji:{0|0.5|1}> --every --seed 3
