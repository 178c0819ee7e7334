# Options, values, and what cannot be carried out yet.

a fox --steps many # PL201
a fox --steps 0 # PL202
a fox --sampler dimm # PL203
a fox --steps # PL204
a fox --steps 20 --steps 30 # PL205
(16:9) # PL206
a fox --size 100x100 # PL207
[a:b:40] # PL209
a fox --seed 1..100000 # PL210
a fox --cfg 0..1/0 # PL212
train lora ../ink from photos # PL211
caption "photos" # PL299
train lora a from photos --min-snr 5 --debiased # PL230
train lora a from photos --noise-offset 0.1 --multires-noise 0.5 # PL230
train lora a from photos --validation photos --hold-out 10% # PL235 PL230
train lora a from photos --class "a cat" --class-count 4 --class-data photos # PL230
train lora a from photos --class-count 4 # PL231
train lora a from photos --class "a cat" --class-ratio 2 # PL231
train lora a from photos --class-data photos --class-ratio 0.3 # PL234
train lora a from photos --class-data photos --class-ratio 0.25
train lora a from photos --class "a <lora:ikn:1>" --class-count 4 # PL101
train lora a from photos --algo loha --rslora # PL230
train lora a from photos --optimizer schedule-free --scheduler cosine # PL230
train lora a from photos --optimizer schedule-free --ema 0.9 # PL230
train lora a from photos --optimizer prodigy --te --te-lr 1 # PL230
train lora a from photos --optimizer prodigy --te --lr 2
train lora a from photos --optimizer prodigy --mid-lr 1 # PL230
train lora a from photos --optimizer prodigy --with-ti t --ti-lr 1 # PL230
train lora a from photos --down-lr 0 --mid-lr 1e-4 --up-lr 1e-3
train ti <t> from photos --up-lr 1e-3 # PL102
train lora a from photos --attention flash # PL203
train lora a from photos --prior 2 # PL231
train lora a from photos --prompt "sks, ${captoin}" # PL106
train lora a from photos --prompt "sks, ${caption}"
train dreambooth emoji from photos # PL237
train lora a from photos --warmup 500 # PL238
train lora a from photos --warmup 500 --steps 500
train ti <t> from photos --samples "a <t>" --sample-every 20 --steps 10 # PL238
train ti <t> from photos --init "" # PL524
train lora a from photos --te-lr 1e-5 # PL231
train dreambooth m from photos --base-precision int8 # PL231
train dreambooth m from photos --rank 4 # PL231
train dreambooth m from photos --as lora --base-precision fp8 --precision bf16 --clip-skip 2
train lora a from photos --cosine-weight 2 # PL231
train lora a from photos --loss huber --cosine-weight 2 # PL231
train lora a from photos --huber-c 0.2 # PL231
train lora a from photos --loss huber --huber-c 0.2 --clip 0.5
train lora a from photos --clip 1 --max-grad-norm 2 # PL205
train lora a from photos --scheduler cosine --cycles 2 # PL231
train lora a from photos --keep-tokens 2 # PL231
train lora a from photos --targets "to_(q" # PL232
train lora a from photos --targets attm # PL203
train lora a from photos --hold-out 90% # PL202
train lora a from photos --te on --no-flip
train ti <style> from photos --rank 4 # PL102
train ti <a/b> from photos # PL211
train dreambooth a from photos --vectors 2 # PL231
{3$$a|b} # PL213
{-1::a|b} # PL214
{1,5::a|b} {0::c|0::d} # PL214 PL217
[a|b:0] # PL215
<lora:ink:0@1,0.5@0> # PL216
train lora a from photos --with-ti sks --vectors 2 --init cat --ti-until 30% --ti-lr 0.001
train lora a from photos --vectors 2 --ti-until 0.5 # PL231 PL231
train dreambooth a from photos --with-ti sks --under "<lora:inc>" # PL231 PL231 PL101
train lora a from photos --with-ti sks --optimizer schedule-free # PL230
train ti <b> from photos --on "no/such/model" # PL103
train ti <b> from photos --under "a fox" # PL233
train ti <b> from photos --under "<lora:ink:[0:1:0.5]>" # PL233
train lora a from photos --algo loha --format diffusers # PL230
train lora a from photos --with-ti sks --format peft # PL230
train lora a from photos --algo lokr --format peft
a <sks>, <b>
train lora x from photos --samples "a fox, <sks> {cat|dog}" --sample-every 10
train lora x from photos --sample-every 10 # PL231
train lora x from photos --keep best # PL231
train lora x from photos --keep best --hold-out 20%
train lora x from photos --samples "a fox" --sample-every 0 # PL202
train lora x from photos --samples fox # PL201
train lora x from photos --samples "a <lora:x:1>" # PL236
train lora x from photos --samples "{a|a <lora:ink:1>}" # PL236
train lora x from photos --samples "a (fox" # PL001
train lora x from photos --samples "a <nobody>" # PL105
train ti <new> from photos --samples "a <new>"
a fox --sampler euler_a --scheduler karras # PL505
a fox --sampler "Euler a Karras" # PL505
a fox --sampler euler,lcm --scheduler normal,exponential # PL505
a fox --size 100000x100000 # PL202
train lora nul from photos # PL211
train lora ink. from photos # PL211
