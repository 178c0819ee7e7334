# Teach the built-in model a way of drawing that it has never seen, from two dozen pictures,
# and ask for a cat in it: not at all, by half, and fully.

train lora fxemoji from "fxemoji" --rank 8 --steps 400

set seed 3

a cat <lora:fxemoji:0>
a cat <lora:fxemoji:0.5>
a cat <lora:fxemoji:1>
