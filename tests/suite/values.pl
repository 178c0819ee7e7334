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
train ti <style> from photos # PL299
{3$$a|b} # PL213
{-1::a|b} # PL214
[a|b:0] # PL215
<lora:ink:0@1,0.5@0> # PL216
