# Pivotal tuning: the word <blob> is learned beside a LoRA, stays as it is after half of the steps,
# and the LoRA goes on from there. The LoRA's file brings the word along. README.md has how near that comes.

train lora pivot from "blob" --with-ti blob --init face --vectors 4 --ti-until 0.5 --prompt "<blob> ${caption}, white background" --targets all --rank 16 --steps 300

<blob> {nerd face|crying face|angel face}, {white|blue} background <lora:pivot:1> --every --seed 3
