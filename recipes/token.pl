# Textual inversion: train one token that stands for the blob and one that stands for a drawing style. The model's weights
# do not change. Few steps and an average of the vectors keep the moods that the model can draw already.
# README.md has the figures.

train ti <blob>  from "blob" --prompt "<blob> ${caption}, white background" --init face --steps 160 --ema 0.97
train ti <plain> from "flat" --prompt "${caption}, <plain>, white background" --init style --steps 200

<blob> {winking face|pensive face|nerd face}, {white|blue} background    --every --seed 3
{cat|bus|red apple}, {|<plain>}    --every --seed 3
