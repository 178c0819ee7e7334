# Nothing of the model changes: a word is looked for that means the blob, and another for FxEmojis' way of drawing.
# The blob's is learned gently, and an average of the steps is kept, so that the moods which the model knows stay as they were,
# and those which it has no words for become faces. README.md has what that comes to.

train ti <blob> from "blob" --prompt "<blob> ${caption}, white background" --init face --steps 160 --ema 0.97
train ti <fx> from "fxemoji" --prompt "${caption}, <fx>, white background" --init style --vectors 4 --steps 300

<blob> {winking face|pensive face|nerd face}, {white|blue} background --every --seed 3
{cat|bus|red apple}, <fx> --every --seed 3
