# Nothing of the model changes: a word is looked for that means the blob, and another for FxEmojis' way of drawing.
# README.md has what that comes to: for the blob, on this small model, not the likeness that DreamBooth finds.

train ti <blob> from "blob" --prompt "<blob> ${caption}, white background" --init face --vectors 4 --steps 300
train ti <fx> from "fxemoji" --prompt "${caption}, <fx>, white background" --init style --vectors 4 --steps 300

<blob> {nerd face|crying face|angel face}, {white|blue} background --every --seed 3
{cat|bus|red apple}, <fx> --every --seed 3
