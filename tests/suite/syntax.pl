# What cannot be read as it is meant.

(a # PL001
a) # PL002
(a:1.2.3) # PL003
train loar ink from photos # PL004
train lora ink photos # PL005
set negative "blurry # PL006
<lore:ink> # PL007
<lora:> # PL008
<lora:ink:strong> # PL009
[a:b] # PL010
(a AND b) # PL011
<area:left> # PL012
a <area:0,0.5,0,1> # PL013
{a|b # PL014
let = a man # PL004
a fox <lora:ink:1 # PL017
a AND # PL018
(a:1,2) # PL003
LET fox = a red fox # PL004
use emoji # PL004
set steps=30 # PL004
train ink from "photos" # PL004
<trigger:ink:0.5> # PL021
