# Points type checkers and editors at the folder that is installed as promptlang.runtime.
from runtime import *
