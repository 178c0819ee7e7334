# Nothing of the model changes: a word is looked for that means the blob, and another for a way of drawing.
# The blob's is learned gently, and an average of the steps is kept, so that the moods which the model knows stay as they were,
# and those which it has no words for become faces. README.md has what each comes to.

train ti <blob> from "blob" --prompt "<blob> ${caption}, white background" --init face --steps 160 --ema 0.97
train ti <plain> from "flat" --prompt "${caption}, <plain>, white background" --init style --steps 200

<blob> {winking face|pensive face|nerd face}, {white|blue} background --every --seed 3
{cat|bus|red apple}, {|<plain>} --every --seed 3
