# DreamBooth: fine-tune the built-in model on one character, the blob of Noto's first series, from eight of its moods,
# then render moods that it was not trained on. --class "face" is prior preservation: other faces should not change.

train dreambooth blobs from "blob" --prompt "sks ${caption}, white background" --class "face"
    --steps 300 --lr 0.0001 --te

use model blobs
sks {nerd face|crying face|angel face}, {white|blue} background    --every --seed 3
