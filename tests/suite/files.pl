# Files and models.

train lora ink from "no/such/folder" # PL301
use lora "no/such.safetensors" # PL304
include "no/such.pl" # PL305
