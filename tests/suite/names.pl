# Names that nothing has.

<lora:ukiyoe> # PL101
a fox --stpes 30 # PL102
use model emojo # PL103
<lora:ink:0.5> <lora:ink:0.3> # PL104
<painterly> # PL105
${hreo} # PL106
let hero = a man
${hero(old)} # PL107
let hero(x) = a ${x} man
${hero} # PL108
a __beast__ # PL109
