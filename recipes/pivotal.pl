# Pivotal tuning: the word <blob> is learned beside a LoRA, stays as it is after half of the steps,
# and the LoRA goes on from there. --class keeps other faces, and so the moods that it is not shown. The LoRA's file
# brings the word along. README.md has how near that comes.

train lora pivot from "blob" --with-ti blob --init face --vectors 4 --ti-until 0.5 --ti-lr 0.002 --prompt "<blob> ${caption}, white background" --class "face" --targets all --rank 16 --steps 300 --te

<blob> {nerd face|crying face|angel face}, {white|blue} background <lora:pivot:1> --every --seed 3
