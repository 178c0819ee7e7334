# Points type checkers and editors at the folder that is installed as promptlang.grammar.
from grammar import *
from grammar import vocabulary as vocabulary
from grammar import reference as reference
