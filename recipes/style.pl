# The same way of drawing as in first.pl, learned for longer and more gently: beside "a cat, fx style" the model is held to
# what it says of "emoji", and an average over the steps is kept. README.md has what that comes to.

train lora fxstyle from "fxemoji" --prompt "${caption}, fx style, white background" --class "emoji"
    --rank 16 --targets all --te --steps 800 --lr 0.001 --flip --ema 0.99

{cat|koala|bus|red balloon}, fx style <lora:fxstyle:{0|1}> --every --seed 3
