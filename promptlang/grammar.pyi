# Points type checkers and editors at the folder that is installed as promptlang.grammar.
from grammar import *
from grammar import choices as choices
from grammar import heads as heads
from grammar import names as names
from grammar import picture_options as picture_options
from grammar import reference as reference
from grammar import training_data as training_data
from grammar import training_methods as training_methods
from grammar import training_objective as training_objective
from grammar import training_optimisation as training_optimisation
from grammar import vocabulary as vocabulary
