# Teach the built-in model one character, the blob of Noto's first series, from eight of its moods,
# and ask for moods that it was not shown. --class keeps what the model thinks of other faces.

train dreambooth blobs from "blob" --prompt "sks ${caption}, white background" --class "face" --steps 300 --lr 0.0001 --te

use model blobs
sks {nerd face|crying face|angel face}, {white|blue} background --every --seed 3
