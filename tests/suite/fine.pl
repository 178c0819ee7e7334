# Everything that has a meaning and nothing wrong with it.

use model emoji
set steps 30
set negative "blurry, low quality"
use wildcards "photos"
use lora "downloads/wash.safetensors" as wash
include "parts/base.pl"

let portrait(who, light="soft") = (${who}:1.2) in ${light} light

train lora fashion from photos --rank 16 --alpha 8

${portrait(fox)}, <lora:fashion:0.8>    --seed 1..4
${portrait(${hero}, hard)}, [in a park:in space:0.4]    --seed 7 --cfg 3,5,7
a (red [fox) wolf], ((sharp)), (soft:[1.1:1.3:0.5])
[day:dusk:night:0.3,0.7], [rain|sun:5], <lora:ink:0@0,1@0.5>
a castle :0.7 AND a storm :[0.2:0.6:0.5]    --cfg [3:7:0.5]
a {red|{blue|green}} fox and an __animal__    --every
{2$$ and $$fox|owl|cat} BREAK in the woods, 50% grey, C#, a__b, $5
render set design, <lora:wash:te=0.5:unet=1>
train station at night, use of light, plot of land
