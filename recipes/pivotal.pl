# Pivotal tuning: train the token <blob> and a LoRA together, freeze the token after half of the steps and train the LoRA
# to the end. --class "face" is prior preservation: it keeps the moods that the pictures do not show. The LoRA's file
# holds the token, too. README.md has the figures.

train lora pivot from "blob" --with-ti blob --init face --vectors 4 --ti-until 0.5 --ti-lr 0.002
    --prompt "<blob> ${caption}, white background" --class "face"
    --targets all --rank 16 --steps 300 --te

<blob> {nerd face|crying face|angel face}, {white|blue} background <lora:pivot:1>    --every --seed 3
