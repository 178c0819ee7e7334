# The style of first.pl with better settings: twice as many steps, prior preservation with the class "emoji" against
# drift, and an exponential moving average of the weights. README.md has the figures.

train lora fxstyle from "fxemoji" --prompt "${caption}, fx style, white background" --class "emoji"
    --rank 16 --targets all --te --steps 800 --lr 0.001 --flip --ema 0.99

{cat|koala|bus|red balloon}, fx style <lora:fxstyle:{0|1}>    --every --seed 3
