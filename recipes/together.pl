# Three trainings in one prompt: a DreamBooth model of the blob, a token trained on that model, and a style LoRA trained on
# FxEmojis. README.md has what each of them adds.

train dreambooth blobs from "blob" --prompt "sks ${caption}, white background" --class "face"
    --steps 300 --lr 0.0001 --te
train ti <sks> from "blob" --on blobs --prompt "<sks> ${caption}, white background"
    --init sks --vectors 4 --steps 300
train lora fxemoji from "fxemoji" --prompt "${caption}, fx style, white background"
    --rank 8 --targets all --steps 400 --lr 0.001 --flip --ema 0.98

use model blobs
<sks> {nerd face|crying face|angel face}, fx style, {white|blue} background <lora:fxemoji:{0|0.5}>    --every --seed 3
