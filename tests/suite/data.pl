# Data sets.

train lora ink from empty # PL401
train dreambooth cat from empty # PL401
train ti <sks> from nowhere # PL301
train lora ink from photos --validation empty # PL401
train dreambooth cat from photos --class-data "no/such" # PL301
