# Data sets.

train lora ink from empty # PL401
